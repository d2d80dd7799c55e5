"""What is done to a loan that does not run its course: recourse, buy-back, charge-off, corrections.

Every use case runs inside the caller's transaction; who may call it is the policy's business. A correction never
changes what was booked: it is an event of its own, and what it moved between fees, interest and principal of other
repayments is one more journal. Events and books are then what they would be had everything been booked on its day.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from huilian_loans import EngineError, Event, Payoff, payoff, position, replay
from huilian_loans.documents import read_terms
from huilian_protocol.errors import HuilianError

from hub.accounting.service import AccountKind, BankCore, Line
from hub.lending.loans import stored
from hub.lending.loans.bookings import (
    BANK,
    FEE_INCOME,
    INTEREST_INCOME,
    entrusted_account,
    next_sequence,
    paid_event,
    principal_account,
    repayment_lines,
    whole_fen,
)
from hub.lending.loans.desk import Loans
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import (
    BUY_BACK,
    CHARGE_OFF,
    PAYING,
    RECOURSE,
    REPAYMENT,
    REVERSAL,
    SETTLED_BY,
    LoanEventRecord,
)
from hub.lending.products.definitions import Product
from hub.lending.rules import LoanAction, check_action, check_exit

CREDIT_LOSSES = "bank:credit-losses"


class Workouts:
    """Use cases of the bank's workout desk."""

    def __init__(
        self,
        loans: Loans,
        bank: BankCore,
        freed: Callable[[Loan], Awaitable[Loan]],
        grown: Callable[[Loan], Awaitable[None]],
        products: Mapping[str, Product],
    ) -> None:
        """`freed` gives back what a loan held once it is closed, `grown` is told of one on which more principal is owed
        than before; `products` say how their loans may end.
        """
        self._products = products
        self._loans = loans
        self._bank = bank
        self._freed, self._grown = freed, grown

    async def recourse(self, loan_id: str, most_fen: int) -> Loan:
        """The borrower pays in the buyer's place (有追索权): what is owed, at most `most_fen`, from their account.

        Raises NOT_FOUND, STATE_CONFLICT (not overdue, nothing owed, no buyer behind the product), INSUFFICIENT_FUNDS.
        """
        loan = await self._loans.locked(loan_id)
        self._check_exit(loan, LoanAction.RECOURSE)
        amount_fen = min(int(loan.owed.total_fen), most_fen)
        return await self._freed(await self._loans.take(loan, amount_fen, loan.record.borrower, RECOURSE))

    async def buy_back(self, loan_id: str, payer: str) -> Loan:
        """A party buys the receivable back at the payoff of the day, which closes the loan.

        Raises NOT_FOUND, STATE_CONFLICT (also without a receivable behind the product), INSUFFICIENT_FUNDS.
        """
        loan = await self._loans.locked(loan_id)
        self._check_exit(loan, LoanAction.BUY_BACK)
        taken = await self._loans.take(loan, int(loan.owed.total_fen), payer, BUY_BACK, settled_by=payer)
        return await self._freed(taken)

    async def charge_off(self, loan_id: str) -> Loan:
        """Gives the loan up: its principal becomes a loss. Interest and fees were not income yet and leave no line.

        Raises NOT_FOUND, STATE_CONFLICT (not overdue, nothing owed).
        """
        loan = await self._loans.locked(loan_id)
        self._check_exit(loan, LoanAction.CHARGE_OFF)
        given_up = LoanEventRecord(next_sequence(loan), CHARGE_OFF, loan.as_of, int(loan.owed.total_fen))
        event = paid_event(given_up, loan.owed)
        await self._bank.open_account(CREDIT_LOSSES, BANK, AccountKind.CREDIT_LOSS)
        principal_fen = event.principal_part_fen
        lines = [
            Line(CREDIT_LOSSES, debit_fen=principal_fen),
            Line(principal_account(loan_id), credit_fen=principal_fen),
        ]
        if loan.record.funder is not None:
            # The funder bears the loss: what the bank owes it is less, and the bank has lost nothing.
            lines[0] = Line(entrusted_account(loan_id), debit_fen=principal_fen)
        await self._loans.book(loan.record, event, lines if principal_fen else [], "charge-off")
        await self._loans.give_back_limit(loan.record, principal_fen)
        return await self._loans.noted("charged-off", loan, event)

    async def recover(self, loan_id: str, payer: str, amount_fen: int) -> Loan:
        """Takes money on a loan that was charged off.

        Raises NOT_FOUND, STATE_CONFLICT, REPAYMENT_EXCEEDS_PAYOFF, INSUFFICIENT_FUNDS.
        """
        return await self._freed(await self._loans.recover(await self._loans.locked(loan_id), amount_fen, payer))

    async def repay_back_dated(self, loan_id: str, payer: str, amount_fen: int, value_date: date) -> Loan:
        """Books a repayment that came in on an earlier day; a difference journal re-spreads the later ones.

        Raises NOT_FOUND, STATE_CONFLICT (closed, charged off), INVALID_ARGUMENT (before the payout or ahead),
        REPAYMENT_EXCEEDS_PAYOFF (its own, or that of a later repayment), INSUFFICIENT_FUNDS.
        """
        loan = await self._loans.locked(loan_id)
        _check_correctable(loan)
        if not loan.events[0].value_date <= value_date <= loan.as_of:
            raise HuilianError("INVALID_ARGUMENT", "a day of the loan's life so far", field="value_date")
        event = LoanEventRecord(next_sequence(loan), REPAYMENT, value_date, amount_fen)
        history = paid_with(loan, event)
        event = paid_event(event, history[event.sequence])
        event = _with_difference(loan, event, history, _parts(event))
        await self._loans.book(loan.record, event, repayment_lines(loan_id, payer, event), "back-dated repayment")
        return await self._settle(loan, event, "repaid")

    async def reverse(self, loan_id: str, sequence: int) -> Loan:
        """Undoes a borrower's repayment that bounced: the money goes back, and the loan is as if it had never come.

        Raises NOT_FOUND (no such repayment of the borrower's, or undone before), STATE_CONFLICT (closed, charged off).
        """
        loan = await self._loans.locked(loan_id)
        _check_correctable(loan)
        undone = _repayment(loan, sequence)
        content = {"reversed_sequence": sequence}
        event = LoanEventRecord(next_sequence(loan), REVERSAL, loan.as_of, undone.amount_fen, content=content)
        event = _with_difference(loan, event, paid_with(loan, event), _minus(_NOTHING, _parts(undone)))
        lines = [
            Line(line.account_id, debit_fen=line.credit_fen, credit_fen=line.debit_fen)
            for line in repayment_lines(loan_id, loan.record.borrower, undone)
        ]
        await self._loans.book(loan.record, event, lines, "reversal")
        return await self._settle(loan, event, "reversed")

    def _check_exit(self, loan: Loan, action: LoanAction) -> None:
        """As `check_exit`, `check_action`; a loan on which nothing is drawn has nothing to take, buy or give up."""
        check_exit(self._products[loan.record.product_id], action)
        check_action(loan.state, action)
        if not loan.owed.total_fen:
            raise HuilianError("STATE_CONFLICT", "nothing is owed", state=loan.state)

    async def _settle(self, loan: Loan, event: LoanEventRecord, done: str) -> Loan:
        """The difference journal, the limit, the log."""
        lines = _difference_lines(loan.record.loan_id, event.difference)
        if lines:
            journal_id = f"loan:{loan.record.loan_id}:{event.sequence}:difference"
            await self._bank.post(journal_id, loan.as_of, "difference", lines)
        after = await self._loans.view(loan.record, loan.as_of)
        await self._loans.give_back_limit(loan.record, int(loan.owed.principal_fen - after.owed.principal_fen))
        if after.owed.total_fen == 0 and not (loan.record.revolving and loan.as_of < loan.record.maturity):
            await stored.close(loan.record.loan_id)
        noted = await self._loans.noted(done, loan, event)
        if noted.owed.principal_fen > loan.owed.principal_fen:
            await self._grown(noted)
        return await self._freed(noted)


def _check_correctable(loan: Loan) -> None:
    """What came in on a funder's loan was passed on, and may be gone: the bank takes nothing back from a funder."""
    check_action(loan.state, LoanAction.CORRECTION)
    if loan.record.funder is not None:
        raise HuilianError("STATE_CONFLICT", "the loan is a funder's", state=loan.state)


_NOTHING = Payoff(Decimal(0), Decimal(0), Decimal(0))


def paid_with(loan: Loan, event: LoanEventRecord) -> dict[int, Payoff]:
    """What every repayment of a loan pays once an event more is booked, by sequence.

    Raises the engine's refusals, and INVALID_ARGUMENT for a plan that is none.
    """
    terms = read_terms(loan.record.terms)
    try:
        events: list[Event] = stored.engine_events([*loan.events, event])
        position(terms, events, loan.as_of)
        return {applied.event.sequence: applied.paid for applied in replay(terms, events)}
    except EngineError as error:
        if error.code == "REPAYMENT_EXCEEDS_PAYOFF":
            before = stored.engine_events(list(loan.events))
            most = payoff(terms, before, event.value_date).total_fen
            raise HuilianError(error.code, error.detail, payoff_fen=int(most)) from error
        raise HuilianError(error.code, error.detail, state=loan.state) from error
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", str(error), field="repayment") from error


def _with_difference(loan: Loan, event: LoanEventRecord, history: dict[int, Payoff], own: Payoff) -> LoanEventRecord:
    """The event with what it changes in the other repayments: paid by the replay, less what the books say with it."""
    booked = own
    for known in loan.events:
        booked = _plus(booked, known.difference)
        if known.kind == REVERSAL:
            booked = _minus(booked, _parts(_booked(loan, known.content["reversed_sequence"])))
        elif known.kind in PAYING:
            booked = _plus(booked, _parts(known))
    paid = _NOTHING
    for known in (*loan.events, event):
        if known.kind in PAYING:
            paid = _plus(paid, history.get(known.sequence, _NOTHING))
    moved = {name: whole_fen(part) for name, part in vars(_minus(paid, booked)).items()}
    if not any(moved.values()):
        return event
    return replace(event, content={**event.content, "difference": moved})


def _repayment(loan: Loan, sequence: int) -> LoanEventRecord:
    gone = {event.content["reversed_sequence"] for event in loan.events if event.kind == REVERSAL}
    found = [event for event in loan.events if event.sequence == sequence and event.kind == REPAYMENT]
    # A fee that was withheld, the buyer's payment and the loan that took over a part moved no money of the borrower's:
    # none of them can bounce.
    if not found or sequence in gone or _was_withheld(loan, sequence) or SETTLED_BY in found[0].content:
        raise HuilianError("NOT_FOUND", resource="repayment")
    return found[0]


def _was_withheld(loan: Loan, sequence: int) -> bool:
    return sequence == 2 and loan.events[1].kind == stored.FEE


def _booked(loan: Loan, sequence: int) -> LoanEventRecord:
    return next(event for event in loan.events if event.sequence == sequence)


def _parts(event: LoanEventRecord) -> Payoff:
    return Payoff(Decimal(event.fees_part_fen), Decimal(event.interest_part_fen), Decimal(event.principal_part_fen))


def _plus(left: Payoff, right: Payoff) -> Payoff:
    return Payoff(
        left.fees_fen + right.fees_fen,
        left.interest_fen + right.interest_fen,
        left.principal_fen + right.principal_fen,
    )


def _minus(left: Payoff, right: Payoff) -> Payoff:
    return _plus(left, Payoff(-right.fees_fen, -right.interest_fen, -right.principal_fen))


def _difference_lines(loan_id: str, moved: Payoff) -> list[Line]:
    """More paid to an account is a credit, less a debit; the sum is zero, since no money moves."""
    changes = {
        FEE_INCOME: int(moved.fees_fen),
        INTEREST_INCOME: int(moved.interest_fen),
        principal_account(loan_id): int(moved.principal_fen),
    }
    return [Line(account, credit_fen=max(fen, 0), debit_fen=max(-fen, 0)) for account, fen in changes.items() if fen]
