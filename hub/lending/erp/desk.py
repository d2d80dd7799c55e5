"""What the bank paid on a buyer's payables, posted in the buyer's own ERP and compared with its general ledger.

A payment's row and its outbox message are written with the journals that paid it. The ERP posts once per payment id, so
a message may be delivered any number of times.
"""

from __future__ import annotations

from dataclasses import dataclass

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.accounting.case_rules import Case, Source
from hub.accounting.cases import Cases
from hub.lending.clearing.payouts import Payment
from hub.lending.erp import stored
from hub.lending.erp.rules import ErpEntry, ErpPayment, ErpPaymentState, compare
from hub.lending.ports import ErpLedgers
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox
from hub.platform.paging import Page
from hub.platform.transactions import forbid_transaction
from hub.receivables.service import Receivable

TOPIC = "erp.payment"
AT_ONCE = 4
NEWEST_PAYMENTS = 2_000
"""Compared again and again, also when the ledgers agreed on them: an entry can be taken back. Older ones are compared
until the ledgers agree on their invoice.
"""
INVOICES_AT_ONCE = 100
# The ERP says no, which asking again at once does not change.
_REFUSALS = frozenset({"STATE_CONFLICT", "ALREADY_EXISTS", "NOT_FOUND", "INVALID_ARGUMENT"})


@dataclass(frozen=True)
class ErpLedger:
    """What an ERP's general ledger said about the invoices of these payments."""

    buyer_uscc: str
    payments: tuple[ErpPayment, ...]
    entries: tuple[ErpEntry, ...]


@dataclass(frozen=True)
class ErpComparison:
    """How a comparison went: payments that were compared, tried again, and what differs."""

    compared: int
    tried_again: int
    cases: tuple[Case, ...]


class ErpPayments:
    """Registers its outbox topic when it is made."""

    def __init__(self, database: Database, clock: Clock, outbox: Outbox, erps: ErpLedgers, cases: Cases) -> None:
        self._database, self._clock, self._outbox = database, clock, outbox
        self._erps, self._cases = erps, cases
        outbox.register(TOPIC, self.deliver, AT_ONCE)

    async def owe(self, receivable: Receivable, payment: Payment) -> None:
        """Inside the transaction that pays: the buyer's ERP is to be told. A buyer without an ERP connector is not."""
        if not self._erps.has(receivable.buyer_uscc):
            return
        owed = ErpPayment(
            payment_id=payment.payment_id or f"clear:{receivable.receivable_id}",
            receivable_id=receivable.receivable_id,
            buyer_uscc=receivable.buyer_uscc,
            invoice_document_id=receivable.invoice_document_id,
            amount_fen=payment.amount_fen,
            value_date=payment.value_date,
            state=ErpPaymentState.PENDING,
            entry_number="",
            reason="",
            attempts=1,
            created_at=self._clock.now(),
        )
        await stored.add(owed)
        await self._queue(owed)

    async def deliver(self, message: Message) -> None:
        """Posts one payment. Opens its own transaction. Raises what the connector raises while it is away."""
        forbid_transaction("posting a payment in an ERP")
        payment = await stored.find(str(message.payload["payment_id"]))
        if payment is None or payment.state is ErpPaymentState.POSTED:
            return
        try:
            entry_number = await self._erps.record_payment(payment)
        except HuilianError as error:
            if error.code not in _REFUSALS:
                raise
            async with self._database.transaction():
                await stored.refused(payment.payment_id, str(error.params.get("state", error.code))[:32])
            return
        async with self._database.transaction():
            await stored.posted(payment.payment_id, entry_number)

    async def page(self, buyer_uscc: str, size: int, token: str) -> Page[ErpPayment]:
        """Payments of one buyer, or of all, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored.page_of_buyer(buyer_uscc, size, token)

    async def pull(self, buyer_uscc: str) -> ErpLedger:
        """What the buyer's ledger says about the invoices that we paid on, over the network.

        Raises NOT_FOUND for a buyer without an ERP connector, and what the connector raises.
        """
        forbid_transaction("reading an ERP's ledger")
        if not self._erps.has(buyer_uscc):
            raise HuilianError("NOT_FOUND", "this buyer has no ERP connector", resource="ERP connector")
        invoices = await stored.invoices_to_compare(buyer_uscc, NEWEST_PAYMENTS)
        payments: list[ErpPayment] = []
        entries: list[ErpEntry] = []
        for first in range(0, len(invoices), INVOICES_AT_ONCE):
            some = invoices[first : first + INVOICES_AT_ONCE]
            payments += await stored.on_invoices(buyer_uscc, some)
            entries += await self._erps.ledger_entries(buyer_uscc, some)
        return ErpLedger(buyer_uscc, tuple(payments), tuple(entries))

    async def take_in(self, ledger: ErpLedger) -> ErpComparison:
        """Compares inside the caller's transaction: what differs are the buyer's cases, what agrees closes its own.

        Payments that the ERP refused are tried once more.
        """
        await self._database.lock("reconciliation", ledger.buyer_uscc)
        differences = compare(ledger.buyer_uscc, ledger.payments, ledger.entries)
        cases = await self._cases.compare(Source.ERP, ledger.buyer_uscc, differences)
        await self._remember_agreed(ledger, {difference.item_id for difference in differences})
        refused = [one for one in ledger.payments if one.state is ErpPaymentState.REFUSED]
        for payment in refused:
            await stored.again(payment)
            await self._queue(payment)
        return ErpComparison(len(ledger.payments), len(refused), tuple(cases))

    async def _remember_agreed(self, ledger: ErpLedger, differing: set[str]) -> None:
        """An invoice agrees when nothing differs on it: neither a payment nor an entry."""
        invoices = {entry.invoice_document_id for entry in ledger.entries if entry.entry_id in differing}
        invoices |= {one.invoice_document_id for one in ledger.payments if one.payment_id in differing}
        for yes in (True, False):
            ids = [one.payment_id for one in ledger.payments if (one.invoice_document_id not in invoices) is yes]
            for first in range(0, len(ids), INVOICES_AT_ONCE):
                await stored.agreed(ids[first : first + INVOICES_AT_ONCE], yes=yes)

    async def _queue(self, payment: ErpPayment) -> None:
        key = (
            f"{payment.payment_id}#{payment.attempts}"
            if payment.state is ErpPaymentState.REFUSED
            else payment.payment_id
        )
        await self._outbox.put(TOPIC, key, {"payment_id": payment.payment_id})
