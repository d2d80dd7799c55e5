"""A person's name, resident ID and salt as they travel sealed, to the identity authority and to agencies only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from huilian_protocol.binding import SALT_BYTES, commit_identity
from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical
from huilian_protocol.strict import bytes_at, object_with, text_at

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a person is, and the 32-byte salt that opens the commitment in the person's key binding. For a company that
    consents through a delegate: its name and USCC; no commitment is opened then, its CA's certificate says who it is.

    Personal data: its representation shows nothing of it, so that no log or traceback does.
    """

    name: str = field(repr=False)
    resident_id: str = field(repr=False)
    salt: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """The canonical JSON that is sealed."""
        return canonicalise(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"name": self.name, "resident_id": self.resident_id, "salt": b64u_encode(self.salt)}

    @staticmethod
    def from_bytes(data: bytes) -> Identity:
        """Read what :meth:`to_bytes` made. Raises ``ValueError`` for anything else."""
        return Identity.from_dict(parse_canonical(data))

    @staticmethod
    def from_dict(raw: Any) -> Identity:
        """Read what :meth:`to_dict` made. Raises ``ValueError`` for anything else."""
        value = object_with(raw, ["name", "resident_id", "salt"], "identity")
        return Identity(text_at(value, "name"), text_at(value, "resident_id"), bytes_at(value, "salt", SALT_BYTES))

    def commitment(self) -> bytes:
        """The commitment that the identity authority puts into the person's bindings."""
        return commit_identity(self.name, self.resident_id, self.salt)
