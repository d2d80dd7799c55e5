"""The terms of a loan and the events of its life: the engine's whole input."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from huilian_loans.amortisation import EXACT, Kind, Plan
from huilian_loans.daycount import DayCount, Interval

Amount = Decimal | int
"""Fen. Whole fen wherever the product rounds to the fen, which every product of the bank does."""


class EngineError(Exception):
    """An event that the loan cannot take; `code` is a code of the error catalogue."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Bucket(StrEnum):
    """What a repayment can pay."""

    FEES = "fees"
    INTEREST = "interest"
    PRINCIPAL = "principal"


@dataclass(frozen=True)
class Rounding:
    """The product's one rounding rule: to a multiple of `quantum_fen`, half away from zero (ROUND_HALF_UP).

    It is applied when money is asked for, never while interest accrues, and what rounding adds or drops stays in the
    accrual: many small repayments cost the borrower neither more nor less than one.
    """

    quantum_fen: Decimal = Decimal(1)

    def round(self, amount_fen: Decimal) -> Decimal:
        """`amount_fen` as money."""
        return amount_fen.quantize(self.quantum_fen, rounding=ROUND_HALF_UP, context=EXACT)


@dataclass(frozen=True)
class Terms:
    """What the contract says about interest and due dates.

    `annual_rate` is a fraction (0.036 = 3.6 % a year). Principal that is late bears `annual_rate` times
    `penalty_multiplier` (罚息, 银发〔2003〕251号: 30 to 50 % above the contract's rate); late interest bears none.
    Without a `plan` everything falls due at `maturity`, without either nothing ever does. Raises ValueError when the
    plan ends on another day than `maturity`.
    """

    annual_rate: Decimal
    day_count: DayCount
    interval: Interval = Interval.START_INCLUDED
    rounding: Rounding = Rounding()
    waterfall: tuple[Bucket, ...] = (Bucket.FEES, Bucket.INTEREST, Bucket.PRINCIPAL)
    maturity: date | None = None
    penalty_multiplier: Decimal = Decimal(1)
    plan: Plan | None = None

    def __post_init__(self) -> None:
        if self.plan is not None and self.maturity not in (None, self.plan.due_dates[-1]):
            raise ValueError("the last due date is the maturity")

    @property
    def due_plan(self) -> Plan | None:
        """The plan, said or implied by the maturity."""
        if self.plan is None and self.maturity is not None:
            return Plan(Kind.BULLET, (self.maturity,))
        return self.plan


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a loan. `sequence` is the order of booking and breaks ties within a value date."""

    sequence: int
    value_date: date


@dataclass(frozen=True, kw_only=True)
class Draw(Event):
    """Principal paid out to the borrower."""

    amount_fen: Amount


@dataclass(frozen=True, kw_only=True)
class Repay(Event):
    """Money received from the borrower, spread over the buckets by the waterfall."""

    amount_fen: Amount


@dataclass(frozen=True, kw_only=True)
class FeeCharged(Event):
    """A fee that falls due now."""

    amount_fen: Amount


@dataclass(frozen=True, kw_only=True)
class RateChange(Event):
    """From this date on principal bears another rate."""

    annual_rate: Decimal


@dataclass(frozen=True, kw_only=True)
class Capitalise(Event):
    """Interest accrued so far becomes principal."""


@dataclass(frozen=True, kw_only=True)
class Reverse(Event):
    """Undoes the event with that sequence as if it had never been; the event itself is kept."""

    reversed_sequence: int


@dataclass(frozen=True, kw_only=True)
class Restructure(Event):
    """Lender and borrower agree on other due dates and another rate for what is left; nothing is late after it.

    Interest and fees owed stay owed; a `Capitalise` of the same day makes the interest principal.
    """

    annual_rate: Decimal
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class ChargeOff(Event):
    """The lender gives the loan up in its books: nothing is owed by them any more. What comes in later is recovery."""


@dataclass(frozen=True, kw_only=True)
class Recover(Event):
    """Money received on a loan that was charged off; never more than was."""

    amount_fen: Amount
