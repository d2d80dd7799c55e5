"""Signed notes (C2SP signed-note): a text with a line for each signature, and the keys that sign such lines.

A key's kind is the byte (or, for kinds that C2SP has not assigned, 0xff and a longer identifier) that stands before
the public key in a "vkey" and in the hash that gives the key's id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from ledger.merkle import sm2

KEY_ID_SIZE = 4
MAX_NOTE_CHARS = 16_384
"""A checkpoint is a few hundred bytes, some 4,400 more with ML-DSA-65 and 140 more for each witness."""

_REMEMBERED = 64
_NAME = re.compile(r"[^\s+]+")
_SIGNATURE_LINE = re.compile("— (\\S+) (\\S+)")


class InvalidCheckpoint(Exception):
    """The text is not a checkpoint, or not one signed by the keys asked for; the text says why."""


class KeyKind(Enum):
    """What signs a line: bytes before the public key, bytes of the public key, bytes of a signature."""

    ED25519 = (b"\x01", 32, 64)
    COSIGNATURE = (b"\x04", 32, 72)
    """Timestamped Ed25519 signature of a witness (C2SP tlog-cosignature)."""
    ML_DSA_65 = (b"\xffhuilian/ML-DSA-65\n", 1952, 3309)
    """FIPS 204, over the text as Ed25519 does it, with an empty context."""
    SM2 = (b"\xffhuilian/SM2-SM3\n", 65, 64)
    """GB/T 32918 with SM3, r and s in 32 bytes each; the public key is an uncompressed point."""

    def __init__(self, prefix: bytes, key_bytes: int, signature_bytes: int) -> None:
        self.prefix = prefix
        self.key_bytes = key_bytes
        self.signature_bytes = signature_bytes


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key under the name of its holder, as published in a C2SP "vkey"."""

    name: str
    public_key: bytes
    kind: KeyKind = KeyKind.ED25519
    key_id: bytes = field(init=False, repr=False, compare=False)
    """Four bytes that name the key in a signature line."""

    def __post_init__(self) -> None:
        named = self.name.encode() + b"\n" + self.kind.prefix + self.public_key
        object.__setattr__(self, "key_id", hashlib.sha256(named).digest()[:KEY_ID_SIZE])

    def vkey(self) -> str:
        """Return the key as text: name, key id and key."""
        return f"{self.name}+{self.key_id.hex()}+{b64(self.kind.prefix + self.public_key)}"

    @classmethod
    def from_vkey(cls, vkey: str) -> NoteKey:
        """Parse what `vkey` returns; InvalidCheckpoint when it is of no known kind or not under its own id."""
        name, _, rest = vkey.partition("+")
        _, _, encoded = rest.partition("+")
        typed = unb64(encoded)
        for kind in KeyKind:
            if typed.startswith(kind.prefix) and len(typed) == len(kind.prefix) + kind.key_bytes:
                key = cls(name, typed[len(kind.prefix) :], kind)
                break
        else:
            raise InvalidCheckpoint("the verifier key is of no known kind")
        if key.vkey() != vkey or not is_name(name):
            raise InvalidCheckpoint("the verifier key does not have the id that it states")
        return key

    def verifies(self, signature: bytes, body: str) -> bool:
        """Tell whether `signature` (without the key id) is this key's on the note's text.

        Raises `InvalidCheckpoint` when this machine cannot check keys of this kind.
        """
        return len(signature) == self.kind.signature_bytes and _VERIFY[self.kind](self.public_key, signature, body)


class Note(NamedTuple):
    """A note taken apart: the text with its last line end, and the signature lines as name and value."""

    body: str
    signatures: tuple[tuple[str, bytes], ...]

    def of_key(self, key: NoteKey) -> list[bytes]:
        """Return the signatures (without the key id) on the lines that name this key; they are not verified."""
        return [
            value[KEY_ID_SIZE:]
            for name, value in self.signatures
            if name == key.name and value[:KEY_ID_SIZE] == key.key_id
        ]

    def only(self, name: str) -> str:
        """Return the note with the lines of one holder alone."""
        lines = (f"— {who} {b64(value)}\n" for who, value in self.signatures if who == name)
        return f"{self.body}\n{''.join(lines)}"


class NoteSigner(Protocol):
    """Holds the private half of a `NoteKey`."""

    @property
    def key(self) -> NoteKey:
        """The public half."""

    def sign(self, body: str) -> bytes:
        """Return the signature on a note's text, without the key id."""


class MlDsa65Signer:
    """Signs notes by ML-DSA-65 (FIPS 204)."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Derive the key from 32 secret bytes."""
        self._private_key = MLDSA65PrivateKey.from_seed_bytes(seed)
        self.key = NoteKey(name, self._private_key.public_key().public_bytes_raw(), KeyKind.ML_DSA_65)

    def sign(self, body: str) -> bytes:
        """See `NoteSigner`."""
        return self._private_key.sign(body.encode())


class Sm2Signer:
    """Signs notes by SM2 with SM3. Raises `sm2.Sm2Missing` where the optional extra is not installed."""

    def __init__(self, name: str, secret: bytes) -> None:
        """Derive the key from 32 secret bytes, a number below the order of the curve."""
        self._private_key = sm2.PrivateKey(secret)
        self.key = NoteKey(name, self._private_key.public_key, KeyKind.SM2)

    def sign(self, body: str) -> bytes:
        """See `NoteSigner`."""
        return self._private_key.sign(body.encode())


def signature_line(key: NoteKey, signature: bytes) -> str:
    """Return the line, with its end, that carries a key's signature."""
    return f"— {key.name} {b64(key.key_id + signature)}\n"


def parse_note(text: str) -> Note:
    """Take a note apart. Raises `InvalidCheckpoint` for anything else."""
    body, separator, tail = text.rpartition("\n\n")
    if len(text) > MAX_NOTE_CHARS or not separator or not tail.endswith("\n") or not _is_unicode(text):
        raise InvalidCheckpoint("the checkpoint is not a signed note")
    return Note(body + "\n", tuple([_signature(line) for line in tail[:-1].split("\n")]))


def parse_lines(lines: str) -> tuple[tuple[str, bytes], ...]:
    """Take signature lines apart that came without their note. Raises `InvalidCheckpoint` for anything else."""
    if not lines.endswith("\n") or len(lines) > MAX_NOTE_CHARS or not _is_unicode(lines):
        raise InvalidCheckpoint("not a signature line")
    return tuple(_signature(line) for line in lines[:-1].split("\n"))


def is_name(name: str) -> bool:
    """Tell whether a key may be called so: no space and no plus sign."""
    return _NAME.fullmatch(name) is not None


def b64(data: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    """Decode the one canonical spelling of standard base64; InvalidCheckpoint otherwise."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise InvalidCheckpoint("malformed base64 in a checkpoint") from None
    if binascii.b2a_base64(data, newline=False) != text.encode():
        raise InvalidCheckpoint("base64 in a checkpoint is not canonical")
    return data


def _signature(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    if not match:
        raise InvalidCheckpoint("a signature line of the checkpoint is malformed")
    return match[1], unb64(match[2])


def _is_unicode(text: str) -> bool:
    """Tell whether the text can be written as UTF-8: JSON lets lone surrogates in."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# Reading a key is up to a tenth of checking a signature; a verifier of many notes meets the same few keys.
_ml_dsa_65_key = lru_cache(_REMEMBERED)(MLDSA65PublicKey.from_public_bytes)


def _ed25519(public_key: bytes, signature: bytes, body: str) -> bool:
    # By libsodium, which takes half of OpenSSL's time and also refuses keys and nonces of small order.
    try:
        crypto_sign_open(signature + body.encode(), public_key)
    except BadSignatureError:
        return False
    return True


def _cosignature(public_key: bytes, signature: bytes, body: str) -> bool:
    seconds = int.from_bytes(signature[:8])
    return seconds < 1 << 63 and _ed25519(public_key, signature[8:], cosigned_text(seconds, body))


def cosigned_text(seconds: int, body: str) -> str:
    """Return what a witness signs: the note's text behind a header and the time (C2SP tlog-cosignature)."""
    return f"cosignature/v1\ntime {seconds}\n{body}"


def _ml_dsa_65(public_key: bytes, signature: bytes, body: str) -> bool:
    return _passes(lambda: _ml_dsa_65_key(public_key).verify(signature, body.encode()))


def _sm2(public_key: bytes, signature: bytes, body: str) -> bool:
    try:
        return sm2.verifies(public_key, signature, body.encode())
    except sm2.Sm2Missing as error:
        raise InvalidCheckpoint(str(error)) from error


def _passes(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except (InvalidSignature, ValueError):
        return False
    return True


_VERIFY: dict[KeyKind, Callable[[bytes, bytes, str], bool]] = {
    KeyKind.ED25519: _ed25519,
    KeyKind.COSIGNATURE: _cosignature,
    KeyKind.ML_DSA_65: _ml_dsa_65,
    KeyKind.SM2: _sm2,
}
