"""What onboarding needs of others, as narrow protocols."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol


class RegistryStatus(StrEnum):
    """What the registry says of an enterprise."""

    IN_BUSINESS = "IN_BUSINESS"
    ABNORMAL = "ABNORMAL"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A registered enterprise; its legal person as SHA-256 of the asked salt and the name.

    `licence_until` is the last day of the licence's term (营业期限), None for one without an end; `serious_violation`
    is whether it stands on the list of serious violations (严重违法失信企业名单).
    """

    name: str
    status: RegistryStatus
    legal_person_digest: bytes
    licence_until: date | None = None
    business_scope: str = ""
    serious_violation: bool = False


class BusinessRegistry(Protocol):
    """The business registry (国家企业信用信息公示系统)."""

    async def look_up(self, uscc: str, salt: bytes) -> RegistryEntry | None:
        """An entry, over the network; None for a code that is not registered.

        Raises PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT, PROVIDER_FAULT.
        """
        ...


class DocumentVault(Protocol):
    """Encryption under a key of its own for each application (hub/platform/vault.py)."""

    async def encrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """Ciphertext that becomes unreadable when the key is destroyed. Raises NOT_FOUND when it was already."""
        ...

    async def decrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """The plaintext. Raises NOT_FOUND once the key is destroyed."""
        ...

    async def destroy_subject_key(self, subject: str) -> None:
        """Make everything encrypted under this key unreadable, for good. Again is a no-op."""
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
