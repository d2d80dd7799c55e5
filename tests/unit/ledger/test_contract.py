"""The ledger contract on a real EVM: who may do what, and that a claim has one winner."""

from __future__ import annotations

import hashlib
from typing import Any

import eth_abi
import pyrevm
import pytest
from huilian_protocol.keccak import keccak256

from ledger.contract import calls
from ledger.contract.calls import LockState
from ledger.contract.compiler import OUTPUT, compile_contract

ADMIN, HUB, OTHER = ("0x" + byte * 20 for byte in ("a1", "b2", "c3"))
NOW = 1_800_000_000
OURS, THEIRS = bytes([1]) * 32, bytes([2]) * 32


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

    def at(self, timestamp: int) -> None:
        self.evm.set_block_env(pyrevm.BlockEnv(number=1, timestamp=timestamp))

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

    assert calls.anchor(OURS, 7) == expected("anchor", OURS, 7)
    assert calls.reserve(prints, OURS, NOW) == expected("reserve", prints, OURS, NOW)
    assert calls.finance(prints, OURS) == expected("finance", prints, OURS)
    assert calls.release(prints, OURS) == expected("release", prints, OURS)
    assert calls.locks(prints) == expected("locks", prints)
    assert calls.enrol(HUB) == expected("enrol", HUB)
    assert calls.enrolled(HUB) == expected("enrolled", HUB)
    assert calls.anchors(HUB) == expected("anchors", HUB)


def test_anchors_only_grow_and_only_for_enrolled_hubs(chain: Chain) -> None:
    chain.send(HUB, calls.anchor(OURS, 5))
    chain.refused(HUB, calls.anchor(THEIRS, 5), "size must grow")
    chain.refused(HUB, calls.anchor(THEIRS, 4), "size must grow")
    chain.send(OTHER, calls.anchor(THEIRS, 1))
    chain.refused(ADMIN, calls.anchor(OURS, 9), "not enrolled")
    assert calls.decode_anchor(chain.send(HUB, calls.anchors(HUB))) == (OURS, 5)
    chain.send(ADMIN, calls.remove(HUB))
    chain.refused(HUB, calls.anchor(OURS, 6), "not enrolled")


def test_only_the_admin_enrols(chain: Chain) -> None:
    chain.refused(HUB, calls.enrol(HUB), "not the admin")
    chain.refused(HUB, calls.remove(OTHER), "not the admin")
    chain.refused(ADMIN, calls.enrol("0x" + "00" * 20), "no hub")


def test_reserved_then_financed_and_nobody_else_gets_it(chain: Chain) -> None:
    chain.send(HUB, calls.reserve([fingerprint("a")], OURS, NOW + 60))
    assert chain.lock("a") == calls.Lock(HUB, LockState.RESERVED, NOW + 60, OURS)
    chain.refused(OTHER, calls.reserve([fingerprint("a")], THEIRS, NOW + 60), "taken")
    chain.refused(HUB, calls.reserve([fingerprint("a")], THEIRS, NOW + 60), "taken")
    chain.refused(OTHER, calls.finance([fingerprint("a")], OURS), "not yours")
    chain.refused(HUB, calls.finance([fingerprint("a")], THEIRS), "not yours")
    chain.send(HUB, calls.finance([fingerprint("a")], OURS))
    assert chain.lock("a") == calls.Lock(HUB, LockState.FINANCED, 0, OURS)
    chain.at(NOW + 10**8)
    chain.refused(OTHER, calls.reserve([fingerprint("a")], THEIRS, NOW + 10**8 + 60), "taken")


def test_a_batch_is_all_or_nothing(chain: Chain) -> None:
    chain.send(OTHER, calls.reserve([fingerprint("c")], THEIRS, NOW + 60))
    chain.refused(HUB, calls.reserve([fingerprint("b"), fingerprint("c")], OURS, NOW + 60), "taken")
    assert chain.lock("b").state is LockState.FREE
    chain.refused(HUB, calls.reserve([fingerprint("b"), fingerprint("b")], OURS, NOW + 60), "taken")
    assert chain.lock("b").state is LockState.FREE
    chain.send(HUB, calls.reserve([fingerprint("b")], OURS, NOW + 60))
    chain.refused(HUB, calls.finance([fingerprint("b"), fingerprint("c")], OURS), "not yours")
    assert chain.lock("b").state is LockState.RESERVED


def test_a_reservation_runs_out_by_itself(chain: Chain) -> None:
    chain.send(HUB, calls.reserve([fingerprint("d")], OURS, NOW + 60))
    assert chain.lock("d").blocks(NOW + 59)
    assert not chain.lock("d").blocks(NOW + 60)
    chain.at(NOW + 59)
    chain.refused(OTHER, calls.reserve([fingerprint("d")], THEIRS, NOW + 90), "taken")
    chain.at(NOW + 60)
    chain.refused(HUB, calls.finance([fingerprint("d")], OURS), "expired")
    chain.send(OTHER, calls.reserve([fingerprint("d")], THEIRS, NOW + 90))
    chain.refused(HUB, calls.finance([fingerprint("d")], OURS), "not yours")


def test_released_claims_are_free_again(chain: Chain) -> None:
    for step in (calls.reserve([fingerprint("e")], OURS, NOW + 60), calls.finance([fingerprint("e")], OURS)):
        chain.send(HUB, step)
    chain.refused(OTHER, calls.release([fingerprint("e")], OURS), "not yours")
    chain.send(HUB, calls.release([fingerprint("e")], OURS))
    chain.refused(HUB, calls.release([fingerprint("e")], OURS), "already released")
    chain.refused(HUB, calls.finance([fingerprint("e")], OURS), "not reserved")
    chain.send(OTHER, calls.reserve([fingerprint("e")], THEIRS, NOW + 60))


def test_reservations_have_bounds(chain: Chain) -> None:
    chain.refused(HUB, calls.reserve([fingerprint("f")], OURS, NOW), "expiry in the past")
    too_far = NOW + calls.MAX_RESERVATION_SECONDS + 1
    chain.refused(HUB, calls.reserve([fingerprint("f")], OURS, too_far), "expiry too far")
    chain.refused(ADMIN, calls.reserve([fingerprint("f")], OURS, NOW + 60), "not enrolled")
    with pytest.raises(ValueError, match="1 to 256"):
        calls.reserve([], OURS, NOW)
    with pytest.raises(ValueError, match="1 to 256"):
        calls.reserve([bytes(32)] * 257, OURS, NOW)


def test_the_largest_batch_fits_a_block(chain: Chain) -> None:
    prints = [fingerprint(str(number)) for number in range(calls.MAX_FINGERPRINTS)]
    chain.evm.message_call(HUB, chain.address, calldata=calls.reserve(prints, OURS, NOW + 60), gas=30_000_000)
    chain.evm.message_call(HUB, chain.address, calldata=calls.finance(prints, OURS), gas=30_000_000)
    assert chain.lock("255").state is LockState.FINANCED


def test_answers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no answer"):
        calls.decode_anchor(b"")
    with pytest.raises(ValueError, match="do not fit"):
        calls.decode_locks((32).to_bytes(32) + (2).to_bytes(32))
