"""What the log keeps of applications for accounts: states, reasons and the documents' SHA-256; never a content."""

from __future__ import annotations

from typing import Any

from hub.onboarding.opening_data import DocumentKind
from hub.onboarding.ports import Ledger
from hub.onboarding.stored_openings import Opening


class OpeningRecords:
    """Appends inside the caller's transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def add(self, event: str, opening: Opening, evidence: dict[str, Any] | None = None) -> None:
        """Something happened; the record's id is `opening-<event>:<application>:<step>`."""
        record_id = f"opening-{event}:{opening.application_id}:{opening.steps}"
        await self._ledger.append(
            f"opening.{event}", record_id, _content(opening), subject=None, evidence=evidence or {}
        )

    async def reading(self, opening: Opening, operator: str, kind: DocumentKind, request_id: str) -> None:
        """An operator is shown a document."""
        content = {
            "parties": [opening.uscc],
            "application_id": opening.application_id,
            "document": kind.value,
            "sha256": opening.documents[kind].sha256.hex(),
            "operator": operator,
        }
        record_id = f"opening-read:{opening.application_id}:{operator}:{request_id}"
        await self._ledger.append("opening.read", record_id, content, subject=None, evidence={})


def _content(opening: Opening) -> dict[str, Any]:
    documents = {kind.value: one.sha256.hex() for kind, one in opening.documents.items()}
    return {
        "parties": [opening.uscc],
        "uscc": opening.uscc,
        "application_id": opening.application_id,
        "state": opening.state.value,
        "reasons": [{"code": one.code, "document": one.kind.value if one.kind else ""} for one in opening.reasons],
        "documents": documents,
        "account_number": opening.account_number or "",
    }
