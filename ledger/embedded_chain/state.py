"""The state of all accounts at the newest block, on disk: a snapshot that every block moves on in its own transaction.

A start checks it and takes it in, without running a block again. The check is a sum of hashes modulo 2^256, one for
each account and one for each bucket of slots (those of an account whose numbers begin with the same two bytes): a block
adds and subtracts what it changed, a start adds everything up. In buckets, because a million claims are two million
slots, and SQLite joins a bucket faster than Python reads its rows.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
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
_WORD, _ADDRESS, _BUCKET_BYTES = 32, 20, 2
_NEXT_ADDRESS = "SELECT address FROM slot WHERE address > ? ORDER BY address LIMIT 1"
_NEXT_SLOT = "SELECT slot FROM slot WHERE address = ? AND slot > ? ORDER BY slot LIMIT 1"
_BUCKET = "SELECT CAST(group_concat(slot || value, '') AS BLOB) FROM slot WHERE address = ? AND slot BETWEEN ? AND ?"


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

    def clear(self) -> None:
        """Forget everything, before a replay from the first block."""
        for statement in ("DELETE FROM account", "DELETE FROM slot", "DELETE FROM state"):
            self._connection.execute(statement)
        self._digest = 0

    def load(self, put: Callable[[StoredAccount], None], put_slots: Callable[[str, bytes], None]) -> bool:
        """Hand over every account, then slots with their values, 32 bytes each and joined, by address.

        False when it does not add up to what the blocks made of it: then nothing that was handed over counts.
        """
        total = 0
        for row in self._connection.execute("SELECT * FROM account").fetchall():
            total += _account_hash(*row)
            put(_account(*row))
        for address in self._addresses():
            if len(address) != _ADDRESS:
                return False
            for joined in self._buckets(address):
                if len(joined) % (2 * _WORD):
                    return False
                total += _bucket_hash(address, joined)
                put_slots("0x" + address.hex(), joined)
        return total % _MODULUS == self._digest

    def _addresses(self) -> Iterator[bytes]:
        """Yield the accounts that have slots; one look into the index for each."""
        after = b""
        while row := self._connection.execute(_NEXT_ADDRESS, (after,)).fetchone():
            after = row[0]
            yield after

    def _buckets(self, address: bytes) -> Iterator[bytes]:
        """Yield the buckets of an account that are not empty; a small chain has few of them."""
        after = b""
        while row := self._connection.execute(_NEXT_SLOT, (address, after)).fetchone():
            after = row[0][:_BUCKET_BYTES] + b"\xff" * _WORD
            yield self._bucket(address, int.from_bytes(row[0][:_BUCKET_BYTES]))

    def _bucket(self, address: bytes, number: int) -> bytes:
        """Return the slots of a bucket with their values, joined in order; empty without any."""
        first = number.to_bytes(_BUCKET_BYTES)
        row = self._connection.execute(_BUCKET, (address, first, first + b"\xff" * _WORD)).fetchone()
        return row[0] or b""

    def move(self, number: int, accounts: Iterable[StoredAccount], slots: Iterable[SlotChange]) -> None:
        """Take a block's changes in."""
        for account in accounts:
            self._put_account(account)
        self._put_slots(list(slots))
        values = (number, self._digest.to_bytes(_WORD))
        self._connection.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", values)

    def _put_account(self, account: StoredAccount) -> None:
        address = bytes.fromhex(account.address[2:])
        old = self._connection.execute("SELECT * FROM account WHERE address = ?", (address,)).fetchone()
        new = (address, account.balance.to_bytes(_WORD), account.nonce, account.code)
        self._connection.execute("INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?)", new)
        self._exchange(_account_hash(*old) if old else 0, _account_hash(*new))

    def _put_slots(self, changes: Sequence[SlotChange]) -> None:
        words = [(bytes.fromhex(one.address[2:]), one.slot.to_bytes(_WORD), one.new) for one in changes]
        buckets = {(address, int.from_bytes(slot[:_BUCKET_BYTES])) for address, slot, _ in words}
        before = sum(_bucket_hash(address, self._bucket(address, number)) for address, number in buckets)
        for address, slot, new in words:
            if new:
                values = (address, slot, new.to_bytes(_WORD))
                self._connection.execute("INSERT OR REPLACE INTO slot VALUES (?, ?, ?)", values)
            else:
                self._connection.execute("DELETE FROM slot WHERE address = ? AND slot = ?", (address, slot))
        after = sum(_bucket_hash(address, self._bucket(address, number)) for address, number in buckets)
        self._exchange(before, after)

    def _exchange(self, old: int, new: int) -> None:
        self._digest = (self._digest - old + new) % _MODULUS


def _account(address: bytes, balance: bytes, nonce: int, code: bytes) -> StoredAccount:
    return StoredAccount("0x" + address.hex(), int.from_bytes(balance), nonce, code)


def _account_hash(address: bytes, balance: bytes, nonce: int, code: bytes) -> int:
    joined = address + balance + nonce.to_bytes(8) + hashlib.sha256(code).digest()
    return int.from_bytes(hashlib.sha256(joined).digest())


def _bucket_hash(address: bytes, joined: bytes) -> int:
    # An empty bucket is none.
    return int.from_bytes(hashlib.sha256(address + joined).digest()) if joined else 0
