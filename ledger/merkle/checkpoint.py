"""Checkpoints: a log's signed statement of its size and root (C2SP tlog-checkpoint over C2SP signed-note)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.merkle.hashing import HASH_SIZE

_ED25519 = b"\x01"
_KEY_ID_SIZE = 4
_SIZE = re.compile(r"0|[1-9][0-9]{0,19}")
_NAME = re.compile(r"[^\s+]+")
_SIGNATURE_LINE = re.compile("— (\\S+) (\\S+)")
# A checkpoint is a few hundred bytes; more is not one.
_MAX_NOTE_CHARS = 16_384


class InvalidCheckpoint(Exception):
    """The text is not a checkpoint, or not one signed by the key asked for; the text says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint states: the log `origin` has `size` leaves and this `root`."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed, line ends included."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class LogVerifier:
    """A log's public key under its name, as published in a C2SP "vkey"."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that name the key in a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_KEY_ID_SIZE]

    def vkey(self) -> str:
        """Return the key as text: name, key id and key."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(_ED25519 + self.public_key)}"

    @classmethod
    def from_vkey(cls, vkey: str) -> LogVerifier:
        """Parse what `vkey` returns; InvalidCheckpoint when it is not an Ed25519 key under its own id."""
        name, _, rest = vkey.partition("+")
        _, _, encoded = rest.partition("+")
        key = _unb64(encoded)
        if key[:1] != _ED25519 or len(key) != 33:
            raise InvalidCheckpoint("the verifier key is not an Ed25519 key")
        verifier = cls(name, key[1:])
        if verifier.vkey() != vkey or not _NAME.fullmatch(name):
            raise InvalidCheckpoint("the verifier key does not have the id that it states")
        return verifier


class LogSigner:
    """Signs the checkpoints of one log."""

    def __init__(self, origin: str, private_key: Ed25519PrivateKey) -> None:
        """Sign for the log `origin` (its name; no space and no plus sign)."""
        if not _NAME.fullmatch(origin):
            raise ValueError(f"a log's name holds no space and no plus sign: {origin!r}")
        self._private_key = private_key
        self.verifier = LogVerifier(origin, private_key.public_key().public_bytes_raw())

    def sign(self, size: int, root: bytes) -> str:
        """Return the signed note for a tree."""
        body = Checkpoint(self.verifier.name, size, root).body()
        signature = self.verifier.key_id + self._private_key.sign(body.encode())
        return f"{body}\n— {self.verifier.name} {_b64(signature)}\n"


def verify_checkpoint(note: str, verifier: LogVerifier) -> Checkpoint:
    """Return what the note states after checking that the log's own key signed it.

    Lines of other signers (witnesses) are allowed and not looked at. Raises `InvalidCheckpoint` with the reason.
    """
    body, signatures = _split(note)
    checkpoint = _parse_body(body)
    if checkpoint.origin != verifier.name:
        raise InvalidCheckpoint(f"the checkpoint is of the log {checkpoint.origin!r}, not {verifier.name!r}")
    ours = [value for name, value in signatures if name == verifier.name and value[:_KEY_ID_SIZE] == verifier.key_id]
    if len(ours) != 1:
        raise InvalidCheckpoint("the checkpoint does not carry exactly one signature by the log's key")
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public_key).verify(ours[0][_KEY_ID_SIZE:], body.encode())
    except InvalidSignature:
        raise InvalidCheckpoint("the signature of the checkpoint is wrong") from None
    return checkpoint


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    body, separator, tail = note.rpartition("\n\n")
    if len(note) > _MAX_NOTE_CHARS or not separator or not tail.endswith("\n") or not _is_unicode(note):
        raise InvalidCheckpoint("the checkpoint is not a signed note")
    return body + "\n", [_signature(line) for line in tail[:-1].split("\n")]


def _is_unicode(text: str) -> bool:
    """Tell whether the text can be written as UTF-8: JSON lets lone surrogates in."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _signature(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    if not match:
        raise InvalidCheckpoint("a signature line of the checkpoint is malformed")
    return match[1], _unb64(match[2])


def _parse_body(body: str) -> Checkpoint:
    lines = body.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise InvalidCheckpoint("the checkpoint has no origin, size and root")
    if not _SIZE.fullmatch(lines[1]):
        raise InvalidCheckpoint("the size in the checkpoint is malformed")
    root = _unb64(lines[2])
    if len(root) != HASH_SIZE:
        raise InvalidCheckpoint("the root in the checkpoint is malformed")
    return Checkpoint(lines[0], int(lines[1]), root)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str) -> bytes:
    """Decode the one canonical spelling of standard base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidCheckpoint("malformed base64 in a checkpoint") from None
    if _b64(data) != text:
        raise InvalidCheckpoint("base64 in a checkpoint is not canonical")
    return data
