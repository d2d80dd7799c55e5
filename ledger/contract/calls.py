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

MAX_PER_CLAIM = 255
"""Fingerprints that one claim may have."""

COMMITMENT_BYTES = 22
"""Size of an owner commitment: with owner, state and expiry it fills one storage slot."""

MAX_RESERVATION_SECONDS = 30 * 24 * 3600
"""Longest reservation that the contract accepts."""

_WORD = 32


class LockState(IntEnum):
    """State of a lock as the contract stores it."""

    FREE = 0
    RESERVED = 1
    FINANCED = 2
    RELEASED = 3


class KeyStatus(IntEnum):
    """What a key may do: CURRENT everything, RETIRED nothing any more, REMOVED (its hub was stopped) release only."""

    UNKNOWN = 0
    CURRENT = 1
    RETIRED = 2
    REMOVED = 3


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock as stored on the chain; a reservation that has run out still reads RESERVED. `owner` is a hub's number."""

    owner: int
    state: LockState
    expiry: int
    owner_commitment: bytes

    def blocks(self, now: int) -> bool:
        """Tell whether nobody may reserve this at `now` (Unix seconds of the chain's clock)."""
        return self.state is LockState.FINANCED or (self.state is LockState.RESERVED and self.expiry > now)


@dataclass(frozen=True, slots=True)
class HubKey:
    """Whose key this is, of which epoch; hub 0 for a key that was never a hub's."""

    hub: int
    epoch: int
    status: KeyStatus


@dataclass(frozen=True, slots=True)
class KeyEpoch:
    """A hub's key of one epoch and the first block of that epoch; no key for an epoch that has not begun."""

    key: str | None
    from_block: int


Claim = tuple[Sequence[bytes], bytes]
"""One claim of a batch: its fingerprints and its owner commitment."""


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
    return reserve_batch([(fingerprints, owner_commitment)], expiry)


def reserve_batch(claims: Sequence[Claim], expiry: int) -> bytes:
    """Call data that reserves several claims, each whole or not at all; those in nobody's reach are left out."""
    return _selector("reserve(bytes32[],bytes32[],uint64)") + _batch(claims, _number(expiry))


def finance(fingerprints: Sequence[bytes], owner_commitment: bytes) -> bytes:
    """Call data that makes the caller's reservations final."""
    return finance_batch([(fingerprints, owner_commitment)])


def finance_batch(claims: Sequence[Claim]) -> bytes:
    """Call data that makes several reserved claims final, each whole or not at all."""
    return _selector("finance(bytes32[],bytes32[])") + _batch(claims)


def release(fingerprints: Sequence[bytes], owner_commitment: bytes) -> bytes:
    """Call data that gives the caller's locks up."""
    return release_batch([(fingerprints, owner_commitment)])


def release_batch(claims: Sequence[Claim]) -> bytes:
    """Call data that gives several claims up, each whole or not at all."""
    return _selector("release(bytes32[],bytes32[])") + _batch(claims)


def enrol(key: str) -> bytes:
    """Call data by which the admin lets a hub in under this key."""
    return _selector("enrol(address)") + _address(key)


def remove(key: str) -> bytes:
    """Call data by which the admin stops the hub with this key."""
    return _selector("remove(address)") + _address(key)


def announce_key(key: str) -> bytes:
    """Call data by which a hub names its next key."""
    return _selector("announce_key(address)") + _address(key)


def accept_key(hub: int) -> bytes:
    """Call data by which an announced key begins its epoch as the key of this hub."""
    return _selector("accept_key(uint32)") + _number(hub)


def vote(motion: int) -> bytes:
    """Call data of a hub's vote to pause, or to end the pause; `motion` is the present one's number."""
    return _selector("vote(uint256)") + _number(motion)


def withdraw_vote(motion: int) -> bytes:
    """Call data that takes a vote back."""
    return _selector("withdraw_vote(uint256)") + _number(motion)


def paused() -> bytes:
    """Call data that asks whether claims are paused; the answer's last byte is 1 or 0."""
    return _selector("paused()")


def motion() -> bytes:
    """Call data that asks for the number of the present motion."""
    return _selector("motion()")


def enrolled(key: str) -> bytes:
    """Call data that asks whether a key is a hub's current one; the answer's last byte is 1 or 0."""
    return _selector("enrolled(address)") + _address(key)


def hub_key(key: str) -> bytes:
    """Call data that asks whose key this is; decode with `decode_hub_key`."""
    return _selector("hub_key(address)") + _address(key)


def key_epoch(hub: int, epoch: int) -> bytes:
    """Call data that asks for a hub's key of an epoch; decode with `decode_key_epoch`."""
    return _selector("key_epoch(uint32,uint32)") + _number(hub) + _number(epoch)


def anchors(hub: int) -> bytes:
    """Call data that asks for a hub's newest anchor; decode with `decode_anchor`."""
    return _selector("anchors(uint32)") + _number(hub)


def locks(fingerprints: Sequence[bytes]) -> bytes:
    """Call data that asks for locks; decode with `decode_locks`."""
    return _selector("locks(bytes32[])") + _number(_WORD) + _array(fingerprints)


def decode_anchor(answer: bytes) -> tuple[bytes, int]:
    """Return root and size of the newest anchor; size 0 when there is none."""
    words = _words(answer)
    return words[0], int.from_bytes(words[1])


def decode_hub_key(answer: bytes) -> HubKey:
    """Return whose key it is, and what it may do."""
    hub, epoch, status = (int.from_bytes(word) for word in _words(answer))
    return HubKey(hub, epoch, KeyStatus(status))


def decode_key_epoch(answer: bytes) -> KeyEpoch:
    """Return a key and its epoch's first block."""
    key, first = _words(answer)
    return KeyEpoch("0x" + key[-20:].hex() if any(key) else None, int.from_bytes(first))


def decode_locks(answer: bytes) -> list[Lock]:
    """Return the locks in the order asked for."""
    words = _words(answer)
    count = int.from_bytes(words[1])
    if len(words) != 2 + 4 * count:
        raise ValueError(f"{count} locks do not fit {len(answer)} bytes")
    return [_lock(words[at : at + 4]) for at in range(2, len(words), 4)]


def _lock(words: Sequence[bytes]) -> Lock:
    owner, state, expiry, commitment = words
    numbers = int.from_bytes(owner), LockState(int.from_bytes(state)), int.from_bytes(expiry)
    return Lock(*numbers, commitment[:COMMITMENT_BYTES])


@cache
def _selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def _batch(claims: Sequence[Claim], *more: bytes) -> bytes:
    """Encode claims as two arrays: all fingerprints one after the other, and a word for each claim."""
    prints = _array([fingerprint for fingerprints, _ in claims for fingerprint in fingerprints])
    heads = _array([_head(len(fingerprints), commitment) for fingerprints, commitment in claims])
    first = (2 + len(more)) * _WORD
    return _number(first) + _number(first + len(prints)) + b"".join(more) + prints + heads


def _head(count: int, owner_commitment: bytes) -> bytes:
    if len(owner_commitment) != COMMITMENT_BYTES:
        raise ValueError(f"an owner commitment has {COMMITMENT_BYTES} bytes, not {len(owner_commitment)}")
    if not 0 < count <= MAX_PER_CLAIM:
        raise ValueError(f"a claim carries 1 to {MAX_PER_CLAIM} fingerprints, not {count}")
    return owner_commitment + count.to_bytes(_WORD - COMMITMENT_BYTES)


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
