"""What a parent asks the identity authority for: its word that they are the guardian of a child (民法典 §27).

The request travels sealed to the authority, since it names both of them; the hub that forwards it learns network
numbers only, from the statement that comes back (:func:`huilian_protocol.delegation.sign_guardianship`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from huilian_protocol.canonical import canonicalise, parse_canonical
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.delegation import MAX_GRANTS, MAX_PURPOSES
from huilian_protocol.identity import Identity
from huilian_protocol.strict import list_at, object_with, text_at

__all__ = ["GuardianshipRequest", "guardianship_info"]

TYPE = "huilian-guardianship-request/v1"
_KEYS = ["grants", "guardian", "purposes", "type", "valid_until", "ward"]


@dataclass(frozen=True, slots=True)
class GuardianshipRequest:
    """Who wants to consent for whom, to which datasets and actions, for which purposes, until when. The ward's salt is
    the one with which the child's identity will be sealed to agencies.
    """

    guardian: Identity = field(repr=False)
    ward: Identity = field(repr=False)
    grants: tuple[str, ...]
    purposes: tuple[str, ...]
    valid_until: datetime

    def to_bytes(self) -> bytes:
        """The canonical JSON that is sealed."""
        return canonicalise(
            {
                "grants": sorted(self.grants),
                "guardian": self.guardian.to_dict(),
                "purposes": sorted(self.purposes),
                "type": TYPE,
                "valid_until": format_time(self.valid_until),
                "ward": self.ward.to_dict(),
            }
        )

    @staticmethod
    def from_bytes(data: bytes) -> GuardianshipRequest:
        """Read what :meth:`to_bytes` made. Raises ``ValueError`` for anything else, without quoting it."""
        value = object_with(parse_canonical(data), _KEYS, "guardianship request")
        if value["type"] != TYPE:
            raise ValueError("another type")
        return GuardianshipRequest(
            guardian=Identity.from_dict(value["guardian"]),
            ward=Identity.from_dict(value["ward"]),
            grants=tuple(list_at(value, "grants", MAX_GRANTS, least=1)),
            purposes=tuple(list_at(value, "purposes", MAX_PURPOSES, least=1)),
            valid_until=parse_time(text_at(value, "valid_until")),
        )


def guardianship_info(*, authority: str) -> dict[str, Any]:
    """The ``info`` of a guardianship request sealed to the identity authority."""
    return {"authority": authority, "use": "guardianship"}
