"""Calls of the ledger contract as bytes, and its answers (Solidity ABI, written out for the few shapes we use).

`eth_abi` would do the same at 0.4 s of import and several times the cost per call; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Any

from huilian_protocol.canonical import parse_json
from huilian_protocol.keccak import keccak256

MAX_FINGERPRINTS = 256
"""Fingerprints that one call may carry (as in the contract)."""

MAX_RESERVATION_SECONDS = 30 * 24 * 3600
"""Longest reservation that the contract accepts."""

_WORD = 32


class LockState(IntEnum):
    """State of a lock as the contract stores it."""

    FREE = 0
    RESERVED = 1
    FINANCED = 2
    RELEASED = 3


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock as stored on the chain; a reservation that has run out still reads RESERVED."""

    owner: str
    state: LockState
    expiry: int
    owner_commitment: bytes

    def blocks(self, now: int) -> bool:
        """Tell whether nobody may reserve this at `now` (Unix seconds of the chain's clock)."""
        return self.state is LockState.FINANCED or (self.state is LockState.RESERVED and self.expiry > now)


@cache
def artefact() -> dict[str, Any]:
    """Return the committed contract: `abi`, `bytecode`, `compiler`, `evm_version`."""
    text = resources.files("ledger.contract").joinpath("huilian_ledger.json").read_bytes()
    loaded: dict[str, Any] = parse_json(text)
    return loaded


def creation_code() -> bytes:
    """Return the bytes that create the contract; its deployer becomes the admin."""
    return bytes.fromhex(artefact()["bytecode"][2:])


def anchor(root: bytes, size: int) -> bytes:
    """Call data that states a log's root at a size."""
    return _selector("anchor(bytes32,uint64)") + _bytes32(root) + _number(size)


def reserve(fingerprints: Sequence[bytes], owner_commitment: bytes, expiry: int) -> bytes:
    """Call data that reserves all fingerprints until `expiry` (Unix seconds), or none."""
    head = _number(3 * _WORD) + _bytes32(owner_commitment) + _number(expiry)
    return _selector("reserve(bytes32[],bytes32,uint64)") + head + _array(fingerprints)


def finance(fingerprints: Sequence[bytes], owner_commitment: bytes) -> bytes:
    """Call data that makes the caller's reservations final."""
    return _selector("finance(bytes32[],bytes32)") + _list_and_commitment(fingerprints, owner_commitment)


def release(fingerprints: Sequence[bytes], owner_commitment: bytes) -> bytes:
    """Call data that gives the caller's locks up."""
    return _selector("release(bytes32[],bytes32)") + _list_and_commitment(fingerprints, owner_commitment)


def enrol(hub: str) -> bytes:
    """Call data by which the admin lets a hub in."""
    return _selector("enrol(address)") + _address(hub)


def remove(hub: str) -> bytes:
    """Call data by which the admin stops a hub."""
    return _selector("remove(address)") + _address(hub)


def enrolled(hub: str) -> bytes:
    """Call data that asks whether a hub is enrolled; the answer's last byte is 1 or 0."""
    return _selector("enrolled(address)") + _address(hub)


def anchors(hub: str) -> bytes:
    """Call data that asks for a hub's newest anchor; decode with `decode_anchor`."""
    return _selector("anchors(address)") + _address(hub)


def locks(fingerprints: Sequence[bytes]) -> bytes:
    """Call data that asks for locks; decode with `decode_locks`."""
    return _selector("locks(bytes32[])") + _number(_WORD) + _array(fingerprints)


def decode_anchor(answer: bytes) -> tuple[bytes, int]:
    """Return root and size of the newest anchor; size 0 when there is none."""
    words = _words(answer)
    return words[0], int.from_bytes(words[1])


def decode_locks(answer: bytes) -> list[Lock]:
    """Return the locks in the order asked for."""
    words = _words(answer)
    count = int.from_bytes(words[1])
    if len(words) != 2 + 4 * count:
        raise ValueError(f"{count} locks do not fit {len(answer)} bytes")
    return [_lock(words[at : at + 4]) for at in range(2, len(words), 4)]


def _lock(words: Sequence[bytes]) -> Lock:
    owner, state, expiry, commitment = words
    return Lock("0x" + owner[-20:].hex(), LockState(int.from_bytes(state)), int.from_bytes(expiry), commitment)


@cache
def _selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def _list_and_commitment(fingerprints: Sequence[bytes], owner_commitment: bytes) -> bytes:
    return _number(2 * _WORD) + _bytes32(owner_commitment) + _array(fingerprints)


def _array(values: Sequence[bytes]) -> bytes:
    if not 0 < len(values) <= MAX_FINGERPRINTS:
        raise ValueError(f"a call carries 1 to {MAX_FINGERPRINTS} fingerprints, not {len(values)}")
    return _number(len(values)) + b"".join(_bytes32(value) for value in values)


def _bytes32(value: bytes) -> bytes:
    if len(value) != _WORD:
        raise ValueError(f"{len(value)} bytes where 32 are needed")
    return value


def _number(value: int) -> bytes:
    return value.to_bytes(_WORD)


def _address(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(_WORD, b"\0")


def _words(answer: bytes) -> list[bytes]:
    if not answer or len(answer) % _WORD:
        raise ValueError(f"{len(answer)} bytes are no answer of the contract")
    return [answer[at : at + _WORD] for at in range(0, len(answer), _WORD)]
