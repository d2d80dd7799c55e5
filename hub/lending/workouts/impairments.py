"""What a lender does when its security is disputed, diluted or frozen.

- A receivable under a loan is disputed or diluted: the loan is called in. The borrower is to buy the receivable back
  (Civil Code §766); ten days on, the bank takes what there is from its account, and tries again every day.
- It is confirmed anew: it secures its loan again. Where it is worth enough, the call is lifted; else only what the loan
  is above the advance rate on it stays called.
- A repayment bounces later: a call that was lifted stands again where the receivable no longer covers the loan.
- A court freezes a certificate that an application blocks: the application ends and gives it back.
- An order is lifted from what was paid meanwhile: the money in its place goes to whose it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from huilian_protocol.errors import HuilianError

from hub.accounting.service import BankCore, Line, deposit_account
from hub.lending.loans.desk import Loans
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import RECOURSE
from hub.lending.orders.conversions import Conversions
from hub.lending.ports import Receivables
from hub.lending.records import Records
from hub.lending.rounds import each
from hub.lending.workouts import stored_calls as stored
from hub.lending.workouts.stored_calls import Call, CallState
from hub.platform.database import Database
from hub.receivables.service import Freeze, FrozenKind, Impairment, Receivable, ReceivableState

BUY_BACK_DAYS: Final = 10
BATCH: Final = 100


class Impairments:
    """Told by receivables in the transaction of what happened; `collect` opens its own."""

    def __init__(
        self,
        database: Database,
        bank: BankCore,
        receivables: Receivables,
        loans: Loans,
        conversions: Conversions,
        records: Records,
        freed: Callable[[Loan], Awaitable[Loan]],
    ) -> None:
        """`freed` gives back what a loan held once it is closed."""
        self._database = database
        self._bank = bank
        self._receivables = receivables
        self._loans = loans
        self._conversions = conversions
        self._records = records
        self._freed = freed

    async def impaired(self, receivable: Receivable, impairment: Impairment) -> None:
        """Calls in every open loan that the receivable secures."""
        for loan in await self._conversions.secured_on(receivable.receivable_id):
            await self._call(loan, receivable.receivable_id, impairment.value)

    async def grown(self, loan: Loan) -> None:
        """More is owed on a loan than before, since a repayment bounced or came on another day: what its receivable was
        impaired by when it was called is looked at again.
        """
        before = await stored.find(loan.record.loan_id)
        if before is not None and await self._conversions.shortfall_fen(loan):
            await self._call(loan, before.receivable_id, before.cause)

    async def confirmed(self, receivable: Receivable) -> None:
        """A receivable that secures an open loan was confirmed anew: it is pledged again, and the call lifted if it is
        worth enough.
        """
        for loan in await self._conversions.secured_on(receivable.receivable_id):
            held = await self._receivables.get_receivable(receivable.receivable_id)
            if held.state is ReceivableState.CONFIRMED:
                await self._receivables.pledge_again(receivable.receivable_id, loan.record.loan_id)
            if not await self._conversions.shortfall_fen(loan):
                await self._end(loan, CallState.LIFTED)

    async def closed(self, loan: Loan) -> None:
        """A called loan was repaid or bought back."""
        await self._end(loan, CallState.MET)

    async def collect(self) -> int:
        """Takes what is overdue on calls from the borrowers' accounts; how many were looked at.

        Opens a transaction for each.
        """
        ids = await stored.ids_overdue(self._loans.today(), BATCH)

        async def one(loan_id: str) -> None:
            async with self._database.transaction():
                await self._take(loan_id)

        await each(ids, one, str)
        return len(ids)

    async def unfrozen(self, freeze: Freeze) -> None:
        """Pays out what was paid in place of an object while it was frozen."""
        account = frozen_account(freeze.object_id)
        try:
            amount_fen = await self._bank.balance_fen(account)
        except HuilianError as error:
            if error.code != "NOT_FOUND":
                raise
            return
        if amount_fen:
            owner = await self._owner(freeze)
            lines = [Line(account, debit_fen=amount_fen), Line(deposit_account(owner), credit_fen=amount_fen)]
            await self._bank.post(f"unfrozen:{freeze.freeze_id}", self._loans.today(), "unfrozen", lines)

    async def _owner(self, freeze: Freeze) -> str:
        if freeze.kind is FrozenKind.CERTIFICATE:
            return (await self._receivables.get_certificate(freeze.object_id)).holder_uscc
        return (await self._receivables.get_receivable(freeze.object_id)).supplier_uscc

    async def _take(self, loan_id: str) -> None:
        """From the borrower, as much as it has of what is called; the call is lifted once nothing of it is left."""
        loan = await self._loans.locked(loan_id)
        there_fen = await self._bank.balance_fen(deposit_account(loan.record.borrower))
        amount_fen = min(await self._called_fen(loan), there_fen)
        await stored.tried(loan_id, self._loans.today())
        if amount_fen > 0:
            loan = await self._freed(await self._loans.take(loan, amount_fen, loan.record.borrower, RECOURSE))
        if not loan.record.closed and not await self._called_fen(loan):
            await self._end(loan, CallState.LIFTED)

    async def _called_fen(self, loan: Loan) -> int:
        """What is to be paid so that the rest is secured: interest and fees first, as on every payment."""
        shortfall_fen = await self._conversions.shortfall_fen(loan)
        return int(loan.owed.total_fen - loan.owed.principal_fen) + shortfall_fen if shortfall_fen else 0

    async def _call(self, loan: Loan, receivable_id: str, cause: str) -> None:
        today = self._loans.today()
        due_on = today + timedelta(days=BUY_BACK_DAYS)
        called = await stored.put(Call(loan.record.loan_id, receivable_id, cause, today, due_on, CallState.OPEN))
        if called is not None:
            await self._records.called("called", loan, called)

    async def _end(self, loan: Loan, state: CallState) -> None:
        call = await stored.end(loan.record.loan_id, state)
        if call is not None:
            await self._records.called(state.value.lower(), loan, call)


def frozen_account(object_id: str) -> str:
    """Where what falls due on a frozen object waits."""
    return f"frozen:{object_id}"
