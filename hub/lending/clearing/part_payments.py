"""Part payments on a receivable that is due: the buyer's own, or what an operator finds on a statement.

A part payment names its receivable, as Civil Code art. 560 lets the debtor do; nothing is swept from an account that
does not hold the whole. Accepting a part harms nobody (art. 531): every holder gets its share of whatever came.
"""

from __future__ import annotations

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.lending.clearing import stored
from hub.lending.clearing.payouts import PaidOut, Payment, Payouts
from hub.lending.clearing.stored import PartPayment
from hub.lending.financings.claim_locks import ClaimLocks
from hub.lending.ports import Mandates, Receivables
from hub.lending.records import CURRENCY, Records
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.paging import Page


class PartPayments:
    """Use cases; all run inside the caller's transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        receivables: Receivables,
        payouts: Payouts,
        claims: ClaimLocks,
        records: Records,
        mandates: Mandates,
    ) -> None:
        self._mandates = mandates
        self._claims = claims
        self._database = database
        self._clock = clock
        self._receivables = receivables
        self._payouts = payouts
        self._records = records

    async def pay_own(self, buyer_uscc: str, payment_id: str, receivable_id: str, amount_fen: int) -> PartPayment:
        """The buyer pays a part, or the rest, of what it owes from its own account.

        Raises NOT_FOUND (also for another buyer's), PERMISSION_DENIED (no signer's word), and what `book` raises.
        """
        receivable = await self._receivables.get_receivable(receivable_id)
        if receivable.buyer_uscc != buyer_uscc:
            raise HuilianError("NOT_FOUND", resource="receivable")
        await self._mandates.require_word(buyer_uscc, Power.PAY, receivable_id, amount_fen)
        return await self.book(payment_id, receivable_id, buyer_uscc, amount_fen)

    async def book(self, payment_id: str, receivable_id: str, payer: str, amount_fen: int) -> PartPayment:
        """Books a payment from any party's deposit account: its own share to everybody whom the receivable owes.

        Raises NOT_FOUND, ALREADY_EXISTS, STATE_CONFLICT (not due yet, settled, or a financing blocks a certificate),
        AMOUNT_EXCEEDS_RECEIVABLE, INSUFFICIENT_FUNDS.
        """
        await self._database.lock("clearing", receivable_id)
        await self._database.lock("part-payment", payment_id)
        if await stored.exists(payment_id):
            raise HuilianError("ALREADY_EXISTS", resource="payment")
        payment = Payment(payment_id, payer, amount_fen, business_date(self._clock.now()))
        paid = await self._payouts.pay(receivable_id, payment)
        booked = _booked(payment_id, payment, paid)
        await stored.add(booked, self._clock.now())
        await self._claims.changed(receivable_id, payment_id)
        await self._records.part_payment(booked, _content(booked, paid))
        return booked

    async def page_of(self, receivable_id: str, size: int, token: str) -> Page[PartPayment]:
        """The part payments on a receivable, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored.page_of_receivable(receivable_id, size, token)


def _booked(payment_id: str, payment: Payment, paid: PaidOut) -> PartPayment:
    return PartPayment(
        payment_id=payment_id,
        receivable_id=paid.receivable.receivable_id,
        payer=payment.payer,
        amount_fen=payment.amount_fen,
        value_date=payment.value_date,
        unpaid_fen=paid.receivable.unpaid_fen,
    )


def _content(booked: PartPayment, paid: PaidOut) -> dict[str, object]:
    """As for the clearing of the whole, the bank's own: holders need not know of each other."""
    return {
        "parties": [],
        "payment_id": booked.payment_id,
        "receivable_id": booked.receivable_id,
        "payer": booked.payer,
        "amount_fen": booked.amount_fen,
        "unpaid_fen": booked.unpaid_fen,
        "currency": CURRENCY,
        "value_date": booked.value_date.isoformat(),
        "certificates": list(paid.certificates),
        "loans_repaid_fen": paid.loans_repaid_fen,
        "supplier_paid_fen": paid.supplier_paid_fen,
    }
