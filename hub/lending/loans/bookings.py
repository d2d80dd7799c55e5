"""How what happens to a loan is booked: its accounts, its journals, and what a payment of it paid."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from huilian_loans import Payoff, Repay, replay
from huilian_loans.documents import read_terms

from hub.accounting.service import Line, deposit_account
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import LoanEventRecord, engine_events

INTEREST_INCOME, FEE_INCOME = "bank:interest-income", "bank:fee-income"
RECOVERIES = "bank:recoveries"
BANK = "bank"


def principal_account(loan_id: str) -> str:
    """Account of a loan's principal."""
    return f"loan:{loan_id}"


def entrusted_account(loan_id: str) -> str:
    """Account of what the bank owes the funder of a loan as it comes back."""
    return f"entrusted:{loan_id}"


def next_sequence(loan: Loan) -> int:
    """The number of a loan's next event."""
    return loan.events[-1].sequence + 1


def spread(loan: Loan, amount_fen: int, kind: str) -> LoanEventRecord:
    """The repayment with the parts that the engine's waterfall gives it."""
    events = engine_events(list(loan.events))
    sequence = next_sequence(loan)
    repayment = Repay(sequence=sequence, value_date=loan.as_of, amount_fen=amount_fen)
    paid = replay(read_terms(loan.record.terms), [*events, repayment])[-1].paid
    return paid_event(LoanEventRecord(sequence, kind, loan.as_of, amount_fen), paid)


def paid_event(event: LoanEventRecord, paid: Payoff) -> LoanEventRecord:
    """The event with what it paid by the engine's word."""
    return replace(
        event,
        fees_part_fen=whole_fen(paid.fees_fen),
        interest_part_fen=whole_fen(paid.interest_fen),
        principal_part_fen=whole_fen(paid.principal_fen),
    )


def repayment_lines(loan_id: str, payer: str, event: LoanEventRecord) -> list[Line]:
    """Journal of a repayment: what it paid, by its parts."""
    credits = {
        FEE_INCOME: event.fees_part_fen,
        INTEREST_INCOME: event.interest_part_fen,
        principal_account(loan_id): event.principal_part_fen,
    }
    paid = [Line(account, credit_fen=fen) for account, fen in credits.items() if fen]
    return [Line(deposit_account(payer), debit_fen=event.amount_fen), *paid]


def with_fee(lines: list[Line], fee_fen: int) -> list[Line]:
    """A payout's journal with the fee that is withheld from it."""
    return [*lines, Line(FEE_INCOME, credit_fen=fee_fen)] if fee_fen else lines


def whole_fen(amount: Decimal) -> int:
    """An amount of the engine as the books take it."""
    if amount != int(amount):
        raise AssertionError("the bank's products round to the fen")
    return int(amount)
