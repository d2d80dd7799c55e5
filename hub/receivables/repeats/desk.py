"""Compares each invoice that matches with those that matched before it. Runs inside the caller's transaction.

What blocks becomes the draft's reason. What asks for a look is kept as a finding, on which the bank says its word;
until then nothing is lent on a large receivable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.platform.database import Database
from hub.platform.paging import Page
from hub.receivables import stored as stored_receivables
from hub.receivables.fraud_rules import RULES_VERSION, FraudRule, Verdict
from hub.receivables.model import Receivable
from hub.receivables.reasons import Reason, fraud_reason
from hub.receivables.repeats import stored
from hub.receivables.repeats.rules import (
    LOOK_BACK,
    Billed,
    Finding,
    find_duplicates,
    holds_up,
    number_key,
    worth_comparing,
)
from hub.receivables.trade import stored as stored_documents
from hub.receivables.trade.model import TradeDocument

NEIGHBOURS_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding as the bank sees it; `looked_at` is None until it looked."""

    receivable_id: str
    rule: FraudRule
    repeats: tuple[str, ...]
    rules_version: str
    is_open: bool
    note: str
    found_at: datetime
    looked_at: datetime | None


class Repeats:
    """See the module."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def check(
        self, receivable: Receivable, invoice: TradeDocument, receipts: Sequence[TradeDocument]
    ) -> list[Reason]:
        """Why a matched invoice may not count after all; when it may, its number is taken and findings are kept."""
        findings = await self._find(Billed(receivable.receivable_id, invoice, tuple(receipts)), receivable)
        blocks = [finding for finding in findings if finding.verdict is Verdict.BLOCK]
        if blocks:
            return [await self._reason(finding) for finding in blocks]
        key = number_key(invoice)
        if not await stored_receivables.claim_invoice_number(self._database, receivable, key):
            return [await self._taken(invoice, key)]
        for finding in findings:
            is_open = holds_up(finding, receivable.invoiced_fen)
            await stored.add(receivable.receivable_id, finding, RULES_VERSION, is_open, self._clock.now())
        return []

    async def require_looked_at(self, receivable: Receivable) -> None:
        """Raise INVOICE_REFUSED while a finding on a receivable waits for the bank."""
        waiting = await stored.open_of(receivable.receivable_id)
        if waiting:
            raise HuilianError("INVOICE_REFUSED", invoice=receivable.invoice_number, reason=", ".join(sorted(waiting)))

    async def release(self, receivable_id: str, rule: str, note: str) -> None:
        """The bank looked and lets a receivable pass; `note` says why. Again is a no-op. Raises NOT_FOUND."""
        if not await stored.close(receivable_id, rule, note, self._clock.now()):
            raise HuilianError("NOT_FOUND", resource="finding")

    async def page(self, size: int, token: str) -> Page[OpenFinding]:
        """All findings, the newest first. Raises INVALID_ARGUMENT for a foreign token."""
        found = await stored.page(size, token)
        return Page(tuple(_of(row) for row in found.items), found.next_token)

    async def _find(self, new: Billed, receivable: Receivable) -> tuple[Finding, ...]:
        around = await stored_receivables.neighbours(receivable, LOOK_BACK.days, NEIGHBOURS_AT_MOST)
        copies = await self._copied_receipts(new)
        by_total = worth_comparing(receivable.invoiced_fen, {one.receivable_id: one.invoiced_fen for one in around})
        near = [one for one in around if one.receivable_id in by_total or copies.keys() & _receipts_of(one)]
        others = [await self._billed(one, copies) for one in near]
        return find_duplicates(new, others)

    async def _copied_receipts(self, new: Billed) -> dict[str, TradeDocument]:
        """Receipts by digest that carry the number of one of this invoice's receipts."""
        numbers = {receipt.number for receipt in new.receipts}
        found = await stored_documents.receipts_numbered(new.invoice.buyer_uscc, numbers)
        return {document.digest().hex(): document for document in found}

    async def _billed(self, other: Receivable, copies: dict[str, TradeDocument]) -> Billed:
        assert other.evidence is not None, "a receivable with a key has matched"
        digest = bytes.fromhex(other.evidence["invoice"])
        invoice = await stored_documents.version_with_digest(other.buyer_uscc, other.invoice_document_id, digest)
        receipts = tuple(copies[one] for one in sorted(_receipts_of(other) & copies.keys()))
        return Billed(other.receivable_id, invoice, receipts)

    async def _reason(self, finding: Finding) -> Reason:
        known = [await stored_receivables.find(receivable_id) for receivable_id in finding.repeats]
        return fraud_reason(finding.rule, ", ".join(one.invoice_number for one in known if one))

    async def _taken(self, invoice: TradeDocument, key: str) -> Reason:
        owner = await stored_receivables.with_invoice_key(key)
        as_written = owner is None or owner.invoice_number == invoice.number
        rule = FraudRule.DUPLICATE_INVOICE if as_written else FraudRule.INVOICE_RETYPED
        # Whose number it is may be another buyer's business: only what this buyer brought itself is said.
        return fraud_reason(rule, invoice.number)


def _receipts_of(receivable: Receivable) -> set[str]:
    return set(receivable.evidence["receipts"]) if receivable.evidence else set()


def _of(row: stored.FindingRow) -> OpenFinding:
    return OpenFinding(
        row.receivable_id,
        FraudRule(row.rule),
        tuple(row.repeats),
        row.rules_version,
        row.is_open,
        row.note,
        row.found_at,
        row.looked_at,
    )
