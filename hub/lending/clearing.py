"""Clearing at the due date: the buyer's account pays every holder down the chain, loans first.

Each receivable is one transaction, so a process that dies anywhere leaves it either cleared or untouched; the next run
takes up what is left. A buyer whose funds do not suffice is overdue from the day after the due date, and is tried again
at every run.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.accounting.service import AccountKind, BankCore, Line, deposit_account
from hub.lending.impairments import frozen_account
from hub.lending.loans import Loans
from hub.lending.model import Loan
from hub.lending.overdue import note_overdue, note_paid
from hub.lending.ports import Receivables
from hub.lending.records import CURRENCY, Records
from hub.lending.rounds import each
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.receivables.service import Certificate, FrozenKind, Receivable, ReceivableState

MOST_AT_ONCE = 1000
DEFAULT_DAYS = 90

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cleared:
    """How a run went: ids of receivables."""

    settled: tuple[str, ...]
    overdue: tuple[str, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True)
class Payee:
    """An account that is paid, and whose it is."""

    account: str
    party: str
    kind: AccountKind


class Clearing:
    """Opens its own transactions."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bank: BankCore,
        receivables: Receivables,
        loans: Loans,
        records: Records,
        secured_on: Callable[[str], Awaitable[list[Loan]]],
    ) -> None:
        """`secured_on` names the open loans that a pledged receivable secures."""
        self._database = database
        self._clock = clock
        self._bank = bank
        self._receivables = receivables
        self._loans = loans
        self._records = records
        self._secured_on = secured_on
        self._after: tuple[date, str] | None = None

    async def run(self) -> Cleared:
        """Clears what is due today or was before: at most MOST_AT_ONCE, the next run goes on behind them.

        So buyers who never pay hold up nobody, however many they are.
        """
        today = business_date(self._clock.now())
        outcome: dict[str, list[str]] = {"settled": [], "overdue": [], "waiting": []}
        async with self._database.transaction():
            due = await self._receivables.receivables_due(today, MOST_AT_ONCE, self._after)
        self._after = (due[-1].due_date, due[-1].receivable_id) if len(due) == MOST_AT_ONCE else None

        async def settle(receivable: Receivable) -> None:
            outcome[await self._settle(receivable, today)].append(receivable.receivable_id)

        await each(due, settle, lambda receivable: receivable.receivable_id)
        return Cleared(**{name: tuple(ids) for name, ids in outcome.items()})

    async def _settle(self, receivable: Receivable, today: date) -> str:
        try:
            if await self._affordable(receivable):
                async with self._database.transaction():
                    await self._clear(receivable.receivable_id, today)
                return "settled"
        except HuilianError as error:
            if error.code not in {"INSUFFICIENT_FUNDS", "STATE_CONFLICT"}:
                raise
            # Paid out elsewhere in between, or a financing still blocks a certificate: the next run tries again.
            logger.info("clearing.waits", extra={"receivable_id": receivable.receivable_id, "code": error.code})
            if error.code == "STATE_CONFLICT":
                return "waiting"
        return await self._miss(receivable, today)

    async def _affordable(self, receivable: Receivable) -> bool:
        """A look before the attempt, so that an unfunded buyer costs one read a round. The books have the last word."""
        try:
            balance_fen = await self._bank.balance_fen(deposit_account(receivable.buyer_uscc))
        except HuilianError as error:
            if error.code != "NOT_FOUND":
                raise
            return False
        return balance_fen >= receivable.amount_fen - receivable.redeemed_fen

    async def _clear(self, receivable_id: str, today: date) -> None:
        await self._database.lock("clearing", receivable_id)
        receivable = await self._receivables.get_receivable(receivable_id)
        if receivable.state is ReceivableState.SETTLED:
            return
        certificates = await self._receivables.fall_due(receivable_id)
        receivable = await self._receivables.get_receivable(receivable_id)
        paid = [await self._redeem(receivable, certificate, today) for certificate in certificates]
        repaid_fen = await self._repay_secured(receivable)
        await self._pay_supplier(receivable, repaid_fen, today)
        await self._receivables.settle(receivable_id)
        await note_paid(receivable_id)
        await self._records.cleared(receivable_id, _content(receivable, paid, repaid_fen, today))

    async def _redeem(self, receivable: Receivable, certificate: Certificate, today: date) -> dict[str, object]:
        loan = await self._loans.of_certificate(certificate.certificate_id)
        repaid_fen = 0
        if loan is not None:
            _, repaid_fen = await self._loans.collect(
                loan.record.loan_id, certificate.amount_fen, payer=receivable.buyer_uscc
            )
        rest_fen = certificate.amount_fen - repaid_fen
        journal_id = f"clear:{certificate.certificate_id}"
        payee = await self._payee(FrozenKind.CERTIFICATE, certificate.certificate_id, certificate.holder_uscc)
        await self._pay(journal_id, receivable.buyer_uscc, payee, rest_fen, today)
        await self._receivables.redeem(certificate.certificate_id)
        return {
            "certificate_id": certificate.certificate_id,
            "holder_uscc": certificate.holder_uscc,
            "loan_repaid_fen": repaid_fen,
            "holder_paid_fen": rest_fen,
        }

    async def _repay_secured(self, receivable: Receivable) -> int:
        """What the loans that the receivable itself secures take of it, in fen."""
        left_fen = whole_fen = receivable.amount_fen - receivable.issued_fen
        for loan in await self._secured_on(receivable.receivable_id):
            _, repaid_fen = await self._loans.collect(loan.record.loan_id, left_fen, payer=receivable.buyer_uscc)
            left_fen -= repaid_fen
        return whole_fen - left_fen

    async def _pay_supplier(self, receivable: Receivable, repaid_fen: int, today: date) -> None:
        """What neither a certificate nor a loan takes is the supplier's: the confirmation promised the whole amount."""
        rest_fen = receivable.amount_fen - receivable.issued_fen - repaid_fen
        journal_id = f"clear:{receivable.receivable_id}:supplier"
        payee = await self._payee(FrozenKind.RECEIVABLE, receivable.receivable_id, receivable.supplier_uscc)
        await self._pay(journal_id, receivable.buyer_uscc, payee, rest_fen, today)

    async def _pay(self, journal_id: str, payer: str, payee: Payee, amount_fen: int, today: date) -> None:
        if not amount_fen or deposit_account(payer) == payee.account:
            return
        await self._bank.open_account(payee.account, payee.party, payee.kind)
        lines = [Line(deposit_account(payer), debit_fen=amount_fen), Line(payee.account, credit_fen=amount_fen)]
        await self._bank.post(journal_id, today, "clearing", lines)

    async def _payee(self, kind: FrozenKind, object_id: str, party: str) -> Payee:
        """The party's account, or the one that a court's order put in its place (SPC-CPL-499)."""
        if await self._receivables.is_frozen(kind, object_id):
            await self._bank.open_account(deposit_account(party), party, AccountKind.DEPOSIT)
            return Payee(frozen_account(object_id), party, AccountKind.ESCROW)
        return Payee(deposit_account(party), party, AccountKind.DEPOSIT)

    async def _miss(self, receivable: Receivable, today: date) -> str:
        if today <= receivable.due_date:
            return "waiting"
        if receivable.state is ReceivableState.OVERDUE:
            await self._default(receivable, today)
        elif receivable.state is not ReceivableState.DEFAULTED:
            async with self._database.transaction():
                await self._receivables.miss_due_date(receivable.receivable_id)
                await note_overdue(receivable.receivable_id, receivable.buyer_uscc, receivable.due_date)
        return "overdue"

    async def _default(self, receivable: Receivable, today: date) -> None:
        """Above 90 days late the buyer is in default (商业银行金融资产风险分类办法, 2023 no. 1, art. 11)."""
        if (today - receivable.due_date).days > DEFAULT_DAYS:
            async with self._database.transaction():
                await self._receivables.default(receivable.receivable_id)


def _content(receivable: Receivable, paid: list[dict[str, object]], repaid_fen: int, today: date) -> dict[str, object]:
    return {
        # The bank's own: it tells of holders who need not know of each other, and of their loans. Each of them has the
        # receipts of its certificate and loan, buyer and supplier that of the settlement.
        "parties": [],
        "receivable_id": receivable.receivable_id,
        "buyer_uscc": receivable.buyer_uscc,
        "supplier_uscc": receivable.supplier_uscc,
        "amount_fen": receivable.amount_fen,
        "currency": CURRENCY,
        "value_date": today.isoformat(),
        "certificates": paid,
        "loans_repaid_fen": repaid_fen,
    }
