"""Trade documents come in from the buyer's ERP and become receivables.

Two steps, because no network call may happen inside a transaction: `pull` reads the connector, `take_in` stores what
was pulled, matches every invoice that it touches and writes the receivables. Both may be repeated at will.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from huilian_protocol.clock import Clock
from huilian_protocol.errors import Fault, HuilianError

from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.transactions import forbid_transaction
from hub.receivables import stored as stored_receivables
from hub.receivables.matching.credits import credited_fen
from hub.receivables.matching.files import trade_file
from hub.receivables.matching.mismatches import MatchReason, Mismatch, Tolerances
from hub.receivables.matching.rules import TradeFile, match_invoice
from hub.receivables.model import Receivable
from hub.receivables.ports import ErpConnectors, ErpPage, PulledDocument
from hub.receivables.reasons import Reason, mismatch_reason, paid_reason
from hub.receivables.repeats.desk import Repeats
from hub.receivables.rules import evidence_content
from hub.receivables.signs import stored as stored_signs
from hub.receivables.states import ReceivableEvent, ReceivableState, next_receivable_state
from hub.receivables.trade import stored
from hub.receivables.trade.model import DocumentKind, TradeDocument, check_document
from hub.receivables.trade.stored import WITHDRAWN

PAGE_SIZE = 200
MAX_PAGES = 25
"""Bound of one pull: 5,000 documents. What is left comes with the next one."""
PULL_S = 5.0
"""No further page is asked for after this time, so that a slow ERP's pages are taken in before the deadline."""

MAX_STATE = 32
PAID = "paid"
NOTHING_OWED = MatchReason(Mismatch.CREDITED_IN_FULL, 0, "something owed", "0")
"""Credited down to what the buyer paid already."""
OPEN_STATES = (ReceivableState.DRAFT, ReceivableState.MATCHED)
"""Before the buyer signed: what the ERP says may still change the receivable."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull brought: documents after the cursor `before`, up to the cursor `after`."""

    buyer_uscc: str
    before: str
    after: str
    documents: tuple[PulledDocument, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document that was left out, and why."""

    document_id: str
    number: str
    fault: str


@dataclass(frozen=True, slots=True)
class TakenIn:
    """The outcome of a pull: how many documents were new or changed, what was left out, which receivables changed."""

    imported: int
    rejected: tuple[Rejected, ...]
    receivables: tuple[Receivable, ...]


class TradeDocuments:
    """Pulls and matches the trade documents of buyers."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        erps: ErpConnectors,
        tolerances: Tolerances,
        repeats: Repeats,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._erps = erps
        self._tolerances = tolerances
        self._repeats = repeats
        self._when_orders_change: list[Callable[[str, frozenset[str]], Awaitable[None]]] = []
        self._after_matching: list[Callable[[str, frozenset[str]], Awaitable[list[Receivable]]]] = []
        self._when_voided: list[Callable[[Receivable], Awaitable[None]]] = []

    def when_orders_change(self, tell: Callable[[str, frozenset[str]], Awaitable[None]]) -> None:
        """Have somebody told, in the transaction that stores them, of a buyer's orders about which there is news."""
        self._when_orders_change.append(tell)

    def after_matching(self, look: Callable[[str, frozenset[str]], Awaitable[list[Receivable]]]) -> None:
        """Have somebody look, in the transaction that matched them anew, at what else changed; it says which did."""
        self._after_matching.append(look)

    def when_voided(self, tell: Callable[[Receivable], Awaitable[None]]) -> None:
        """Have somebody told, in the same transaction, of a receivable on which nothing is owed any more, unpaid."""
        self._when_voided.append(tell)

    async def pull(self, buyer_uscc: str, from_start: bool = False) -> Pulled:
        """What changed in the buyer's ERP since the last time, or everything `from_start`, over the network.

        A pull from the start finds what an ERP wrote down late, behind the cursor. Raises NOT_FOUND when the buyer has
        no connector, and what the connector raises.
        """
        forbid_transaction("pulling trade documents")
        before = await stored.cursor_of(buyer_uscc)
        cursor = "" if from_start else before
        documents: list[PulledDocument] = []
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + PULL_S
        for _ in range(MAX_PAGES):
            page = await self._page(buyer_uscc, cursor)
            documents += page.documents
            cursor = page.next_cursor or cursor
            if not page.has_more or loop.time() >= ends_at:
                break
        return Pulled(buyer_uscc, before, cursor, tuple(documents))

    async def _page(self, buyer_uscc: str, cursor: str) -> ErpPage:
        """One page; a fault of the connector is remembered as an early sign, in a transaction of its own."""
        try:
            return await self._erps.list_documents(buyer_uscc, cursor, PAGE_SIZE)
        except HuilianError as error:
            if error.entry.fault is Fault.PROVIDER:
                async with self._database.transaction():
                    await stored_signs.erp_failed(self._database, buyer_uscc, error.code, self._clock.now())
            raise

    async def take_in(self, pulled: Pulled) -> TakenIn:
        """Store and match what was pulled, inside the caller's transaction.

        A document that makes no sense is left out.
        """
        buyer = pulled.buyer_uscc
        await self._database.lock("receivables.trade", buyer)
        touched: set[str] = set()
        rejected: list[Rejected] = []
        imported = 0
        for item in pulled.documents:
            try:
                orders = await self._import(buyer, item)
            except HuilianError as error:
                rejected.append(Rejected(item.document_id, item.number, error.detail))
                continue
            imported += 1 if orders is not None else 0
            touched |= orders or set()
        receivables = await self._match_touched(buyer, touched)
        for look in self._after_matching:
            receivables += await look(buyer, frozenset(touched))
        for tell in self._when_orders_change:
            await tell(buyer, frozenset(touched))
        await stored_signs.erp_answered(buyer)
        if pulled.after != pulled.before:
            await stored.move_cursor(buyer, pulled.before, pulled.after)
        return TakenIn(imported, tuple(rejected), tuple(receivables))

    async def rematch(self, receivable: Receivable) -> Receivable:
        """A receivable as its documents stand now; the caller holds the buyer's trade and took it back to MATCHED."""
        buyer = receivable.buyer_uscc
        found = await stored.current_documents(buyer, [receivable.invoice_document_id], DocumentKind.INVOICE)
        invoice, erp_state = found[0]
        return await self._match(invoice, erp_state, receivable, ()) or receivable

    async def _import(self, buyer: str, item: PulledDocument) -> set[str] | None:
        """The orders that a new or changed document touches; None when it is old news."""
        document = _checked(buyer, item)
        await _check_creditor(document)
        before = await stored.orders_of(buyer, document.document_id)
        if not await stored.save_version(buyer, item, document, self._clock.now()):
            return None
        own = {document.document_id} if document.kind is DocumentKind.ORDER else set()
        named = before | set(document.order_document_ids) | set(document.billing_document_ids) | own
        for invoice_id in document.billing_document_ids:
            named |= await stored.orders_of(buyer, invoice_id)
        # An invoice without an order is matched under its own id, so that it shows up as a draft with its reasons.
        return named or {document.document_id}

    async def _match_touched(self, buyer: str, touched: set[str]) -> list[Receivable]:
        """Match again every invoice whose documents changed, the oldest first: who came first is billed first."""
        ids = touched | await stored.answering(buyer, touched)
        current = await stored.current_documents(buyer, ids, DocumentKind.INVOICE)
        invoices = {invoice.document_id: (invoice, state) for invoice, state in current}
        known = await stored_receivables.lock_of_invoices(buyer, invoices)
        waiting = {key for key in invoices if key not in known or known[key].state in OPEN_STATES}
        changed: list[Receivable] = []
        for invoice, state in sorted(invoices.values(), key=lambda item: (item[0].issue_date, item[0].document_id)):
            if invoice.document_id in waiting:
                waiting.discard(invoice.document_id)
                receivable = await self._match(invoice, state, known.get(invoice.document_id), waiting)
                changed += [receivable] if receivable else []
        return changed

    async def _match(
        self, invoice: TradeDocument, erp_state: str, known: Receivable | None, waiting: Iterable[str]
    ) -> Receivable | None:
        """Write the invoice's receivable as its documents now stand; None when nothing changed."""
        if erp_state == WITHDRAWN:
            return await self.void(known) if known else None
        drafted = known or _draft(self._ids(), invoice)
        if known is None:
            await stored_receivables.insert(drafted, self._clock.now())
        trade = await trade_file(invoice, waiting)
        reasons = [mismatch_reason(reason) for reason in match_invoice(invoice, trade, self._tolerances)]
        reasons += [paid_reason()] if erp_state == PAID else []
        matched = _restated(drafted, invoice, trade, reasons)
        if matched.state is ReceivableState.MATCHED and matched.amount_fen <= matched.direct_fen:
            matched = _restated(drafted, invoice, trade, [mismatch_reason(NOTHING_OWED)])
        if matched.state is ReceivableState.MATCHED:
            repeated = await self._repeats.check(matched, invoice, trade.receipts)
            matched = _restated(drafted, invoice, trade, repeated) if repeated else matched
        if matched == known:
            return None
        await self._write(drafted, matched)
        return matched

    async def _write(self, before: Receivable, after: Receivable) -> None:
        await stored_receivables.replace_draft(after, before.state)
        if after.state is ReceivableState.DRAFT:
            await stored_receivables.release_invoice_number(after)

    async def void(self, known: Receivable) -> Receivable:
        """Nothing is owed on a receivable any more, which was not paid; its invoice may be billed anew.

        Raises STATE_CONFLICT.
        """
        voided = await stored_receivables.move(known, ReceivableEvent.VOID)
        await stored_receivables.release_invoice_number(voided)
        for tell in self._when_voided:
            await tell(voided)
        return voided


def _checked(buyer: str, item: PulledDocument) -> TradeDocument:
    if item.document is None:
        raise HuilianError("PROVIDER_FAULT", item.fault, provider="ERP")
    check_document(item.document)
    if item.version <= 0 or not 0 < len(item.erp_state) <= MAX_STATE:
        raise HuilianError("PROVIDER_FAULT", "version or ERP state missing", provider="ERP")
    if item.document.buyer_uscc != buyer:
        raise HuilianError("PROVIDER_FAULT", "the document belongs to another buyer", provider="ERP")
    return item.document


async def _check_creditor(note: TradeDocument) -> None:
    """Only who invoiced may credit: a stranger's note takes nothing off and is told."""
    billed = await stored.current_documents(note.buyer_uscc, note.billing_document_ids, DocumentKind.INVOICE)
    if any(invoice.supplier_uscc != note.supplier_uscc for invoice, _ in billed):
        raise HuilianError("PROVIDER_FAULT", "the credit note is by another supplier than the invoice", provider="ERP")


def _draft(receivable_id: str, invoice: TradeDocument) -> Receivable:
    assert invoice.due_date is not None, "check_document asks for it"
    return Receivable(
        receivable_id=receivable_id,
        state=ReceivableState.DRAFT,
        buyer_uscc=invoice.buyer_uscc,
        supplier_uscc=invoice.supplier_uscc,
        supplier_name=invoice.supplier_name,
        invoice_document_id=invoice.document_id,
        invoice_number=invoice.number,
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        amount_fen=invoice.payable_amount_fen,
        issued_fen=0,
        redeemed_fen=0,
        reasons=(),
        evidence=None,
        confirmed_at=None,
    )


def _restated(before: Receivable, invoice: TradeDocument, trade: TradeFile, reasons: list[Reason]) -> Receivable:
    """The receivable as invoice and match say: matched with its evidence, or a draft with reasons.

    What the buyer paid before it came to a dispute stays paid.
    """
    stated = replace(_draft(before.receivable_id, invoice), direct_fen=before.direct_fen)
    if reasons:
        return replace(stated, reasons=tuple(reasons))
    taken_off_fen = credited_fen(trade.credit_notes)
    return replace(
        stated,
        amount_fen=stated.amount_fen - taken_off_fen,
        credited_fen=taken_off_fen,
        state=next_receivable_state(ReceivableState.DRAFT, ReceivableEvent.MATCH),
        evidence=evidence_content(
            invoice.digest().hex(),
            [order.digest().hex() for order in trade.orders],
            [receipt.digest().hex() for receipt in trade.receipts],
            [item.digest().hex() for item in trade.returns],
            [note.digest().hex() for note in trade.credit_notes],
        ),
    )
