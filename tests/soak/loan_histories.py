"""Random lives of a loan: the engine against a ledger of its own that walks day by day in fractions.

The bank books events as they come, back-dated ones and reversals among them, and refuses what the engine refuses.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from huilian_loans import (
    Applied,
    Capitalise,
    DayCount,
    Draw,
    EngineError,
    Event,
    FeeCharged,
    Interval,
    Payoff,
    RateChange,
    Repay,
    Reverse,
    Terms,
    payoff,
    position,
    replay,
)
from huilian_loans.replay import chronological

START = date(2023, 11, 20)  # a leap year, its 29 February and two year ends lie ahead
LIFE_DAYS = 900
MOST_EVENTS = 12
UNITS = {DayCount.ACT_365: 365, DayCount.ACT_360: 360, DayCount.THIRTY_E_360: 360, DayCount.ACT_ACT: 365 * 366}


@dataclass
class Book:
    """What a bank holds of one loan: its terms and the events that it accepted."""

    terms: Terms
    events: list[Event] = field(default_factory=list)
    refused: int = 0

    def offer(self, event: Event) -> None:
        """Book an event unless the engine refuses the history with it."""
        try:
            replay(self.terms, [*self.events, event])
        except EngineError as error:
            assert error.code == "REPAYMENT_EXCEEDS_PAYOFF", error
            self.refused += 1
        else:
            self.events.append(event)


async def case(rng: random.Random) -> int:
    """One loan; answers the number of checks."""
    book = Book(_terms(rng))
    book.offer(Draw(sequence=0, value_date=START, amount_fen=rng.randint(10_000, 10**9)))
    checks = 0
    for sequence in range(1, rng.randint(2, MOST_EVENTS)):
        book.offer(_event(rng, book, sequence))
        checks += _check(rng, book)
    return checks


def _terms(rng: random.Random) -> Terms:
    matures = rng.choice([None, START + timedelta(days=rng.randint(1, LIFE_DAYS))])
    return Terms(
        annual_rate=_rate(rng),
        day_count=rng.choice(list(DayCount)),
        interval=rng.choice(list(Interval)),
        maturity=matures,
        penalty_multiplier=rng.choice([Decimal(1), Decimal("1.3"), Decimal("1.5")]),
    )


def _rate(rng: random.Random) -> Decimal:
    return Decimal(rng.randint(1, 3_600)) / Decimal(10_000)


def _event(rng: random.Random, book: Book, sequence: int) -> Event:
    when = START + timedelta(days=rng.randint(0, LIFE_DAYS))
    kind = rng.choice(["draw", "fee", "rate", "repay", "repay", "settle", "capitalise", "reverse"])
    if kind == "draw":
        return Draw(sequence=sequence, value_date=when, amount_fen=rng.randint(1, 10**8))
    if kind == "fee":
        return FeeCharged(sequence=sequence, value_date=when, amount_fen=rng.randint(1, 10**5))
    if kind == "rate":
        return RateChange(sequence=sequence, value_date=when, annual_rate=_rate(rng))
    if kind == "capitalise":
        return Capitalise(sequence=sequence, value_date=when)
    if kind == "reverse":
        victim = rng.choice(book.events)
        return Reverse(sequence=sequence, value_date=when, reversed_sequence=victim.sequence)
    owed = payoff(book.terms, book.events, when).total_fen
    amount = owed if kind == "settle" else Decimal(rng.randint(1, max(1, int(owed) * 5 // 4)))
    return Repay(sequence=sequence, value_date=when, amount_fen=max(amount, Decimal(1)))


def _check(rng: random.Random, book: Book) -> int:
    """Every law of the engine on the history as it stands."""
    events, terms = book.events, book.terms
    history = replay(terms, events)
    _check_principal(history)
    _check_interest(terms, history)
    _check_order(rng, terms, events, history)
    _check_reversals(terms, events, history)
    _check_payoff(rng, terms, events)
    return 5


def _check_principal(history: list[Applied]) -> None:
    """Principal and fees are what was put in less what was paid off; nothing is ever below zero."""
    drawn = capitalised = fees = Decimal(0)
    repaid = paid_fees = Decimal(0)
    for applied in history:
        if isinstance(applied.event, Draw):
            drawn += Decimal(applied.event.amount_fen)
        if isinstance(applied.event, FeeCharged):
            fees += Decimal(applied.event.amount_fen)
        if isinstance(applied.event, Capitalise):
            capitalised += applied.position.principal_fen - (drawn + capitalised - repaid)
        repaid, paid_fees = repaid + applied.paid.principal_fen, paid_fees + applied.paid.fees_fen
        assert applied.position.principal_fen == drawn + capitalised - repaid >= 0
        assert applied.position.fees_fen == fees - paid_fees >= 0
        if isinstance(applied.event, Repay):
            assert applied.paid.total_fen == Decimal(applied.event.amount_fen)


def _check_interest(terms: Terms, history: list[Applied]) -> None:
    """The exact accrual, day by day in fractions, less what was paid or capitalised."""
    if not history:
        return
    accrued, principal, rate = Fraction(0), Fraction(0), Fraction(terms.annual_rate)
    day = history[0].event.value_date
    for applied in history:
        while day < applied.event.value_date:
            accrued += principal * rate * _penalty(terms, day) * _weight(terms, day)
            day += timedelta(days=1)
        taken = Fraction(applied.paid.interest_fen)
        if isinstance(applied.event, Capitalise):
            taken = Fraction(applied.position.principal_fen) - principal
        accrued -= taken
        principal, rate = Fraction(applied.position.principal_fen), Fraction(applied.position.annual_rate)
        unit = {DayCount.ACT_365: 365, DayCount.ACT_360: 360, DayCount.THIRTY_E_360: 360}.get(
            terms.day_count, 365 * 366
        )
        assert Fraction(applied.position.accrual) / unit == accrued, applied


def _penalty(terms: Terms, day: date) -> Fraction:
    late = terms.maturity is not None and day >= terms.maturity
    return Fraction(terms.penalty_multiplier) if late else Fraction(1)


def _weight(terms: Terms, day: date) -> Fraction:
    """What the step from this day to the next weighs, in years."""
    after = day + timedelta(days=1)
    if terms.day_count is DayCount.THIRTY_E_360:
        months = 12 * (after.year - day.year) + after.month - day.month
        return Fraction(30 * months + min(after.day, 30) - min(day.day, 30), 360)
    if terms.day_count is DayCount.ACT_ACT:
        counted = after if terms.interval is Interval.END_INCLUDED else day
        return Fraction(1, (date(counted.year + 1, 1, 1) - date(counted.year, 1, 1)).days)
    return Fraction(1, 365 if terms.day_count is DayCount.ACT_365 else 360)


def _check_order(rng: random.Random, terms: Terms, events: list[Event], history: list[Applied]) -> None:
    """Booked late or on its day makes no difference, and neither does the order in which events are read."""
    shuffled = rng.sample(events, len(events))
    assert replay(terms, shuffled) == history
    on_time = [replace(event, sequence=number) for number, event in enumerate(chronological(events))]
    assert [(one.paid, one.position) for one in replay(terms, on_time)] == [(one.paid, one.position) for one in history]


def _check_reversals(terms: Terms, events: list[Event], history: list[Applied]) -> None:
    """A reversed event never was."""
    undone = {event.reversed_sequence for event in events if isinstance(event, Reverse)}
    standing = [e for e in events if not isinstance(e, Reverse) and e.sequence not in undone]
    assert replay(terms, standing) == history


def _check_payoff(rng: random.Random, terms: Terms, events: list[Event]) -> None:
    """The quote is what settles, to the fen, and from then on nothing is owed. One fen more is refused."""
    last = max(event.value_date for event in events)
    when = last + timedelta(days=rng.randint(0, LIFE_DAYS))
    quoted = payoff(terms, events, when)
    settled: list[Event] = [*events, Repay(sequence=10_000, value_date=when, amount_fen=quoted.total_fen)]
    after = position(terms, settled, when)
    assert replay(terms, settled)[-1].paid == quoted
    assert (after.principal_fen, after.fees_fen) == (0, 0)
    later = payoff(terms, settled, when + timedelta(days=rng.randint(0, 3_650)))
    assert later == Payoff(Decimal(0), Decimal(0), Decimal(0)), later
    _expect_refused(terms, [*events, Repay(sequence=10_000, value_date=when, amount_fen=quoted.total_fen + 1)])


def _expect_refused(terms: Terms, events: list[Event]) -> None:
    try:
        replay(terms, events)
    except EngineError as error:
        assert error.code == "REPAYMENT_EXCEEDS_PAYOFF"
    else:
        raise AssertionError("more than the payoff was taken")
