"""The stored state of the embedded chain: a restart reads it, and one that is damaged or missing is made again."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import coincurve
import pytest
from huilian_protocol.clock import FixedClock

from ledger.anchor.transaction import Transaction, address_of, contract_address
from ledger.contract import calls
from ledger.contract.calls import LockState
from ledger.embedded_chain.chain import Damaged, EmbeddedChain, Refused
from ledger.embedded_chain.journal import Genesis, GenesisMismatch, Journal
from ledger.embedded_chain.machine import Message

CHAIN_ID, NOW = 202_577, 1_800_000_000
ADMIN, HUB = (coincurve.PrivateKey(bytes([number]) * 32) for number in (1, 2))
CONTRACT = contract_address(address_of(ADMIN), 0)
OURS = bytes(22)


class Site:
    """A chain on a file, opened again and again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "chain.sqlite"
        self.said: list[str] = []
        self.open()

    def open(self) -> None:
        self.journal = Journal(self.path)
        genesis = Genesis(CHAIN_ID, NOW, {address_of(key): 10**24 for key in (ADMIN, HUB)})
        self.chain = EmbeddedChain(
            self.journal, genesis, FixedClock(datetime.fromtimestamp(NOW, UTC)), self.said.append
        )

    def restart(self, *damage: str) -> None:
        """Close, damage the file by SQL, open."""
        self.journal.close()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in damage:
                connection.executescript(statement)
        self.open()

    def send(self, key: coincurve.PrivateKey, data: bytes, to: str = CONTRACT) -> None:
        nonce = self.chain.machine.nonce(address_of(key))
        raw = Transaction(CHAIN_ID, nonce, 0, 20_000_000, bytes.fromhex(to[2:]), 0, data).sign(key)
        self.chain.submit(raw)

    def claim(self, number: int) -> None:
        self.send(HUB, calls.reserve(_prints(number), OURS, NOW + 600))

    def lock(self, number: int) -> calls.Lock:
        outcome = self.chain.call(Message("0x" + "00" * 20, CONTRACT, calls.locks(_prints(number))))
        return calls.decode_locks(outcome.output)[0]


def _prints(number: int) -> list[bytes]:
    return [hashlib.sha256(f"{number}:{which}".encode()).digest() for which in (0, 1)]


@pytest.fixture
def site(tmp_path: Path) -> Any:
    made = Site(tmp_path)
    made.send(ADMIN, calls.creation_code(), to="0x")
    made.send(ADMIN, calls.enrol(address_of(HUB)))
    for number in range(5):
        made.claim(number)
    yield made
    made.journal.close()


def _hashes(site: Site) -> list[str]:
    return [block.hash for block in site.chain.blocks]


def test_a_restart_takes_the_stored_state_and_goes_on_from_it(site: Site) -> None:
    before = _hashes(site)
    site.restart()
    assert (_hashes(site), site.said) == (before, [])
    assert site.lock(3).state is LockState.RESERVED
    site.claim(5)
    site.claim(3)
    assert site.chain.head.outcome and site.chain.head.outcome.failure
    site.send(HUB, calls.finance(_prints(5), OURS))
    assert site.lock(5).state is LockState.FINANCED


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM state",
        "UPDATE state SET digest = zeroblob(32)",
        "UPDATE state SET number = 3",
        "UPDATE account SET nonce = nonce + 1",
        "DELETE FROM bucket WHERE rowid = 1",
        "UPDATE bucket SET joined = joined || zeroblob(64) WHERE rowid = 2",
        "UPDATE bucket SET joined = substr(joined, 1, 32) || zeroblob(32) WHERE rowid = 2",
        "UPDATE bucket SET joined = substr(joined, 1, 63)",
        "UPDATE bucket SET joined = x''",
        "UPDATE bucket SET number = number + 70000",
        "UPDATE bucket SET number = -1 - number",
        "INSERT INTO bucket VALUES (zeroblob(20), 0, zeroblob(64))",
        "INSERT INTO bucket VALUES (zeroblob(19), 0, zeroblob(64))",
        "DROP TABLE bucket",
        "DROP TABLE bucket; CREATE TABLE slot (address BLOB)",
    ],
)
def test_a_state_that_is_damaged_or_missing_is_made_again_and_told(site: Site, damage: str) -> None:
    before = _hashes(site)
    site.restart(damage)
    assert [text.partition(":")[2] for text in site.said] == [" running 7 blocks again"]
    assert _hashes(site) == before
    assert [site.lock(number).state for number in (0, 4, 5)] == [LockState.RESERVED] * 2 + [LockState.FREE]
    site.restart()
    assert len(site.said) == 1


def test_a_journal_that_does_not_give_its_own_blocks_does_not_start(site: Site) -> None:
    with pytest.raises(Damaged, match="block 4 is"):
        site.restart("DELETE FROM state", "UPDATE sealed_block SET hash = zeroblob(32) WHERE number = 4")


def test_a_claim_costs_the_same_after_a_restart(site: Site) -> None:
    site.claim(5)
    site.restart()
    site.claim(6)
    five, six = (block.outcome.gas_used for block in site.chain.blocks[-2:] if block.outcome)
    assert abs(five - six) < 100  # zero bytes of the fingerprints are cheaper


def test_what_could_not_be_written_stops_the_chain_and_a_restart_has_none_of_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    before = _hashes(site)
    with monkeypatch.context() as patched, pytest.raises(sqlite3.OperationalError):
        patched.setattr(site.journal, "append", full)
        site.claim(9)
    with pytest.raises(Refused, match="restart the chain"):
        site.claim(9)
    site.restart()
    assert (_hashes(site), site.said) == (before, [])
    site.claim(9)
    assert site.lock(9).state is LockState.RESERVED


def test_a_file_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chain.sqlite")) as connection:
        connection.execute("CREATE TABLE block (number INTEGER)")
    with pytest.raises(GenesisMismatch, match="earlier version"):
        Site(tmp_path)
