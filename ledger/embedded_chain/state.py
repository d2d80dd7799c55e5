"""The state of all accounts at the newest block, on disk: a snapshot that every block moves on in its own transaction.

A start checks it and takes it in, without running a block again. The check is a sum of hashes modulo 2^256, one for
each account and one for each bucket of slots: a block adds and subtracts what it changed, a start adds everything up.

A bucket is a row with all slots of an account whose numbers begin with the same two bytes, because a million claims are
millions of slots: a row for each would be read for longer than the EVM takes to take them in, and writing one slot of
a random number costs a page either way.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    address BLOB PRIMARY KEY, balance BLOB NOT NULL, nonce INTEGER NOT NULL, code BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket (
    address BLOB NOT NULL, number INTEGER NOT NULL, joined BLOB NOT NULL, UNIQUE (address, number)
);
DROP TABLE IF EXISTS slot; -- of an earlier version: the state is then made again
CREATE TABLE IF NOT EXISTS state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), number INTEGER NOT NULL, digest BLOB NOT NULL
);
"""
_MODULUS = 2**256
_WORD, _ADDRESS, _BUCKET_BYTES = 32, 20, 2
# As bytes, whatever somebody who damaged the file made of it.
_BUCKETS = "SELECT CAST(address AS BLOB), number, CAST(joined AS BLOB) FROM bucket"
_ENTRY = 2 * _WORD
_PAIRS = struct.Struct(f"{_WORD}s{_WORD}s")


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
        for statement in ("DELETE FROM account", "DELETE FROM bucket", "DELETE FROM state"):
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
        for address, number, joined in self._connection.execute(_BUCKETS):
            if len(address) != _ADDRESS or not _is_bucket(number, joined):
                return False
            total += _bucket_hash(address, joined)
            put_slots("0x" + address.hex(), joined)
        return total % _MODULUS == self._digest

    def _bucket(self, address: bytes, number: int) -> bytes:
        """Return the slots of a bucket with their values, joined in order; empty without any."""
        sql = "SELECT joined FROM bucket WHERE address = ? AND number = ?"
        row = self._connection.execute(sql, (address, number)).fetchone()
        return bytes(row[0]) if row else b""

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
        by_bucket: dict[tuple[bytes, int], dict[bytes, bytes]] = {}
        for one in changes:
            slot = one.slot.to_bytes(_WORD)
            place = bytes.fromhex(one.address[2:]), int.from_bytes(slot[:_BUCKET_BYTES])
            by_bucket.setdefault(place, {})[slot] = one.new.to_bytes(_WORD)
        for (address, number), changed in by_bucket.items():
            old = self._bucket(address, number)
            new = _merged(old, changed)
            self._write_bucket(address, number, new)
            self._exchange(_bucket_hash(address, old), _bucket_hash(address, new))

    def _write_bucket(self, address: bytes, number: int, joined: bytes) -> None:
        if joined:
            values = (address, number, joined)
            self._connection.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?, ?)", values)
        else:
            self._connection.execute("DELETE FROM bucket WHERE address = ? AND number = ?", (address, number))

    def _exchange(self, old: int, new: int) -> None:
        self._digest = (self._digest - old + new) % _MODULUS


def _merged(joined: bytes, changed: Mapping[bytes, bytes]) -> bytes:
    """A bucket with some slots changed; a slot of value 0 is none."""
    slots = {**dict(_PAIRS.iter_unpack(joined)), **changed}
    return b"".join(slot + value for slot, value in sorted(slots.items()) if any(value))


def _is_bucket(number: int, joined: bytes) -> bool:
    """Whether first and last of the slots belong into this bucket; they are in order, or the hash is another."""
    ends = joined[:_BUCKET_BYTES], joined[-_ENTRY:][:_BUCKET_BYTES]
    return bool(joined) and not len(joined) % _ENTRY and all(int.from_bytes(end) == number for end in ends)


def _account(address: bytes, balance: bytes, nonce: int, code: bytes) -> StoredAccount:
    return StoredAccount("0x" + address.hex(), int.from_bytes(balance), nonce, code)


def _account_hash(address: bytes, balance: bytes, nonce: int, code: bytes) -> int:
    joined = address + balance + nonce.to_bytes(8) + hashlib.sha256(code).digest()
    return int.from_bytes(hashlib.sha256(joined).digest())


def _bucket_hash(address: bytes, joined: bytes) -> int:
    # An empty bucket is none.
    return int.from_bytes(hashlib.sha256(address + joined).digest()) if joined else 0
