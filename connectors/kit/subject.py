"""The sealed form of a person's identity, as devices make it for the identity authority and for each agency.

Inside is canonical JSON `{"name", "resident_id", "salt"}`; the salt is 32 bytes in base64url and opens the
commitment of the person's key binding.
"""

from __future__ import annotations

from dataclasses import dataclass

from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.strict import object_with, text_at


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Name, resident ID and commitment salt of a person."""

    name: str
    resident_id: str
    salt: bytes


def write_identity(identity: Identity) -> bytes:
    """The bytes to be sealed."""
    salt = b64u_encode(identity.salt)
    return canonicalise({"name": identity.name, "resident_id": identity.resident_id, "salt": salt})


def read_identity(opened: bytes) -> Identity:
    """Read what was sealed; raises HuilianError SEALED_DATA_INVALID when it has another form."""
    try:
        value = object_with(parse_canonical(opened), ["name", "resident_id", "salt"], "identity")
        return Identity(text_at(value, "name"), text_at(value, "resident_id"), b64u_decode(text_at(value, "salt")))
    except ValueError:
        # `from None`: the parser's message could quote the person's data.
        raise HuilianError("SEALED_DATA_INVALID", "the sealed identity is malformed") from None
