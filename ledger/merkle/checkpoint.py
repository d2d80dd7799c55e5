"""Checkpoints: a log's signed statement of its size and root (C2SP tlog-checkpoint over C2SP signed-note).

A log signs by Ed25519 and, in the hybrid profile, by ML-DSA-65 as well (optionally by SM2): whoever pins all of its
keys demands all of the signatures, so that taking one line away leaves nothing that verifies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.merkle.hashing import HASH_SIZE
from ledger.merkle.note import (
    KEY_ID_SIZE,
    InvalidCheckpoint,
    KeyKind,
    Note,
    NoteKey,
    NoteSigner,
    b64,
    is_name,
    parse_note,
    signature_line,
    unb64,
)

__all__ = [
    "Checkpoint",
    "InvalidCheckpoint",
    "LogEpoch",
    "LogKeys",
    "LogSigner",
    "parse_body",
    "read_checkpoint",
    "verify_checkpoint",
    "verify_signatures",
]

_SIZE = re.compile(r"0|[1-9][0-9]{0,19}")


class Checkpoint(NamedTuple):
    """What a checkpoint states: the log `origin` has `size` leaves and this `root`."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed, line ends included."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class LogEpoch:
    """Keys that sign a log's checkpoints together. Once retired, they have signed none beyond `until_size`."""

    keys: tuple[NoteKey, ...]
    until_size: int | None = None
    key_ids: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """The ids of the keys in their order: what a checkpoint of this epoch has to name."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_ids", tuple(sorted(key.key_id for key in self.keys)))


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Everything that may sign for a log: the present keys, announced ones, and retired ones with their bounds."""

    name: str
    epochs: tuple[LogEpoch, ...]
    key_ids: frozenset[bytes] = field(init=False, repr=False, compare=False)
    """The ids of all keys."""

    def __post_init__(self) -> None:
        ids = frozenset(key_id for epoch in self.epochs for key_id in epoch.key_ids)
        object.__setattr__(self, "key_ids", ids)

    @classmethod
    def of(cls, *keys: NoteKey) -> LogKeys:
        """Return the keys of a log that never changed any."""
        return cls(keys[0].name, (LogEpoch(keys),))

    @classmethod
    def from_vkeys(cls, epochs: Sequence[tuple[Sequence[str], int | None]]) -> LogKeys:
        """Read epochs of vkeys with their bounds. Raises `InvalidCheckpoint` for keys that cannot be one log's."""
        read = tuple(LogEpoch(tuple(map(NoteKey.from_vkey, vkeys)), until) for vkeys, until in epochs)
        names = {key.name for epoch in read for key in epoch.keys}
        if len(names) != 1:
            raise InvalidCheckpoint("the log's keys are not under one name")
        for epoch in read:
            kinds = [key.kind for key in epoch.keys]
            if len(set(kinds)) < len(kinds) or kinds[0] is not KeyKind.ED25519 or KeyKind.COSIGNATURE in kinds:
                raise InvalidCheckpoint("a log signs by Ed25519 first, and by one key of each other kind at most")
        return cls(names.pop(), read)


class LogSigner:
    """Signs the checkpoints of one log, by Ed25519 and by whatever `also` signs beside it."""

    def __init__(self, origin: str, private_key: Ed25519PrivateKey, also: Sequence[NoteSigner] = ()) -> None:
        """Sign for the log `origin` (its name; no space and no plus sign)."""
        if not is_name(origin):
            raise ValueError(f"a log's name holds no space and no plus sign: {origin!r}")
        self._private_key = private_key
        self._also = tuple(also)
        self.verifier = NoteKey(origin, private_key.public_key().public_bytes_raw())

    @property
    def keys(self) -> LogKeys:
        """All public keys, as one epoch that is not retired."""
        return LogKeys.of(self.verifier, *(signer.key for signer in self._also))

    def sign(self, size: int, root: bytes) -> str:
        """Return the signed note for a tree."""
        body = Checkpoint(self.verifier.name, size, root).body()
        return f"{body}\n{self.lines(body)}"

    def lines(self, body: str) -> str:
        """Return the signature lines for a note's text."""
        first = signature_line(self.verifier, self._private_key.sign(body.encode()))
        return first + "".join(signature_line(signer.key, signer.sign(body)) for signer in self._also)


def verify_checkpoint(note: str | Note, keys: LogKeys | NoteKey) -> Checkpoint:
    """Return what the note states after checking that the log's own keys signed it, all keys of one epoch.

    Lines of other signers (witnesses) are allowed and not looked at. Raises `InvalidCheckpoint` with the reason.
    """
    parsed = parse_note(note) if isinstance(note, str) else note
    checkpoint, signatures = read_checkpoint(parsed, LogKeys.of(keys) if isinstance(keys, NoteKey) else keys)
    verify_signatures(parsed, signatures)
    return checkpoint


def read_checkpoint(note: Note, keys: LogKeys) -> tuple[Checkpoint, list[tuple[NoteKey, bytes]]]:
    """Return what the note states and the log's signatures on it with their keys; they are not verified yet.

    Raises `InvalidCheckpoint` as `verify_checkpoint` does for all but a wrong signature.
    """
    checkpoint = parse_body(note.body)
    if checkpoint.origin != keys.name:
        raise InvalidCheckpoint(f"the checkpoint is of the log {checkpoint.origin!r}, not {keys.name!r}")
    epoch = _signing_epoch(note, keys, checkpoint.size)
    return checkpoint, [(key, signature) for key in epoch.keys for signature in note.of_key(key)]


def verify_signatures(note: Note, signatures: Sequence[tuple[NoteKey, bytes]]) -> None:
    """Raise `InvalidCheckpoint` unless the keys made these signatures on the note's text."""
    for key, signature in signatures:
        if not key.verifies(signature, note.body):
            raise InvalidCheckpoint("the signature of the checkpoint is wrong")


def _signing_epoch(note: Note, keys: LogKeys, size: int) -> LogEpoch:
    """Find the epoch whose keys, each once and no other key of the log, are named on the lines."""
    ids = [value[:KEY_ID_SIZE] for name, value in note.signatures if name == keys.name]
    named = tuple(sorted([key_id for key_id in ids if key_id in keys.key_ids]))
    signing = [epoch for epoch in keys.epochs if epoch.key_ids == named]
    if not signing:
        raise InvalidCheckpoint("the checkpoint does not carry exactly one signature by each of the log's keys")
    for epoch in signing:
        if epoch.until_size is None or size <= epoch.until_size:
            return epoch
    raise InvalidCheckpoint(f"the checkpoint is of size {size}, signed by a key that was retired before")


def parse_body(body: str) -> Checkpoint:
    """Return what a checkpoint's text states. Raises `InvalidCheckpoint`; the signatures are not looked at."""
    lines = body.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise InvalidCheckpoint("the checkpoint has no origin, size and root")
    if not _SIZE.fullmatch(lines[1]):
        raise InvalidCheckpoint("the size in the checkpoint is malformed")
    root = unb64(lines[2])
    if len(root) != HASH_SIZE:
        raise InvalidCheckpoint("the root in the checkpoint is malformed")
    return Checkpoint(lines[0], int(lines[1]), root)
