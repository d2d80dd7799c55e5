"""What onboarding needs of others, as narrow protocols."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class RegistryStatus(StrEnum):
    """What the registry says of an enterprise."""

    IN_BUSINESS = "IN_BUSINESS"
    ABNORMAL = "ABNORMAL"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A registered enterprise; its legal person as SHA-256 of the asked salt and the name."""

    name: str
    status: RegistryStatus
    legal_person_digest: bytes


class BusinessRegistry(Protocol):
    """The business registry (国家企业信用信息公示系统)."""

    async def look_up(self, uscc: str, salt: bytes) -> RegistryEntry | None:
        """An entry, over the network; None for a code that is not registered.

        Raises PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT, PROVIDER_FAULT.
        """
        ...


class Ledger(Protocol):
    """The append-only log."""

    async def append(
        self,
        record_type: str,
        record_id: str,
        record: dict[str, Any],
        *,
        subject: str | None,
        evidence: dict[str, Any],
    ) -> None:
        """Add a record inside the caller's transaction."""
        ...
