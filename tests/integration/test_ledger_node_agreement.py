"""The embedded chain gives the same receipts and gas as py-evm and as a real node, for the same transactions."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.anchor.transaction import Transaction, address_of, contract_address
from ledger.contract import calls
from tests.integration.ledger_chain import ADMIN, CHAIN_ID, HUB, NEXT_KEY, OTHER_HUB
from tests.integration.ledger_nodes import NOW, Anvil, Embedded, Node, Outcome, PyEvm, anvil

KEYS = {"admin": ADMIN, "hub": HUB, "other": OTHER_HUB, "next": NEXT_KEY}
CONTRACT = bytes.fromhex(contract_address(address_of(ADMIN), 0)[2:])
OURS, THEIRS = bytes([1]) * 22, bytes([2]) * 22
ROOT = bytes([1]) * 32
HOUR = 3600


class Lockstep:
    """Sends every transaction to all nodes and compares what they say."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self._nodes = nodes
        self._nonces = dict.fromkeys(KEYS, 0)
        self.now = NOW
        self.count = 0

    def send(
        self, who: str, data: bytes, *, to: bytes = CONTRACT, gas: int = 2_000_000, value: int = 0, after: int = 1
    ) -> Outcome:
        """Send one transaction `after` seconds after the last; return the outcome that all nodes agree on."""
        self.now += after
        nonce = self._nonces[who]
        raw = Transaction(CHAIN_ID, nonce, 10**9, gas, to, value, data).sign(KEYS[who])
        outcomes = {name: node.send(raw, self.now) for name, node in self._nodes.items()}
        self._nonces[who] = nonce + 1
        self.count += 1
        first = outcomes["embedded"]
        assert set(outcomes.values()) == {first}, f"transaction {self.count} by {who}: {outcomes}"
        return first


@pytest.fixture
def node() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    chain = Embedded(tmp_path)
    yield chain
    chain.close()


@pytest.fixture
def lockstep(node: Anvil, embedded: Embedded) -> Lockstep:
    return started({"embedded": embedded, "py-evm": PyEvm(), "anvil": node})


def started(nodes: dict[str, Node]) -> Lockstep:
    """Nodes with the contract on them and two hubs enrolled."""
    stepping = Lockstep(nodes)
    created = stepping.send("admin", calls.creation_code(), to=b"", gas=6_000_000).created
    assert created == "0x" + CONTRACT.hex()
    for key in (HUB, OTHER_HUB):
        stepping.send("admin", calls.enrol(address_of(key)))
    return stepping


def _prints(*names: str) -> list[bytes]:
    return [hashlib.sha256(name.encode()).digest() for name in names]


def test_each_call_of_the_contract_allowed_and_refused(lockstep: Lockstep) -> None:
    def ok(*arguments: object, **options: object) -> None:
        assert lockstep.send(*arguments, **options).status == 1  # type: ignore[arg-type]

    def refused(*arguments: object, **options: object) -> None:
        assert lockstep.send(*arguments, **options).status == 0  # type: ignore[arg-type]

    refused("hub", calls.enrol(address_of(HUB)))
    for size in (1, 2, 3):
        ok("hub", calls.anchor(bytes([size]) * 32, size))
    refused("hub", calls.anchor(ROOT, 3))
    refused("admin", calls.anchor(ROOT, 9))
    a, ab, b = _prints("a"), _prints("a", "b"), _prints("b")
    ok("hub", calls.reserve(ab, OURS, lockstep.now + HOUR))
    refused("other", calls.reserve(b, THEIRS, lockstep.now + HOUR))
    ok("hub", calls.finance(a, OURS))
    refused("hub", calls.finance(a, OURS))
    refused("other", calls.finance(b, OURS))
    ok("other", calls.reserve(b, THEIRS, lockstep.now + 3 * HOUR), after=2 * HOUR)
    ok("other", calls.release(b, THEIRS))
    ok("hub", calls.release(a, OURS))
    ok("other", calls.reserve(ab, THEIRS, lockstep.now + HOUR))
    ok("other", calls.finance(ab, THEIRS))
    ok("other", calls.reserve(_prints("c", "c"), THEIRS, lockstep.now + HOUR))
    ok("admin", calls.remove(address_of(OTHER_HUB)))
    refused("other", calls.anchor(ROOT, 1))


def test_gas_that_runs_out_transfers_and_nonsense(lockstep: Lockstep, node: Anvil, embedded: Embedded) -> None:
    short = lockstep.send("hub", calls.anchor(ROOT, 1), gas=30_000)
    assert (short.status, short.gas) == (0, 30_000)
    assert lockstep.send("hub", b"", to=bytes(19) + b"\x77", gas=21_000, value=5).gas == 21_000
    assert lockstep.send("hub", bytes(4)).status == 0
    assert lockstep.send("hub", calls.anchor(ROOT, 1), value=1).status == 0
    assert lockstep.send("other", bytes.fromhex("60006000fd"), to=b"").status == 0
    assert lockstep.send("other", bytes.fromhex("600160005560006000f3"), to=b"").status == 1
    for key in (HUB, OTHER_HUB):
        assert embedded.balance(address_of(key)) == node.balance(address_of(key))


def test_slots_that_are_set_cleared_and_set_again_give_the_same_refunds(lockstep: Lockstep) -> None:
    # SSTORE(0, calldata word 0), then SSTORE(0, calldata word 1): every case of EIP-2200 and its refunds (EIP-3529).
    runtime = bytes.fromhex("60003560005560203560005500")
    created = lockstep.send("hub", bytes.fromhex(f"6c{runtime.hex()}600052600d6013f3"), to=b"").created
    assert created
    for first, second in ((0, 0), (1, 1), (0, 1), (2, 1), (1, 0), (0, 0), (3, 0), (0, 3), (0, 0), (5, 6), (6, 5)):
        data = first.to_bytes(32) + second.to_bytes(32)
        assert lockstep.send("hub", data, to=bytes.fromhex(created[2:])).status == 1


def test_the_largest_batch(lockstep: Lockstep) -> None:
    prints = _prints(*map(str, range(calls.MAX_FINGERPRINTS)))
    batch = [([fingerprint], OURS) for fingerprint in prints]
    assert lockstep.send("hub", calls.reserve_batch(batch, lockstep.now + HOUR), gas=29_000_000).status == 1
    assert lockstep.send("hub", calls.finance_batch(batch), gas=29_000_000).status == 1


def test_batches_key_changes_and_a_pause(lockstep: Lockstep) -> None:
    a, b, c = _prints("a"), _prints("b"), _prints("c")
    lockstep.send("other", calls.reserve(b, THEIRS, lockstep.now + HOUR))
    mixed = lockstep.send("hub", calls.reserve_batch([(a, OURS), ([*c, *b], OURS)], lockstep.now + HOUR))
    assert (mixed.status, len(mixed.logs)) == (1, 2)
    assert lockstep.send("hub", calls.finance_batch([(a, OURS), (b, OURS)])).status == 1
    assert lockstep.send("hub", calls.release_batch([(a, OURS), (b, OURS)])).status == 1
    steps = [
        ("hub", calls.announce_key(address_of(NEXT_KEY)), 1),
        ("other", calls.accept_key(1), 0),
        ("next", calls.accept_key(1), 1),
        ("hub", calls.anchor(ROOT, 1), 0),
        ("next", calls.anchor(ROOT, 1), 1),
        ("hub", calls.vote(0), 0),
        ("next", calls.vote(0), 1),
        ("other", calls.vote(0), 1),
        ("other", calls.finance(b, THEIRS), 0),
        ("other", calls.vote(1), 1),
        ("other", calls.withdraw_vote(1), 1),
        ("admin", calls.remove(address_of(OTHER_HUB)), 1),
        ("next", calls.vote(1), 1),
        ("other", calls.release(b, THEIRS), 1),
        ("next", calls.reserve(b, OURS, lockstep.now + HOUR), 1),
    ]
    for who, data, status in steps:
        assert lockstep.send(who, data).status == status, (who, data.hex())


@pytest.mark.parametrize("seed", [1, 2])
def test_random_histories(lockstep: Lockstep, seed: int) -> None:
    chance = random.Random(seed)
    statuses = [random_step(lockstep, chance).status for _ in range(60)]
    assert set(statuses) == {0, 1}


def random_step(lockstep: Lockstep, chance: random.Random) -> Outcome:
    """Send any call, allowed or not, alone or in a batch."""
    who = chance.choice(["hub", "hub", "hub", "other", "other", "next", "admin"])
    prints = chance.sample(_prints(*"abcdef"), chance.randint(1, 3))
    commitment = chance.choice([OURS, THEIRS])
    batch = [([fingerprint], chance.choice([OURS, THEIRS])) for fingerprint in prints]
    expiry = lockstep.now + chance.randint(0, HOUR)
    data = chance.choice(
        [
            calls.anchor(chance.randbytes(32), chance.randint(1, 40)),
            calls.reserve(prints, commitment, expiry),
            calls.reserve_batch(batch, expiry),
            calls.finance(prints, commitment),
            calls.finance_batch(batch),
            calls.release(prints, commitment),
            calls.release_batch(batch),
            calls.enrol(address_of(chance.choice(list(KEYS.values())))),
            calls.vote(chance.randint(0, 2)),
            calls.withdraw_vote(chance.randint(0, 2)),
            calls.announce_key(address_of(chance.choice(list(KEYS.values())))),
            calls.accept_key(chance.randint(0, 3)),
            calls.remove(address_of(OTHER_HUB)) if chance.random() < 0.2 else calls.anchor(ROOT, lockstep.count),
        ]
    )
    gas = chance.choice([2_000_000, 2_000_000, 2_000_000, chance.randint(25_000, 90_000)])
    return lockstep.send(who, data, gas=gas, after=chance.choice([1, 5, HOUR // 2]))


def test_missing_node_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.integration.ledger_nodes.ANVIL", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="npm ci --prefix tests/integration/anvil"), anvil():
        pass
