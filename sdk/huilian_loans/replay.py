"""A loan is its events: position and payoff are functions of (terms, events, as-of date) and of nothing else.

Events are applied in the order (value date, sequence). A back-dated event is therefore nothing special: adding it and
replaying gives what would have been had it been booked on its day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from huilian_loans.amortisation import EXACT
from huilian_loans.position import Payoff, Position, accrue, as_accrual, interest_due_fen, lend, owed, start
from huilian_loans.terms import (
    Amount,
    Bucket,
    Capitalise,
    ChargeOff,
    Draw,
    EngineError,
    Event,
    FeeCharged,
    RateChange,
    Recover,
    Repay,
    Restructure,
    Reverse,
    Terms,
)

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Applied:
    """One event with what it paid (a charge-off: what it gave up) and the position after it."""

    event: Event
    paid: Payoff
    position: Position


_NOTHING_PAID = Payoff(_ZERO, _ZERO, _ZERO)


def position(terms: Terms, events: Sequence[Event], as_of: date) -> Position:
    """The loan as it stands at the end of `as_of`, later events left out; an event reversed later never was.

    Raises EngineError as `replay` does.
    """
    history = replay(terms, [event for event in chronological(events) if event.value_date <= as_of])
    last = history[-1].position if history else start(terms, as_of)
    return accrue(terms, last, as_of)


def payoff(terms: Terms, events: Sequence[Event], as_of: date) -> Payoff:
    """What the borrower must pay on `as_of` to owe nothing. Repaying exactly that leaves an empty position."""
    return owed(terms, position(terms, events, as_of))


def replay(terms: Terms, events: Iterable[Event]) -> list[Applied]:
    """Every event that was not reversed, in order of value date, with its effect.

    Raises EngineError REPAYMENT_EXCEEDS_PAYOFF when a repayment is larger than the payoff of its day or a recovery than
    what was charged off, STATE_CONFLICT when nothing is there to charge off.
    """
    history: list[Applied] = []
    for event in chronological(events):
        before = history[-1].position if history else start(terms, event.value_date)
        history.append(apply(terms, accrue(terms, before, event.value_date), event))
    return history


def chronological(events: Iterable[Event]) -> list[Event]:
    """Events that count, by value date and then by order of booking."""
    known = list(events)
    reversed_ones = {event.reversed_sequence for event in known if isinstance(event, Reverse)}
    standing = (e for e in known if e.sequence not in reversed_ones and not isinstance(e, Reverse))
    return sorted(standing, key=lambda event: (event.value_date, event.sequence))


def apply(terms: Terms, at: Position, event: Event) -> Applied:
    """One event at a position of its day. Raises as `replay` does."""
    match event:
        case Repay(amount_fen=amount):
            return _repay(terms, at, event, amount)
        case ChargeOff():
            return _charge_off(terms, at, event)
        case Recover(amount_fen=amount):
            return Applied(event, _NOTHING_PAID, _recover(at, Decimal(amount)))
        case _:
            return Applied(event, _NOTHING_PAID, _change(terms, at, event))


def _change(terms: Terms, at: Position, event: Event) -> Position:
    match event:
        case Draw(amount_fen=amount):
            return lend(at, Decimal(amount))
        case FeeCharged(amount_fen=amount):
            return replace(at, fees_fen=EXACT.add(at.fees_fen, Decimal(amount)))
        case RateChange(annual_rate=rate):
            return replace(at, annual_rate=rate, share_fen=at.share_fen if rate == at.annual_rate else None)
        case Capitalise():
            interest = interest_due_fen(terms, at)
            return lend(_take_interest(terms, at, interest), interest)
        case Restructure():
            return _restructure(at, event)
    raise TypeError(f"unknown event {event!r}")


def _restructure(at: Position, event: Restructure) -> Position:
    if event.plan.due_dates[0] <= event.value_date:
        raise EngineError("STATE_CONFLICT", "a new plan starts after the day it is agreed on")
    return replace(
        at,
        annual_rate=event.annual_rate,
        plan=event.plan,
        period_start=event.value_date,
        target_fen=at.principal_fen,
        late_over_fen=None,
        share_fen=None,
        fallen=None,
        # What has accrued stays owed; the first new period calls for its own interest only.
        period_accrual=_ZERO,
    )


def _charge_off(terms: Terms, at: Position, event: ChargeOff) -> Applied:
    given_up = owed(terms, at)
    if given_up.total_fen <= 0:
        raise EngineError("STATE_CONFLICT", "nothing is owed that could be charged off")
    after = replace(
        start(terms, at.as_of),
        annual_rate=at.annual_rate,
        plan=at.plan,
        late_accrual=at.late_accrual,
        written_off_fen=EXACT.add(at.written_off_fen, given_up.total_fen),
    )
    return Applied(event, given_up, after)


def _recover(at: Position, amount_fen: Decimal) -> Position:
    if amount_fen > at.written_off_fen:
        raise EngineError("REPAYMENT_EXCEEDS_PAYOFF", f"{amount_fen} fen recovered of {at.written_off_fen}")
    return replace(at, written_off_fen=EXACT.subtract(at.written_off_fen, amount_fen))


def _repay(terms: Terms, at: Position, event: Event, amount_fen: Amount) -> Applied:
    debt = owed(terms, at)
    if Decimal(amount_fen) > debt.total_fen:
        raise EngineError("REPAYMENT_EXCEEDS_PAYOFF", f"{amount_fen} fen paid, {debt.total_fen} fen owed")
    paid = allocate(terms.waterfall, debt, Decimal(amount_fen))
    after = replace(
        _take_interest(terms, at, paid.interest_fen),
        principal_fen=EXACT.subtract(at.principal_fen, paid.principal_fen),
        fees_fen=EXACT.subtract(at.fees_fen, paid.fees_fen),
    )
    return Applied(event, paid, after)


def allocate(waterfall: Sequence[Bucket], debt: Payoff, amount_fen: Decimal) -> Payoff:
    """Spreads `amount_fen` over what is owed, bucket by bucket in the order of the waterfall."""
    wanted = {
        Bucket.FEES: debt.fees_fen,
        Bucket.INTEREST: debt.interest_fen,
        Bucket.PRINCIPAL: debt.principal_fen,
    }
    paid = dict.fromkeys(Bucket, _ZERO)
    for bucket in waterfall:
        paid[bucket] = min(wanted[bucket], amount_fen)
        amount_fen -= paid[bucket]
    return Payoff(paid[Bucket.FEES], paid[Bucket.INTEREST], paid[Bucket.PRINCIPAL])


def _take_interest(terms: Terms, at: Position, interest_fen: Decimal) -> Position:
    return replace(at, accrual=EXACT.subtract(at.accrual, as_accrual(terms, interest_fen)))
