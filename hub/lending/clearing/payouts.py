"""One payment on one receivable, down to everybody whom it owes: loans first, what they leave to the holders.

The same waterfall serves the clearing of the whole and a part of it: the payment is apportioned over the certificates
that are due and the part over which none is out (`payout_rules`); of each share the loan that it secures takes what is
owed (fees, interest, principal, as the loan engine has it), and the rest is the holder's, or the supplier's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

from huilian_protocol.errors import HuilianError

from hub.accounting.service import AccountKind, BankCore, Line, deposit_account
from hub.lending.clearing.rules import apportion
from hub.lending.collections.overdue import note_paid
from hub.lending.loans.desk import Loans
from hub.lending.loans.model import Loan
from hub.lending.ports import Receivables
from hub.lending.workouts.impairments import frozen_account
from hub.receivables.service import Certificate, FrozenKind, Receivable


@dataclass(frozen=True)
class Payment:
    """Money for a receivable. `payment_id` is None when the whole rest is cleared; `payer` owns the deposit account."""

    payment_id: str | None
    payer: str
    amount_fen: int
    value_date: date

    def journal_id(self, what: str) -> str:
        """One journal for each payee of each payment."""
        return f"clear:{what}" if self.payment_id is None else f"clear:{what}:{self.payment_id}"


@dataclass(frozen=True)
class PaidOut:
    """What became of a payment: `certificates` as the log keeps them, the supplier's loans and money in fen."""

    receivable: Receivable
    certificates: tuple[dict[str, object], ...]
    loans_repaid_fen: int
    supplier_paid_fen: int

    @property
    def settled(self) -> bool:
        """Whether nothing is owed on the receivable any more."""
        return self.receivable.unpaid_fen == 0


@dataclass(frozen=True)
class Payee:
    """An account that is paid, and whose it is."""

    account: str
    party: str
    kind: AccountKind


class Payouts:
    """Runs inside the caller's transaction, which holds the lock ("clearing", receivable id)."""

    def __init__(
        self,
        bank: BankCore,
        receivables: Receivables,
        loans: Loans,
        secured_on: Callable[[str], Awaitable[list[Loan]]],
        tell_erp: Callable[[Receivable, Payment], Awaitable[None]],
        closed: Callable[[Loan], Awaitable[None]],
        settled: Callable[[str], Awaitable[None]],
    ) -> None:
        """`secured_on` names the open loans that a pledged receivable secures; `tell_erp` puts down, in the same
        transaction, what the buyer's own ledger is to learn; `closed` is told of a loan that a payment closes,
        `settled` of a receivable on which nothing is owed any more.
        """
        self._bank = bank
        self._receivables = receivables
        self._loans = loans
        self._secured_on = secured_on
        self._tell_erp = tell_erp
        self._closed = closed
        self._settled = settled

    async def pay(self, receivable_id: str, payment: Payment) -> PaidOut:
        """Shares the payment; paid in full, the receivable is settled.

        Raises NOT_FOUND, STATE_CONFLICT (not due, settled, or a financing blocks a certificate),
        AMOUNT_EXCEEDS_RECEIVABLE, INSUFFICIENT_FUNDS.
        """
        certificates = await self._receivables.fall_due(receivable_id)
        receivable = await self._receivables.get_receivable(receivable_id)
        if not receivable.unpaid_fen:
            raise HuilianError("STATE_CONFLICT", "nothing is owed on it", state=receivable.state)
        if not 0 < payment.amount_fen <= receivable.unpaid_fen:
            raise HuilianError(
                "AMOUNT_EXCEEDS_RECEIVABLE", amount_fen=payment.amount_fen, available_fen=receivable.unpaid_fen
            )
        claims = [certificate.unpaid_fen for certificate in certificates]
        *shares, direct_fen = apportion(payment.amount_fen, [*claims, receivable.unpaid_fen - sum(claims)])
        paid = tuple(
            [
                await self._redeem(item, share, payment)
                for item, share in zip(certificates, shares, strict=True)
                if share
            ]
        )
        repaid_fen = await self._pay_direct(receivable, direct_fen, payment)
        after = await self._receivables.get_receivable(receivable_id)
        if not after.unpaid_fen:
            after = await self._receivables.settle(receivable_id)
            await note_paid(receivable_id, payment.value_date)
            await self._settled(receivable_id)
        await self._tell_erp(after, payment)
        return PaidOut(after, paid, repaid_fen, direct_fen - repaid_fen)

    async def _redeem(self, certificate: Certificate, share_fen: int, payment: Payment) -> dict[str, object]:
        loan = await self._loans.of_certificate(certificate.certificate_id)
        repaid_fen = 0
        if loan is not None:
            repaid_fen = await self._collect(loan, share_fen, payment)
        rest_fen = share_fen - repaid_fen
        payee = await self._payee(FrozenKind.CERTIFICATE, certificate.certificate_id, certificate.holder_uscc)
        await self._transfer(payment.journal_id(certificate.certificate_id), payment, payee, rest_fen)
        if payment.payment_id is None:
            await self._receivables.redeem(certificate.certificate_id)
        else:
            await self._receivables.redeem_part(certificate.certificate_id, payment.payment_id, share_fen)
        return {
            "certificate_id": certificate.certificate_id,
            "holder_uscc": certificate.holder_uscc,
            "loan_repaid_fen": repaid_fen,
            "holder_paid_fen": rest_fen,
        }

    async def _pay_direct(self, receivable: Receivable, share_fen: int, payment: Payment) -> int:
        """The part without certificates: the loans that the receivable itself secures, the rest is the supplier's.

        The confirmation promised the whole amount. Answers what the loans took, in fen.
        """
        if not share_fen:
            return 0
        left_fen = share_fen
        for loan in await self._secured_on(receivable.receivable_id):
            if left_fen:
                left_fen -= await self._collect(loan, left_fen, payment)
        payee = await self._payee(FrozenKind.RECEIVABLE, receivable.receivable_id, receivable.supplier_uscc)
        journal_id = payment.journal_id(f"{receivable.receivable_id}:supplier")
        await self._transfer(journal_id, payment, payee, left_fen)
        await self._receivables.pay_direct(receivable.receivable_id, share_fen)
        return share_fen - left_fen

    async def _collect(self, loan: Loan, most_fen: int, payment: Payment) -> int:
        after, repaid_fen = await self._loans.collect(loan.record.loan_id, most_fen, payer=payment.payer)
        if after.record.closed:
            await self._closed(after)
        return repaid_fen

    async def _transfer(self, journal_id: str, payment: Payment, payee: Payee, amount_fen: int) -> None:
        payer = deposit_account(payment.payer)
        if not amount_fen or payer == payee.account:
            return
        await self._bank.open_account(payee.account, payee.party, payee.kind)
        lines = [Line(payer, debit_fen=amount_fen), Line(payee.account, credit_fen=amount_fen)]
        await self._bank.post(journal_id, payment.value_date, "clearing", lines)

    async def _payee(self, kind: FrozenKind, object_id: str, party: str) -> Payee:
        """The party's account, or the one that a court's order put in its place (SPC-CPL-499)."""
        if await self._receivables.is_frozen(kind, object_id):
            await self._bank.open_account(deposit_account(party), party, AccountKind.DEPOSIT)
            return Payee(frozen_account(object_id), party, AccountKind.ESCROW)
        return Payee(deposit_account(party), party, AccountKind.DEPOSIT)
