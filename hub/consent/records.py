"""What the ledger keeps of a consent's life: the grant with its evidence, and every change after it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from huilian_protocol.artefact import Artefact
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import format_time
from huilian_protocol.consent import SignedConsent

from hub.consent.ports import Ledger

GRANT_RECORD = "consent-grant"
REVOCATION_RECORD = "consent-revocation"
DATASET_REVOCATION_RECORD = "consent-dataset-revocation"
PAUSE_RECORD = "consent-pause"
RESUMPTION_RECORD = "consent-resumption"


def grant_record_id(consent_id: str, version: int = 1) -> str:
    """The id under which the ledger keeps the grant of this version."""
    return f"{GRANT_RECORD}:{consent_id}" if version == 1 else f"{GRANT_RECORD}:{consent_id}:{version}"


def revocation_record_id(consent_id: str) -> str:
    """The id under which the ledger keeps the revocation."""
    return f"{REVOCATION_RECORD}:{consent_id}"


class ConsentRecords:
    """Appends to the ledger inside the caller's transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def grant(self, signed: SignedConsent, at: datetime) -> None:
        """A version was granted; the evidence is the signed consent itself."""
        artefact = signed.artefact
        evidence = {"signed_consent": b64u_encode(signed.to_bytes())}
        record_id = grant_record_id(artefact.id, artefact.version)
        await self._append(GRANT_RECORD, record_id, artefact, at, {}, evidence)

    async def revocation(self, artefact: Artefact, at: datetime) -> None:
        """The whole consent was revoked."""
        await self._append(REVOCATION_RECORD, revocation_record_id(artefact.id), artefact, at, {}, {})

    async def change(self, kind: str, cursor: int, artefact: Artefact, at: datetime, stated: Mapping[str, str]) -> None:
        """A dataset was revoked, the consent was paused or resumed; `cursor` is that of the notice to edges."""
        await self._append(kind, f"{kind}:{artefact.id}:{cursor}", artefact, at, stated, {})

    async def _append(
        self,
        kind: str,
        record_id: str,
        artefact: Artefact,
        at: datetime,
        stated: Mapping[str, str],
        evidence: dict[str, Any],
    ) -> None:
        record = {
            "type": f"huilian-{kind}/v1",
            "consent_id": artefact.id,
            "artefact_sha256": b64u_encode(artefact.sha256),
            "recipient": artefact.recipient.id,
            "purpose": artefact.purpose.code,
            "at": format_time(at),
            **stated,
        }
        await self._ledger.append(kind, record_id, record, subject=artefact.subject, evidence=evidence)
