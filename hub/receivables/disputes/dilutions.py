"""What credit notes and returns take off a receivable after the buyer signed. Runs inside the caller's transaction.

- Nobody holds a certificate over it: it is diluted. A loan on it is called in; it is confirmed anew by what is left.
- Certificates are out: their holders were promised the whole. Only what no certificate is out over is taken off.
- A court froze it: nothing is taken off while its order is live, or the parties could credit away what is frozen.

What was taken off once is not given back when its document is withdrawn: only a new confirmation states it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from huilian_protocol.errors import HuilianError

from hub.receivables import stored as stored_receivables
from hub.receivables.disputes.desk import Disputes
from hub.receivables.freezes import stored as stored_freezes
from hub.receivables.freezes.stored import Freeze, FrozenKind
from hub.receivables.matching.credits import credited_fen, credited_quantities, value_fen
from hub.receivables.matching.files import TakenBack, taken_back
from hub.receivables.matching.mismatches import Tolerances
from hub.receivables.model import Receivable
from hub.receivables.orders.desk import Counted, counting_invoices_seen, relied_on, returns_relied_on
from hub.receivables.records import Records
from hub.receivables.states import ReceivableState
from hub.receivables.trade import stored as stored_documents
from hub.receivables.trade.model import DocumentKind, TradeDocument
from hub.receivables.trade.order_lines import OrderLineKey, OrderLines, billed_quantities, order_lines_of

WHOLE = (ReceivableState.CONFIRMED, ReceivableState.PLEDGED, ReceivableState.ASSIGNED)
SIGNED = (*WHOLE, ReceivableState.CERTIFICATED)


@dataclass(frozen=True, slots=True)
class Loss:
    """What is to be taken off a receivable, in fen, and the documents that say so."""

    fen: int
    document_ids: tuple[str, ...]


class Dilutions:
    """See the module."""

    def __init__(self, disputes: Disputes, records: Records, tolerances: Tolerances) -> None:
        self._disputes = disputes
        self._records = records
        self._tolerances = tolerances

    async def documents_changed(self, buyer_uscc: str, touched: frozenset[str]) -> list[Receivable]:
        """The signed receivables that news about these orders and invoices made worth less, each as it is now."""
        ids = touched | await stored_documents.answering(buyer_uscc, touched)
        if not await stored_documents.any_of(buyer_uscc, ids, (DocumentKind.DESPATCH_ADVICE, DocumentKind.CREDIT_NOTE)):
            return []
        known = await stored_receivables.lock_of_invoices(buyer_uscc, ids)
        found = [await self.take_off(one) for one in sorted(known.values(), key=_age)]
        return [one for one in found if one is not None]

    async def take_off(self, receivable: Receivable) -> Receivable | None:
        """Takes off what is to be; its row is locked by the caller. None when there is nothing."""
        if await stored_freezes.is_frozen(FrozenKind.RECEIVABLE, receivable.receivable_id):
            return None
        loss = await self.loss_of(receivable)
        if loss.fen <= 0:
            return None
        if receivable.state in WHOLE:
            return await self._disputes.dilute(receivable, loss.document_ids, loss.fen)
        free_fen = receivable.amount_fen - receivable.issued_fen - receivable.direct_fen
        return await self._credit(receivable, min(loss.fen, free_fen), loss) if free_fen else None

    async def require_undiluted(self, receivable: Receivable) -> None:
        """Raise STATE_CONFLICT when a receivable is worth less than it says: nothing new rests on it."""
        if (await self.loss_of(receivable)).fen > 0:
            raise HuilianError("STATE_CONFLICT", "credited or sent back meanwhile", state=ReceivableState.DILUTED)

    async def unfrozen(self, freeze: Freeze) -> None:
        """The last court's order is lifted: what came meanwhile counts now."""
        if freeze.kind is FrozenKind.RECEIVABLE:
            receivable = await stored_receivables.lock(freeze.object_id)
            assert receivable is not None, "it was frozen"
            await self.take_off(receivable)

    async def loss_of(self, receivable: Receivable) -> Loss:
        """What credit notes and returns made a signed receivable worth less, as far as it is not taken off yet."""
        if receivable.state not in SIGNED:
            return Loss(0, ())
        relied = await relied_on(receivable)
        back = await taken_back(relied.invoice)
        if back == TakenBack():
            return Loss(0, ())
        notes = (*back.credit_notes, *back.unplaced_credits)
        lost_fen = credited_fen(notes) + await self._sent_back_fen(receivable, relied, back)
        total_fen = min(lost_fen, relied.invoice.payable_amount_fen)
        ids = sorted(document.document_id for document in (*notes, *back.returns))
        return Loss(total_fen - receivable.credited_fen, tuple(ids))

    async def _sent_back_fen(self, receivable: Receivable, relied: Counted, back: TakenBack) -> int:
        """What goods are worth that this receivable bills, and that went back since without a credit note."""
        known = await returns_relied_on(receivable, relied.invoice)
        order_ids = relied.invoice.order_document_ids
        orders = await stored_documents.in_force(receivable.buyer_uscc, order_ids, DocumentKind.ORDER)
        lines = order_lines_of(orders)
        now, before = billed_quantities(back.returns, lines), billed_quantities(known, lines)
        news = {key: quantity - before[key] for key, quantity in now.items() if quantity > before[key]}
        if not news:
            return 0
        excess = await self._excess(relied.invoice, lines)
        gone = {key: min(quantity, excess.get(key, Decimal(0))) for key, quantity in news.items()}
        return value_fen(relied.invoice, lines, gone)

    async def _excess(self, invoice: TradeDocument, lines: OrderLines) -> Mapping[OrderLineKey, Decimal]:
        """What this invoice bills beyond what was kept: of several invoices the newest bill goods that are gone."""
        buyer, order_ids = invoice.buyer_uscc, invoice.order_document_ids
        answering = await stored_documents.answering(buyer, order_ids)
        receipts = await stored_documents.in_force(buyer, answering, DocumentKind.RECEIPT_ADVICE)
        returns = await stored_documents.in_force(buyer, answering, DocumentKind.DESPATCH_ADVICE)
        kept = billed_quantities(receipts, lines)
        for key, quantity in billed_quantities(returns, lines).items():
            kept[key] -= quantity
        own = await self._net(invoice, lines)
        excess = {}
        for counted in await counting_invoices_seen(buyer, answering - {invoice.document_id}):
            if _place(counted.invoice) < _place(invoice):
                for key, quantity in (await self._net(counted.invoice, lines)).items():
                    kept[key] -= quantity
        for key, quantity in own.items():
            excess[key] = min(max(quantity - kept[key], Decimal(0)), quantity)
        return excess

    async def _net(self, invoice: TradeDocument, lines: OrderLines) -> Mapping[OrderLineKey, Decimal]:
        """What an invoice bills and no credit note of today takes off."""
        net = billed_quantities([invoice], lines)
        notes = (await taken_back(invoice)).credit_notes
        for key, quantity in credited_quantities(notes, lines, self._tolerances).items():
            net[key] = max(net[key] - quantity, Decimal(0))
        return net

    async def _credit(self, receivable: Receivable, amount_fen: int, loss: Loss) -> Receivable:
        credited = await stored_receivables.credit(receivable, amount_fen)
        await self._records.credited(credited, loss.document_ids, amount_fen)
        return credited


def _age(receivable: Receivable) -> tuple[str, str]:
    return (receivable.issue_date.isoformat(), receivable.invoice_document_id)


def _place(invoice: TradeDocument) -> tuple[str, str]:
    return (invoice.issue_date.isoformat(), invoice.document_id)
