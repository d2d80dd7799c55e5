"""The state of all accounts at the newest block, on disk: a snapshot that every block moves on in its own transaction.

A start checks it and takes it in, without running a block again. The check is a sum of hashes, one for each entry,
modulo 2^256: a block adds and subtracts what it changed, a start adds everything up.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    address BLOB PRIMARY KEY, balance BLOB NOT NULL, nonce INTEGER NOT NULL, code BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slot (
    address BLOB NOT NULL, slot BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (address, slot)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), number INTEGER NOT NULL, digest BLOB NOT NULL
);
"""
_MODULUS = 2**256
_WORD = 32


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account at the newest block; balance in wei."""

    address: str
    balance: int
    nonce: int
    code: bytes


@dataclass(frozen=True, slots=True)
class SlotChange:
    """A storage slot before and after a block."""

    address: str
    slot: int
    old: int
    new: int


class StateStore:
    """Reads and moves on the state; the caller's transaction makes it durable together with the block."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._digest = 0

    def number(self) -> int | None:
        """Return the block that the state is of; None when there is none."""
        row = self._connection.execute("SELECT number, digest FROM state").fetchone()
        if row is None:
            return None
        self._digest = int.from_bytes(row[1])
        return int(row[0])

    def is_whole(self) -> bool:
        """Add everything up and compare it with what the blocks made of it."""
        total = sum(_account_hash(*row) for row in self._connection.execute("SELECT * FROM account"))
        sha256, number = hashlib.sha256, int.from_bytes
        rows = self._connection.execute("SELECT address, slot, value FROM slot")
        total += sum(number(sha256(address + slot + value).digest()) for address, slot, value in rows)
        return total % _MODULUS == self._digest

    def clear(self) -> None:
        """Forget everything, before a replay from the first block."""
        for statement in ("DELETE FROM account", "DELETE FROM slot", "DELETE FROM state"):
            self._connection.execute(statement)
        self._digest = 0

    def accounts(self) -> list[StoredAccount]:
        """Return every account."""
        rows = self._connection.execute("SELECT address, balance, nonce, code FROM account")
        return [StoredAccount("0x" + row[0].hex(), int.from_bytes(row[1]), row[2], row[3]) for row in rows]

    def slots(self) -> Iterator[tuple[str, int, int]]:
        """Yield address, slot and value of every slot that is not empty."""
        number, names = int.from_bytes, _Names()
        for address, slot, value in self._connection.execute("SELECT address, slot, value FROM slot"):
            yield names[address], number(slot), number(value)

    def move(self, number: int, accounts: Iterable[StoredAccount], slots: Iterable[SlotChange]) -> None:
        """Take a block's changes in."""
        for account in accounts:
            self._put_account(account)
        for change in slots:
            self._put_slot(change)
        values = (number, self._digest.to_bytes(_WORD))
        self._connection.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", values)

    def _put_account(self, account: StoredAccount) -> None:
        address = bytes.fromhex(account.address[2:])
        old = self._connection.execute("SELECT * FROM account WHERE address = ?", (address,)).fetchone()
        new = (address, account.balance.to_bytes(_WORD), account.nonce, account.code)
        self._connection.execute("INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?)", new)
        self._exchange(_account_hash(*old) if old else 0, _account_hash(*new))

    def _put_slot(self, change: SlotChange) -> None:
        address, slot = bytes.fromhex(change.address[2:]), change.slot.to_bytes(_WORD)
        if change.new:
            value = change.new.to_bytes(_WORD)
            self._connection.execute("INSERT OR REPLACE INTO slot VALUES (?, ?, ?)", (address, slot, value))
        else:
            self._connection.execute("DELETE FROM slot WHERE address = ? AND slot = ?", (address, slot))
        self._exchange(_slot_hash(address, slot, change.old), _slot_hash(address, slot, change.new))

    def _exchange(self, old: int, new: int) -> None:
        self._digest = (self._digest - old + new) % _MODULUS


class _Names(dict[bytes, str]):
    """Addresses as text, each written once."""

    def __missing__(self, address: bytes) -> str:
        self[address] = text = "0x" + address.hex()
        return text


def _account_hash(address: bytes, balance: bytes, nonce: int, code: bytes) -> int:
    joined = address + balance + nonce.to_bytes(8) + hashlib.sha256(code).digest()
    return int.from_bytes(hashlib.sha256(joined).digest())


def _slot_hash(address: bytes, slot: bytes, value: int) -> int:
    # An empty slot is no entry.
    return int.from_bytes(hashlib.sha256(address + slot + value.to_bytes(_WORD)).digest()) if value else 0
