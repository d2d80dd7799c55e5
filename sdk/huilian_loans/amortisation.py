"""How principal falls due: equal instalments, equal principal, interest only, or all at the end. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from enum import StrEnum
from itertools import pairwise

EXACT = Context(prec=60)
"""Products and sums of the engine are exact at this precision; only a quotient is cut, 40 digits below a fen."""


class Kind(StrEnum):
    """What a borrower pays on a due date.

    EQUAL_INSTALMENT  等额本息: the same total each time. EQUAL_PRINCIPAL  等额本金: the same principal each time.
    INTEREST_ONLY  按期付息, 到期还本. BULLET  利随本清: everything on the only due date.
    """

    EQUAL_INSTALMENT = "equal_instalment"
    EQUAL_PRINCIPAL = "equal_principal"
    INTEREST_ONLY = "interest_only"
    BULLET = "bullet"


class Prepayment(StrEnum):
    """What follows from principal repaid ahead of the plan: smaller instalments, or fewer of the same size."""

    REDUCE_INSTALMENT = "reduce_instalment"
    SHORTEN_TERM = "shorten_term"


@dataclass(frozen=True)
class Plan:
    """The due dates of a loan, ascending, and what falls due on them.

    For `grace_days` after a due date the principal missed on it bears no penalty; the penalty starts when they have
    passed and does not reach back into them. Raises ValueError for dates that make no plan.
    """

    kind: Kind
    due_dates: tuple[date, ...]
    prepayment: Prepayment = Prepayment.REDUCE_INSTALMENT
    grace_days: int = 0

    def __post_init__(self) -> None:
        gaps = [(later - earlier).days for earlier, later in pairwise(self.due_dates)]
        if not self.due_dates or any(gap <= 0 for gap in gaps):
            raise ValueError("a plan has due dates, each later than the one before")
        if self.kind is Kind.BULLET and gaps:
            raise ValueError("a bullet loan has one due date")
        if self.grace_days < 0 or any(self.grace_days >= gap for gap in gaps):
            raise ValueError("the days of grace end before the next due date")


def level_share(kind: Kind, principal_fen: Decimal, rates: Sequence[Decimal]) -> Decimal:
    """What stays the same from one due date to the next, not rounded: the instalment, or its principal part.

    `rates` are the interest rates of the periods left, each of its own length (a year's rate times the year fraction).
    The instalment is principal / sum of the discount factors, which for equal periods is the textbook's
    P·i·(1+i)^n / ((1+i)^n − 1). 0 for kinds that repay no principal before the end.
    """
    if kind is Kind.EQUAL_PRINCIPAL:
        return EXACT.divide(principal_fen, Decimal(len(rates)))
    if kind is not Kind.EQUAL_INSTALMENT:
        return Decimal(0)
    factor, annuity = Decimal(1), Decimal(0)
    for rate in rates:
        factor = EXACT.divide(factor, EXACT.add(Decimal(1), rate))
        annuity = EXACT.add(annuity, factor)
    return EXACT.divide(principal_fen, annuity)


def principal_due(kind: Kind, share_fen: Decimal, principal_fen: Decimal, interest_fen: Decimal) -> Decimal:
    """The principal part of an instalment that is not the last; never below zero nor above what is left."""
    if kind is Kind.EQUAL_INSTALMENT:
        return min(max(share_fen - interest_fen, Decimal(0)), principal_fen)
    return min(share_fen, principal_fen)
