"""The ledger contract on a real EVM: who may do what, and that a claim has one winner."""

from __future__ import annotations

import hashlib
from typing import Any

import eth_abi
import pyrevm
import pytest
from huilian_protocol.keccak import keccak256

from ledger.contract import calls, gas
from ledger.contract.calls import LockState
from ledger.contract.compiler import OUTPUT, compile_contract

ADMIN, HUB, OTHER, NEXT = ("0x" + byte * 20 for byte in ("a1", "b2", "c3", "d4"))
NOW = 1_800_000_000
OURS, THEIRS = bytes([1]) * 22, bytes([2]) * 22
ROOT, OTHER_ROOT = bytes([1]) * 32, bytes([2]) * 32


def fingerprint(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


class Chain:
    """The contract deployed on a bare EVM with two enrolled hubs."""

    def __init__(self) -> None:
        self.evm: Any = pyrevm.EVM(spec_id="PARIS")
        self.at(NOW)
        self.address = self.evm.deploy(ADMIN, calls.creation_code(), gas=10_000_000)
        for hub in (HUB, OTHER):
            self.send(ADMIN, calls.enrol(hub))

    def at(self, timestamp: int, number: int = 1) -> None:
        self.evm.set_block_env(pyrevm.BlockEnv(number=number, timestamp=timestamp))

    def key(self, address: str) -> calls.HubKey:
        return calls.decode_hub_key(self.send(ADMIN, calls.hub_key(address)))

    def number(self, data: bytes) -> int:
        return int.from_bytes(self.send(ADMIN, data))

    def send(self, caller: str, data: bytes) -> bytes:
        answer: bytes = self.evm.message_call(caller, self.address, calldata=data, gas=10_000_000)
        return answer

    def refused(self, caller: str, data: bytes, reason: str) -> None:
        with pytest.raises(RuntimeError, match=reason.encode().hex()):
            self.send(caller, data)

    def lock(self, name: str) -> calls.Lock:
        answer = self.evm.message_call(HUB, self.address, calldata=calls.locks([fingerprint(name)]), is_static=True)
        return calls.decode_locks(answer)[0]


@pytest.fixture
def chain() -> Chain:
    return Chain()


def test_committed_output_is_what_the_compiler_makes() -> None:
    assert OUTPUT.read_text() == compile_contract()


def test_calls_agree_with_a_second_abi_encoder() -> None:
    prints = [fingerprint("a"), fingerprint("b")]
    selectors = {item["name"]: item for item in calls.artefact()["abi"] if item["type"] == "function"}

    def expected(name: str, *arguments: object) -> bytes:
        types = [item["type"] for item in selectors[name]["inputs"]]
        signature = f"{name}({','.join(types)})"
        return keccak256(signature.encode())[:4] + eth_abi.encode(types, arguments)

    head, other = (owner + number.to_bytes(10) for owner, number in ((OURS, 2), (THEIRS, 1)))
    assert calls.anchor(ROOT, 7) == expected("anchor", ROOT, 7)
    assert calls.reserve(prints, OURS, NOW) == expected("reserve", prints, [head], NOW)
    assert calls.finance(prints, OURS) == expected("finance", prints, [head])
    assert calls.release(prints, OURS) == expected("release", prints, [head])
    batch = [(prints, OURS), ([fingerprint("c")], THEIRS)]
    flat = [*prints, fingerprint("c")]
    assert calls.reserve_batch(batch, NOW) == expected("reserve", flat, [head, other], NOW)
    assert calls.finance_batch(batch) == expected("finance", flat, [head, other])
    assert calls.release_batch(batch) == expected("release", flat, [head, other])
    assert calls.locks(prints) == expected("locks", prints)
    assert calls.enrol(HUB) == expected("enrol", HUB)
    assert calls.remove(HUB) == expected("remove", HUB)
    assert calls.enrolled(HUB) == expected("enrolled", HUB)
    assert calls.hub_key(HUB) == expected("hub_key", HUB)
    assert calls.key_epoch(3, 4) == expected("key_epoch", 3, 4)
    assert calls.announce_key(HUB) == expected("announce_key", HUB)
    assert calls.accept_key(7) == expected("accept_key", 7)
    assert calls.anchors(7) == expected("anchors", 7)
    assert calls.vote(1) == expected("vote", 1)
    assert calls.withdraw_vote(1) == expected("withdraw_vote", 1)
    assert (calls.paused(), calls.motion()) == (expected("paused"), expected("motion"))


def test_anchors_only_grow_and_only_for_enrolled_hubs(chain: Chain) -> None:
    chain.send(HUB, calls.anchor(ROOT, 5))
    chain.refused(HUB, calls.anchor(OTHER_ROOT, 5), "size must grow")
    chain.refused(HUB, calls.anchor(OTHER_ROOT, 4), "size must grow")
    chain.send(OTHER, calls.anchor(OTHER_ROOT, 1))
    chain.refused(ADMIN, calls.anchor(ROOT, 9), "not enrolled")
    assert calls.decode_anchor(chain.send(HUB, calls.anchors(1))) == (ROOT, 5)
    chain.send(ADMIN, calls.remove(HUB))
    chain.refused(HUB, calls.anchor(ROOT, 6), "not enrolled")


def test_only_the_admin_enrols(chain: Chain) -> None:
    chain.refused(HUB, calls.enrol(HUB), "not the admin")
    chain.refused(HUB, calls.remove(OTHER), "not the admin")
    chain.refused(ADMIN, calls.enrol("0x" + "00" * 20), "no key")


def test_reserved_then_financed_and_nobody_else_gets_it(chain: Chain) -> None:
    chain.send(HUB, calls.reserve([fingerprint("a")], OURS, NOW + 60))
    assert chain.lock("a") == calls.Lock(1, LockState.RESERVED, NOW + 60, OURS)
    chain.refused(OTHER, calls.reserve([fingerprint("a")], THEIRS, NOW + 60), "taken")
    chain.refused(HUB, calls.reserve([fingerprint("a")], THEIRS, NOW + 60), "taken")
    chain.refused(OTHER, calls.finance([fingerprint("a")], OURS), "not reserved by you")
    chain.refused(HUB, calls.finance([fingerprint("a")], THEIRS), "not reserved by you")
    chain.send(HUB, calls.finance([fingerprint("a")], OURS))
    assert chain.lock("a") == calls.Lock(1, LockState.FINANCED, 0, OURS)
    chain.at(NOW + 10**8)
    chain.refused(OTHER, calls.reserve([fingerprint("a")], THEIRS, NOW + 10**8 + 60), "taken")


def test_a_batch_is_all_or_nothing(chain: Chain) -> None:
    chain.send(OTHER, calls.reserve([fingerprint("c")], THEIRS, NOW + 60))
    chain.refused(HUB, calls.reserve([fingerprint("b"), fingerprint("c")], OURS, NOW + 60), "taken")
    assert chain.lock("b").state is LockState.FREE
    chain.send(HUB, calls.reserve([fingerprint("b")], OURS, NOW + 60))
    chain.refused(HUB, calls.finance([fingerprint("b"), fingerprint("c")], OURS), "not reserved by you")
    assert chain.lock("b").state is LockState.RESERVED


def test_of_a_batch_each_claim_counts_for_itself(chain: Chain) -> None:
    a, b, c, d = (fingerprint(name) for name in "abcd")
    chain.send(OTHER, calls.reserve([b], THEIRS, NOW + 60))
    chain.send(HUB, calls.reserve_batch([([a], OURS), ([c, b], OURS), ([d], OURS)], NOW + 60))
    assert [chain.lock(name).owner for name in "abcd"] == [1, 2, 0, 1]
    chain.send(HUB, calls.finance_batch([([a], OURS), ([b], THEIRS), ([d], THEIRS)]))
    states = [LockState.FINANCED, LockState.RESERVED, LockState.FREE, LockState.RESERVED]
    assert [chain.lock(name).state for name in "abcd"] == states
    chain.send(HUB, calls.release_batch([([a, b], OURS), ([d], OURS)]))
    assert [chain.lock(name).state for name in "ad"] == [LockState.FINANCED, LockState.RELEASED]
    chain.refused(HUB, calls.reserve_batch([([a], OURS), ([b], OURS)], NOW + 60), "taken")


def test_heads_that_do_not_fit_the_fingerprints_are_refused(chain: Chain) -> None:
    a, b = fingerprint("a"), fingerprint("b")
    good = calls.reserve([a, b], OURS, NOW + 60)
    for count, reason in ((1, "wrong counts"), (0, "bad claim"), (256, "bad claim"), (2**72, "bad claim")):
        chain.refused(HUB, good[:-10] + count.to_bytes(10), reason)
    with pytest.raises(RuntimeError):
        chain.send(HUB, good[:-10] + (3).to_bytes(10))
    for step in (calls.finance, calls.release):
        chain.send(HUB, calls.reserve([a, b], OURS, NOW + 60))
        chain.refused(HUB, step([a, b], OURS)[:-10] + (1).to_bytes(10), "wrong counts")
        chain.send(HUB, calls.release([a, b], OURS))


def test_a_removed_hub_may_release_and_nothing_else(chain: Chain) -> None:
    chain.send(HUB, calls.reserve([fingerprint("a")], OURS, NOW + 60))
    chain.send(ADMIN, calls.remove(HUB))
    for data in (
        calls.finance([fingerprint("a")], OURS),
        calls.anchor(ROOT, 1),
        calls.announce_key(ADMIN),
        calls.vote(0),
        calls.withdraw_vote(0),
        calls.reserve([fingerprint("b")], OURS, NOW + 60),
    ):
        chain.refused(HUB, data, "not enrolled")
    chain.refused(ADMIN, calls.remove(HUB), "not enrolled")
    chain.send(HUB, calls.release([fingerprint("a")], OURS))
    chain.send(ADMIN, calls.enrol(HUB))
    assert chain.key(HUB) == calls.HubKey(1, 0, calls.KeyStatus.CURRENT)
    chain.send(HUB, calls.anchor(ROOT, 1))


def test_a_change_of_keys_begins_an_epoch_and_keeps_anchors_and_locks(chain: Chain) -> None:
    chain.send(HUB, calls.anchor(ROOT, 5))
    chain.send(HUB, calls.reserve([fingerprint("a")], OURS, NOW + 60))
    chain.refused(NEXT, calls.accept_key(1), "not announced")
    chain.send(HUB, calls.announce_key(NEXT))
    chain.refused(NEXT, calls.accept_key(2), "not announced")
    chain.refused(OTHER, calls.accept_key(1), "not announced")
    chain.at(NOW, number=9)
    chain.send(NEXT, calls.accept_key(1))
    for data in (
        calls.anchor(ROOT, 6),
        calls.finance([fingerprint("a")], OURS),
        calls.release([fingerprint("a")], OURS),
    ):
        chain.refused(HUB, data, "not enrolled")
    chain.refused(NEXT, calls.anchor(ROOT, 5), "size must grow")
    chain.send(NEXT, calls.anchor(ROOT, 6))
    chain.send(NEXT, calls.finance([fingerprint("a")], OURS))
    assert chain.lock("a") == calls.Lock(1, LockState.FINANCED, 0, OURS)
    assert chain.key(HUB) == calls.HubKey(1, 0, calls.KeyStatus.RETIRED)
    assert chain.key(NEXT) == calls.HubKey(1, 1, calls.KeyStatus.CURRENT)
    epochs = [calls.decode_key_epoch(chain.send(ADMIN, calls.key_epoch(1, epoch))) for epoch in range(3)]
    assert epochs == [calls.KeyEpoch(HUB, 1), calls.KeyEpoch(NEXT, 9), calls.KeyEpoch(None, 0)]
    for key in (HUB, NEXT):
        chain.refused(ADMIN, calls.enrol(key), "key in use")
    chain.send(NEXT, calls.announce_key(HUB))
    chain.refused(HUB, calls.accept_key(1), "key in use")
    chain.send(NEXT, calls.announce_key("0x" + "00" * 20))
    chain.send(ADMIN, calls.remove(NEXT))
    chain.refused(HUB, calls.accept_key(1), "not announced")


def test_a_key_announced_by_a_hub_that_was_removed_does_not_begin(chain: Chain) -> None:
    chain.send(HUB, calls.announce_key(NEXT))
    chain.send(ADMIN, calls.remove(HUB))
    chain.refused(NEXT, calls.accept_key(1), "not enrolled")


def test_more_than_half_of_the_hubs_pause_claims_and_end_the_pause(chain: Chain) -> None:
    chain.send(ADMIN, calls.enrol(NEXT))
    reserved, new = fingerprint("a"), calls.reserve([fingerprint("b")], OURS, NOW + 60)
    chain.send(HUB, calls.reserve([reserved], OURS, NOW + 60))
    chain.send(HUB, calls.vote(0))
    chain.refused(HUB, calls.vote(0), "voted already")
    chain.refused(OTHER, calls.vote(1), "another motion")
    assert not chain.number(calls.paused())
    chain.send(OTHER, calls.vote(0))
    assert (chain.number(calls.paused()), chain.number(calls.motion())) == (1, 1)
    chain.refused(HUB, new, "paused")
    chain.refused(HUB, calls.finance([reserved], OURS), "paused")
    chain.send(HUB, calls.anchor(ROOT, 1))
    chain.send(HUB, calls.release([reserved], OURS))
    chain.send(NEXT, calls.vote(1))
    chain.send(NEXT, calls.withdraw_vote(1))
    chain.refused(NEXT, calls.withdraw_vote(1), "no vote")
    chain.send(OTHER, calls.vote(1))
    chain.refused(HUB, new, "paused")
    chain.send(NEXT, calls.vote(1))
    assert not chain.number(calls.paused())
    chain.send(HUB, new)


def test_the_vote_of_a_removed_hub_is_gone(chain: Chain) -> None:
    chain.send(ADMIN, calls.enrol(NEXT))
    chain.send(HUB, calls.vote(0))
    chain.send(ADMIN, calls.remove(HUB))
    chain.send(OTHER, calls.vote(0))
    assert not chain.number(calls.paused())
    chain.send(NEXT, calls.vote(0))
    assert chain.number(calls.paused())


def test_a_reservation_runs_out_by_itself(chain: Chain) -> None:
    chain.send(HUB, calls.reserve([fingerprint("d")], OURS, NOW + 60))
    assert chain.lock("d").blocks(NOW + 59)
    assert not chain.lock("d").blocks(NOW + 60)
    chain.at(NOW + 59)
    chain.refused(OTHER, calls.reserve([fingerprint("d")], THEIRS, NOW + 90), "taken")
    chain.at(NOW + 60)
    chain.refused(HUB, calls.finance([fingerprint("d")], OURS), "not reserved by you")
    chain.send(OTHER, calls.reserve([fingerprint("d")], THEIRS, NOW + 90))
    chain.refused(HUB, calls.finance([fingerprint("d")], OURS), "not reserved by you")


def test_released_claims_are_free_again(chain: Chain) -> None:
    for step in (calls.reserve([fingerprint("e")], OURS, NOW + 60), calls.finance([fingerprint("e")], OURS)):
        chain.send(HUB, step)
    chain.refused(OTHER, calls.release([fingerprint("e")], OURS), "not held by you")
    chain.send(HUB, calls.release([fingerprint("e")], OURS))
    chain.refused(HUB, calls.release([fingerprint("e")], OURS), "not held by you")
    chain.refused(HUB, calls.finance([fingerprint("e")], OURS), "not reserved by you")
    chain.send(OTHER, calls.reserve([fingerprint("e")], THEIRS, NOW + 60))


def test_reservations_have_bounds(chain: Chain) -> None:
    chain.refused(HUB, calls.reserve([fingerprint("f")], OURS, NOW), "expiry in the past")
    too_far = NOW + calls.MAX_RESERVATION_SECONDS + 1
    chain.refused(HUB, calls.reserve([fingerprint("f")], OURS, too_far), "expiry too far")
    chain.refused(ADMIN, calls.reserve([fingerprint("f")], OURS, NOW + 60), "not enrolled")
    for wrong in ([], [bytes(32)] * 256):
        with pytest.raises(ValueError, match="1 to 25"):
            calls.reserve(wrong, OURS, NOW)
    with pytest.raises(ValueError, match="1 to 256"):
        calls.reserve_batch([([bytes(32)], OURS)] * 257, NOW)
    with pytest.raises(ValueError, match="22 bytes"):
        calls.reserve([bytes(32)], bytes(32), NOW)


def test_the_largest_batch_fits_a_block(chain: Chain) -> None:
    prints = [fingerprint(str(number)) for number in range(calls.MAX_FINGERPRINTS)]
    batch = [([fingerprint], OURS) for fingerprint in prints]
    chain.evm.message_call(HUB, chain.address, calldata=calls.reserve_batch(batch, NOW + 60), gas=30_000_000)
    chain.evm.message_call(HUB, chain.address, calldata=calls.finance_batch(batch), gas=30_000_000)
    assert chain.lock("255").state is LockState.FINANCED


def test_answers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no answer"):
        calls.decode_anchor(b"")
    with pytest.raises(ValueError, match="do not fit"):
        calls.decode_locks((32).to_bytes(32) + (2).to_bytes(32))


def test_the_gas_table_is_what_the_contract_costs() -> None:
    assert gas.OUTPUT.read_text() == gas.gas_table()
