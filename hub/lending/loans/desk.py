"""Loans after signing: open, draw, repay, payoff, close. Balance and interest are always derived from the events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from huilian_loans import Payoff, is_late, owed, position
from huilian_loans.documents import read_terms
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.accounting.service import AccountKind, BankCore, Line, deposit_account
from hub.lending.limits.desk import Limits, limit_id
from hub.lending.loans import stored
from hub.lending.loans.bookings import (
    BANK,
    FEE_INCOME,
    INTEREST_INCOME,
    RECOVERIES,
    entrusted_account,
    next_sequence,
    principal_account,
    repayment_lines,
    spread,
    with_fee,
)
from hub.lending.loans.fees import periodic_fees
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import DRAW, FEE, RECOVERY, REPAYMENT, SETTLED_BY, LoanEventRecord, LoanRecord
from hub.lending.ports import Mandates
from hub.lending.records import Records
from hub.lending.rounds import each
from hub.lending.rules import LoanAction, LoanState, check_action
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.paging import Page

CLEARING, CONVERSION = "CLEARING", "CONVERSION"


@dataclass(frozen=True)
class Opening:
    """Everything that makes a loan. Its limit holds the principal already, for the financing or for the loan itself.

    A `funder` lends its own money through the bank (委托贷款): no limit of the bank's holds it.
    """

    loan_id: str
    borrower: str
    is_person: bool
    revolving: bool
    terms: dict[str, Any]
    limit_fen: int
    principal_fen: int
    fee_fen: int
    certificate_id: str | None = None
    financing_id: str | None = None
    claim_id: str | None = None
    funder: str | None = None


class Loans:
    """Use cases of loans; all run inside the caller's transaction except `list_own` and reads."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bank: BankCore,
        limits: Limits,
        records: Records,
        mandates: Mandates,
        may_draw: Callable[[LoanRecord], Awaitable[None]],
    ) -> None:
        """`may_draw` raises STATE_CONFLICT where an enterprise's revolving loan pays out no more for now."""
        self._may_draw = may_draw
        self._database = database
        self._clock = clock
        self._bank = bank
        self._limits = limits
        self._records = records
        self._mandates = mandates
        self._matured_on: date | None = None

    def today(self) -> date:
        """The business day."""
        return business_date(self._clock.now())

    async def open(self, opening: Opening, evidence: dict[str, Any]) -> Loan:
        """Books the loan and pays principal less fee to the borrower's deposit account."""
        record = LoanRecord(
            loan_id=opening.loan_id,
            borrower=opening.borrower,
            is_person=opening.is_person,
            product_id=opening.terms["product_id"],
            revolving=opening.revolving,
            limit_fen=opening.limit_fen,
            terms=opening.terms,
            maturity=date.fromisoformat(opening.terms["maturity"]),
            certificate_id=opening.certificate_id,
            financing_id=opening.financing_id,
            claim_id=opening.claim_id,
            funder=opening.funder,
            closed=False,
            created_at=self._clock.now(),
        )
        await stored.add(record)
        await self._open_accounts(record)
        await self._book_opening(record, opening)
        loan = await self.view(record, self.today())
        await self._records.loan("disbursed", loan, opening.principal_fen, evidence)
        return loan

    async def take_id(self, loan_id: str, resource: str) -> None:
        """Take an id for an application and the loan that will follow: one person's id is never another's loan.

        Raises ALREADY_EXISTS.
        """
        await self._database.lock("loan", loan_id)
        if await stored.is_promised(loan_id):
            raise HuilianError("ALREADY_EXISTS", resource=resource)

    async def draw(self, borrower: str, loan_id: str, amount_fen: int) -> Loan:
        """Pays out more of a revolving loan.

        Raises NOT_FOUND, STATE_CONFLICT (not revolving, matured or overdue; an enterprise that is not verified, or of
        which a red warning was given), PERMISSION_DENIED (an enterprise none of whose signers agreed), LIMIT_EXCEEDED.
        """
        loan = await self._locked(borrower, loan_id)
        if not loan.record.revolving or loan.state is not LoanState.ACTIVE or loan.as_of >= loan.record.maturity:
            raise HuilianError("STATE_CONFLICT", "this loan pays out no more", state=loan.state)
        if not loan.record.is_person:
            await self._may_draw(loan.record)
            await self._mandates.require_mandate(borrower, Power.FINANCE, loan_id, amount_fen)
        await self._limits.draw(limit_id(loan.record.product_id, borrower), loan_id, amount_fen)
        event = LoanEventRecord(next_sequence(loan), DRAW, loan.as_of, amount_fen)
        lines = [
            Line(principal_account(loan_id), debit_fen=amount_fen),
            Line(deposit_account(borrower), credit_fen=amount_fen),
        ]
        await self.book(loan.record, event, lines, "draw")
        after = _viewed(loan.record, [*loan.events, event], loan.as_of)
        await self._records.loan_event("drawn", after, event)
        return after

    async def repay(self, borrower: str, loan_id: str, amount_fen: int) -> Loan:
        """Takes a repayment from the borrower's deposit account; any day, any amount up to the payoff.

        Raises NOT_FOUND, PERMISSION_DENIED (an enterprise none of whose signers agreed), REPAYMENT_EXCEEDS_PAYOFF,
        INSUFFICIENT_FUNDS, STATE_CONFLICT (closed).
        """
        loan = await self._locked(borrower, loan_id)
        if not loan.record.is_person:
            await self._mandates.require_word(borrower, Power.PAY, loan_id, amount_fen)
        return await self.take(loan, amount_fen, borrower)

    async def collect(self, loan_id: str, most_fen: int, payer: str) -> tuple[Loan, int]:
        """At clearing: takes what is owed, at most `most_fen`, from the payer's account; the loan and the amount."""
        loan = await self.locked(loan_id)
        if loan.state is LoanState.CHARGED_OFF:
            amount_fen = min(loan.written_off_fen, most_fen)
            return await self.recover(loan, amount_fen, payer), amount_fen
        amount_fen = min(int(loan.owed.total_fen), most_fen)
        return await self.take(loan, amount_fen, payer, settled_by=CLEARING), amount_fen

    async def end_matured(self) -> None:
        """Closes revolving loans whose term is over with nothing owed: no repayment comes any more that would.

        Looks once a business day; what is owed then is closed by what pays it. Opens its own transactions.
        """
        today = self.today()
        if self._matured_on != today:
            await each(await stored.ids_of_matured_credits(today), self._end_settled, str)
            self._matured_on = today

    async def _end_settled(self, loan_id: str) -> None:
        async with self._database.transaction():
            if (await self.locked(loan_id)).state is LoanState.CLOSED:
                await stored.close(loan_id)

    async def find(self, loan_id: str) -> Loan:
        """Any loan as of today. Raises NOT_FOUND."""
        record = await stored.find(loan_id)
        if record is None:
            raise HuilianError("NOT_FOUND", resource="loan")
        return await self.view(record, self.today())

    async def locked(self, loan_id: str) -> Loan:
        """Any loan as of today, locked until the transaction ends. Raises NOT_FOUND."""
        return await self._locked((await self.find(loan_id)).record.borrower, loan_id)

    async def recover(self, loan: Loan, amount_fen: int, payer: str) -> Loan:
        """Takes money on a locked loan that was charged off; closes it when nothing is left to recover."""
        check_action(loan.state, LoanAction.RECOVERY)
        if amount_fen > loan.written_off_fen:
            raise HuilianError("REPAYMENT_EXCEEDS_PAYOFF", payoff_fen=loan.written_off_fen)
        await self._bank.open_account(RECOVERIES, BANK, AccountKind.RECOVERY_INCOME)
        event = LoanEventRecord(next_sequence(loan), RECOVERY, loan.as_of, amount_fen)
        lines = [Line(deposit_account(payer), debit_fen=amount_fen), Line(RECOVERIES, credit_fen=amount_fen)]
        await self.book(loan.record, event, lines, "recovery")
        await self._pass_on(loan.record, event, {RECOVERIES: amount_fen})
        if amount_fen == loan.written_off_fen:
            await stored.close(loan.record.loan_id)
        return await self.noted("recovered", loan, event)

    async def noted(
        self, done: str, loan: Loan, event: LoanEventRecord, evidence: dict[str, Any] | None = None
    ) -> Loan:
        """The loan after an event, which the log keeps with its evidence; `done` in the past tense."""
        record = await stored.find(loan.record.loan_id)
        if record is None:
            raise AssertionError("a loan is never deleted")
        after = await self.view(record, loan.as_of)
        await self._records.loan_event(done, after, event, evidence)
        return after

    async def payoff(self, borrower: str, loan_id: str, as_of: date | None = None) -> Payoff:
        """Exactly what closes the loan on a day (today unless given).

        Raises NOT_FOUND, INVALID_ARGUMENT for a day that is past.
        """
        record = await self._owned(borrower, loan_id)
        day = as_of or self.today()
        if day < self.today():
            raise HuilianError("INVALID_ARGUMENT", "a payoff is quoted for today or later", field="as_of_date")
        return (await self.view(record, day)).owed

    async def get(self, borrower: str, loan_id: str) -> Loan:
        """A borrower's own loan as of today. Raises NOT_FOUND, also for somebody else's."""
        return await self.view(await self._owned(borrower, loan_id), self.today())

    async def list_own(self, borrower: str, size: int, token: str) -> Page[Loan]:
        """A borrower's loans, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        page = await stored.page_of_borrower(borrower, size, token)
        views = [await self.view(record, self.today()) for record in page.items]
        return Page(tuple(views), page.next_token)

    async def open_of(self, borrower: str, product_id: str | None = None) -> list[Loan]:
        """A borrower's loans that are not closed as of today."""
        views = [await self.view(record, self.today()) for record in await stored.open_of(borrower, product_id)]
        return [loan for loan in views if loan.state is not LoanState.CLOSED]

    async def of_certificate(self, certificate_id: str) -> Loan | None:
        """The open loan that a certificate secures, as of today."""
        record = await stored.of_certificate(certificate_id)
        return None if record is None else await self.view(record, self.today())

    async def _book_opening(self, record: LoanRecord, opening: Opening) -> None:
        today, fee = self.today(), opening.fee_fen
        principal = opening.principal_fen
        lines = [
            Line(principal_account(record.loan_id), debit_fen=principal),
            Line(deposit_account(record.borrower), credit_fen=principal - fee),
        ]
        await self.book(record, LoanEventRecord(0, DRAW, today, principal), with_fee(lines, fee), "disbursement")
        if fee:
            # The fee is withheld: charged and paid on the spot, so that the engine sees where the money went.
            await stored.add_event(record.loan_id, LoanEventRecord(1, FEE, today, fee), self._clock.now())
            paid = LoanEventRecord(2, REPAYMENT, today, fee, fees_part_fen=fee)
            await stored.add_event(record.loan_id, paid, self._clock.now())

    async def take(
        self,
        loan: Loan,
        amount_fen: int,
        payer: str,
        kind: str = REPAYMENT,
        *,
        frees_limit: bool = True,
        settled_by: str = "",
    ) -> Loan:
        """Books what a party pays on a locked loan; its limits are given back unless the caller did. `settled_by` says
        what paid where it was not the borrower's own payment. Raises as `repay`.
        """
        if loan.record.closed or loan.owed.total_fen == 0:
            raise HuilianError("STATE_CONFLICT", "nothing is owed", state=LoanState.CLOSED)
        if amount_fen > loan.owed.total_fen:
            raise HuilianError("REPAYMENT_EXCEEDS_PAYOFF", payoff_fen=int(loan.owed.total_fen))
        event = spread(loan, amount_fen, kind)
        if settled_by:
            event = replace(event, content={SETTLED_BY: settled_by})
        await self.book(loan.record, event, repayment_lines(loan.record.loan_id, payer, event), kind.lower())
        came = {
            entrusted_account(loan.record.loan_id): event.principal_part_fen,
            INTEREST_INCOME: event.interest_part_fen,
        }
        await self._pass_on(loan.record, event, came)
        if frees_limit:
            await self.give_back_limit(loan.record, event.principal_part_fen)
        after = _viewed(loan.record, [*loan.events, event], loan.as_of)
        if after.owed.total_fen == 0 and not (loan.record.revolving and loan.as_of < loan.record.maturity):
            await stored.close(loan.record.loan_id)
            after = replace(after, record=replace(after.record, closed=True))
        await self._records.loan_event("repaid", after, event)
        return after

    async def give_back_limit(self, record: LoanRecord, principal_fen: int) -> None:
        """What is no longer owed can be lent again."""
        if principal_fen and record.funder is None:
            await self._limits.repay(record.financing_id or record.loan_id, principal_fen)

    async def _pass_on(self, record: LoanRecord, event: LoanEventRecord, came: Mapping[str, int]) -> None:
        """What came in on a funder's loan is the funder's, by the accounts that it came to; fees are the bank's."""
        amount_fen = sum(came.values())
        if record.funder is None or not amount_fen:
            return
        lines = [Line(account, debit_fen=fen) for account, fen in came.items() if fen]
        journal_id = f"loan:{record.loan_id}:{event.sequence}:funder"
        to_funder = Line(deposit_account(record.funder), credit_fen=amount_fen)
        await self._bank.post(journal_id, event.value_date, "passed on", [*lines, to_funder])

    async def book(self, record: LoanRecord, event: LoanEventRecord, lines: list[Line], narrative: str) -> None:
        """Writes an event and its journal; no lines, no journal."""
        await stored.add_event(record.loan_id, event, self._clock.now())
        if lines:
            await self._bank.post(f"loan:{record.loan_id}:{event.sequence}", event.value_date, narrative, lines)

    async def _open_accounts(self, record: LoanRecord) -> None:
        await self._bank.open_account(INTEREST_INCOME, BANK, AccountKind.INTEREST_INCOME)
        await self._bank.open_account(FEE_INCOME, BANK, AccountKind.FEE_INCOME)
        await self._bank.open_account(deposit_account(record.borrower), record.borrower, AccountKind.DEPOSIT)
        await self._bank.open_account(principal_account(record.loan_id), record.borrower, AccountKind.LOAN)

    async def _locked(self, borrower: str, loan_id: str) -> Loan:
        await self._database.lock("loan", loan_id)
        record = await self._owned(borrower, loan_id)
        await self._charge_fees(record)
        return await self.view(record, self.today())

    async def _charge_fees(self, record: LoanRecord) -> None:
        """Books the periodic fees that fell due, before anything else is booked on the loan."""
        if record.closed or "periodic_fee_rate" not in record.terms:
            return
        events = stored.engine_events(await stored.events_of(self._database, record.loan_id))
        for fee in periodic_fees(record.terms, events, self.today()):
            event = LoanEventRecord(fee.sequence, FEE, fee.value_date, int(fee.amount_fen))
            await stored.add_event(record.loan_id, event, self._clock.now())

    async def _owned(self, borrower: str, loan_id: str) -> LoanRecord:
        record = await stored.find(loan_id)
        if record is None or record.borrower != borrower:
            raise HuilianError("NOT_FOUND", resource="loan")
        return record

    async def view(self, record: LoanRecord, as_of: date) -> Loan:
        """A stored loan on a day."""
        return _viewed(record, await stored.events_of(self._database, record.loan_id), as_of)


def _viewed(record: LoanRecord, events: list[LoanEventRecord], as_of: date) -> Loan:
    """A loan with these events on a day."""
    terms, happened = read_terms(record.terms), stored.engine_events(events)
    fees = [] if record.closed else periodic_fees(record.terms, happened, as_of)
    at = position(terms, [*happened, *fees], as_of)
    return Loan(record, tuple(events), as_of, owed(terms, at), is_late(terms, at), int(at.written_off_fen))
