"""A loan is its events: position and payoff are functions of (terms, events, as-of date) and of nothing else.

Events are applied in the order (value date, sequence). A back-dated event is therefore nothing special: adding it and
replaying gives what would have been had it been booked on its day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from huilian_loans.daycount import units_per_year, year_units
from huilian_loans.terms import (
    EXACT,
    Amount,
    Bucket,
    Capitalise,
    Draw,
    EngineError,
    Event,
    FeeCharged,
    RateChange,
    Repay,
    Reverse,
    Terms,
)

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Position:
    """State of a loan at the end of `as_of`, before any later event.

    `accrual` is the unpaid interest times the units of a year: an exact number, see `daycount`.
    """

    as_of: date
    annual_rate: Decimal
    principal_fen: Decimal = _ZERO
    fees_fen: Decimal = _ZERO
    accrual: Decimal = _ZERO


@dataclass(frozen=True)
class Payoff:
    """What settles a loan on a day, in fen, by bucket."""

    fees_fen: Decimal
    interest_fen: Decimal
    principal_fen: Decimal

    @property
    def total_fen(self) -> Decimal:
        """Sum of the three."""
        return self.fees_fen + self.interest_fen + self.principal_fen


@dataclass(frozen=True)
class Applied:
    """One event with what it paid and the position after it."""

    event: Event
    paid: Payoff
    position: Position


_NOTHING_PAID = Payoff(_ZERO, _ZERO, _ZERO)


def position(terms: Terms, events: Sequence[Event], as_of: date) -> Position:
    """The loan as it stands at the end of `as_of`, later events left out; an event reversed later never was.

    Raises EngineError REPAYMENT_EXCEEDS_PAYOFF when a repayment is larger than the payoff of its day.
    """
    history = replay(terms, [event for event in chronological(events) if event.value_date <= as_of])
    last = history[-1].position if history else Position(as_of, terms.annual_rate)
    return _accrue(terms, last, as_of)


def payoff(terms: Terms, events: Sequence[Event], as_of: date) -> Payoff:
    """What the borrower must pay on `as_of` to owe nothing. Repaying exactly that leaves an empty position."""
    return due(terms, position(terms, events, as_of))


def due(terms: Terms, at: Position) -> Payoff:
    """Everything owed at a position, interest rounded by the product's rule."""
    return Payoff(at.fees_fen, interest_due_fen(terms, at), at.principal_fen)


def interest_due_fen(terms: Terms, at: Position) -> Decimal:
    """Accrued interest as money; never negative for a rate that is not."""
    exact = EXACT.divide(at.accrual, Decimal(units_per_year(terms.day_count)))
    rounded = terms.rounding.round(exact)
    # Rounding up half a fen leaves minus half a fen in the accrual: that is not a debt of the bank.
    return rounded if at.annual_rate < 0 else max(rounded, _ZERO)


def replay(terms: Terms, events: Iterable[Event]) -> list[Applied]:
    """Every event that was not reversed, in order of value date, with its effect.

    Raises EngineError REPAYMENT_EXCEEDS_PAYOFF.
    """
    history: list[Applied] = []
    for event in chronological(events):
        before = history[-1].position if history else Position(event.value_date, terms.annual_rate)
        history.append(_apply(terms, _accrue(terms, before, event.value_date), event))
    return history


def chronological(events: Iterable[Event]) -> list[Event]:
    """Events that count, by value date and then by order of booking."""
    known = list(events)
    reversed_ones = {event.reversed_sequence for event in known if isinstance(event, Reverse)}
    standing = (e for e in known if e.sequence not in reversed_ones and not isinstance(e, Reverse))
    return sorted(standing, key=lambda event: (event.value_date, event.sequence))


def _accrue(terms: Terms, at: Position, until: date) -> Position:
    maturity = terms.maturity
    if maturity is None or terms.penalty_multiplier == 1 or until <= maturity:
        return _accrue_at(terms, at, until, at.annual_rate)
    if at.as_of < maturity:
        at = _accrue_at(terms, at, maturity, at.annual_rate)
    return _accrue_at(terms, at, until, EXACT.multiply(at.annual_rate, terms.penalty_multiplier))


def _accrue_at(terms: Terms, at: Position, until: date, annual_rate: Decimal) -> Position:
    units = year_units(terms.day_count, at.as_of, until, terms.interval)
    earned = EXACT.multiply(EXACT.multiply(at.principal_fen, annual_rate), Decimal(units))
    return replace(at, as_of=until, accrual=EXACT.add(at.accrual, earned))


def _apply(terms: Terms, at: Position, event: Event) -> Applied:
    match event:
        case Draw(amount_fen=amount):
            after = replace(at, principal_fen=EXACT.add(at.principal_fen, Decimal(amount)))
        case FeeCharged(amount_fen=amount):
            after = replace(at, fees_fen=EXACT.add(at.fees_fen, Decimal(amount)))
        case RateChange(annual_rate=rate):
            after = replace(at, annual_rate=rate)
        case Capitalise():
            interest = interest_due_fen(terms, at)
            after = replace(_take_interest(terms, at, interest), principal_fen=EXACT.add(at.principal_fen, interest))
        case Repay(amount_fen=amount):
            return _repay(terms, at, event, amount)
        case _:
            raise TypeError(f"unknown event {event!r}")
    return Applied(event, _NOTHING_PAID, after)


def _repay(terms: Terms, at: Position, event: Event, amount_fen: Amount) -> Applied:
    owed = due(terms, at)
    if Decimal(amount_fen) > owed.total_fen:
        raise EngineError("REPAYMENT_EXCEEDS_PAYOFF", f"{amount_fen} fen paid, {owed.total_fen} fen owed")
    paid = allocate(terms.waterfall, owed, Decimal(amount_fen))
    after = replace(
        _take_interest(terms, at, paid.interest_fen),
        principal_fen=EXACT.subtract(at.principal_fen, paid.principal_fen),
        fees_fen=EXACT.subtract(at.fees_fen, paid.fees_fen),
    )
    return Applied(event, paid, after)


def allocate(waterfall: Sequence[Bucket], owed: Payoff, amount_fen: Decimal) -> Payoff:
    """Spreads `amount_fen` over what is owed, bucket by bucket in the order of the waterfall."""
    wanted = {
        Bucket.FEES: owed.fees_fen,
        Bucket.INTEREST: owed.interest_fen,
        Bucket.PRINCIPAL: owed.principal_fen,
    }
    paid = dict.fromkeys(Bucket, _ZERO)
    for bucket in waterfall:
        paid[bucket] = min(wanted[bucket], amount_fen)
        amount_fen -= paid[bucket]
    return Payoff(paid[Bucket.FEES], paid[Bucket.INTEREST], paid[Bucket.PRINCIPAL])


def _take_interest(terms: Terms, at: Position, interest_fen: Decimal) -> Position:
    taken = EXACT.multiply(interest_fen, Decimal(units_per_year(terms.day_count)))
    return replace(at, accrual=EXACT.subtract(at.accrual, taken))
