"""Cosignatures: other parties' signed statements that a log's checkpoint continues all that they saw of it
(C2SP tlog-cosignature, Ed25519).

With k of n witnesses that do not collude with the log, nobody can be shown a history that others do not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.merkle.note import (
    KEY_ID_SIZE,
    InvalidCheckpoint,
    KeyKind,
    Note,
    NoteKey,
    cosigned_text,
    is_name,
    parse_lines,
    parse_note,
    signature_line,
)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's statement: at this time (Unix seconds) this was the greatest tree that it had seen."""

    witness: str
    seconds: int


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Whose cosignatures count, and how many of them are needed. A witness with two keys counts once."""

    at_least: int = 0
    keys: tuple[NoteKey, ...] = ()

    @classmethod
    def from_vkeys(cls, at_least: int, vkeys: Sequence[str]) -> WitnessPolicy:
        """Read the keys; InvalidCheckpoint for one that is no witness's, or a number that they cannot reach."""
        keys = tuple(map(NoteKey.from_vkey, vkeys))
        if any(key.kind is not KeyKind.COSIGNATURE for key in keys):
            raise InvalidCheckpoint("a witness's key is not a cosignature key")
        if not 0 <= at_least <= len({key.name for key in keys}):
            raise InvalidCheckpoint("fewer witnesses are named than are needed")
        return cls(at_least, keys)


class Witness:
    """The private half of a witness's key. Whether a checkpoint deserves a cosignature is the caller's question."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        """Cosign under a name, for example the origin of the bank's own hub and "/witness"."""
        if not is_name(name):
            raise ValueError(f"a witness's name holds no space and no plus sign: {name!r}")
        self._private_key = private_key
        self.key = NoteKey(name, private_key.public_key().public_bytes_raw(), KeyKind.COSIGNATURE)

    def cosign(self, body: str, seconds: int) -> str:
        """Return the signature line for a checkpoint's text at a time in Unix seconds."""
        signature = seconds.to_bytes(8) + self._private_key.sign(cosigned_text(seconds, body).encode())
        return signature_line(self.key, signature)


def check_cosignatures(note: str | Note, policy: WitnessPolicy) -> list[Cosignature]:
    """Return the cosignatures of the policy's witnesses, one for each; lines of others are not looked at.

    Raises `InvalidCheckpoint` when there are fewer than the policy needs, or one of them is wrong: a witness that did
    not sign a line under its name is a reason to believe nothing.
    """
    parsed = parse_note(note) if isinstance(note, str) else note
    found: dict[str, Cosignature] = {}
    for key in policy.keys:
        for signature in parsed.of_key(key):
            if not key.verifies(signature, parsed.body):
                raise InvalidCheckpoint(f"the cosignature of {key.name} is wrong")
            found.setdefault(key.name, Cosignature(key.name, int.from_bytes(signature[:8])))
    if len(found) < policy.at_least:
        raise InvalidCheckpoint(f"{len(found)} of the {policy.at_least} witnesses that are needed cosigned")
    return list(found.values())


def accept_line(body: str, lines: str, key: NoteKey) -> str:
    """Return the one line of a witness's answer that is its key's cosignature on the text, ignoring other lines.

    Raises `InvalidCheckpoint` when there is none or a wrong one.
    """
    for name, value in parse_lines(lines):
        if name == key.name and value[:KEY_ID_SIZE] == key.key_id:
            if not key.verifies(value[KEY_ID_SIZE:], body):
                raise InvalidCheckpoint(f"the cosignature of {key.name} is wrong")
            return signature_line(key, value[KEY_ID_SIZE:])
    raise InvalidCheckpoint(f"no cosignature of {key.name}")
