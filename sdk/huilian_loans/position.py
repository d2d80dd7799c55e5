"""Where a loan stands at the end of a day, and how it gets from one day to a later one without any event."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from huilian_loans.amortisation import EXACT, Kind, Plan, Prepayment, level_share, principal_due
from huilian_loans.daycount import units_per_year, year_units
from huilian_loans.terms import Terms

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Fallen:
    """What one due date called for, in fen: the interest of the whole period, and the principal planned for it."""

    due_date: date
    interest_fen: Decimal
    principal_fen: Decimal


@dataclass(frozen=True)
class Position:
    """State of a loan at the end of `as_of`, before any later event.

    `accrual` is the unpaid interest times the units of a year: an exact number, see `daycount`. So are
    `period_accrual`, the interest since `period_start` (the first day or the last due date) on principal that is not
    late, paid or not, and `late_accrual`, all interest there ever was on principal that is. `target_fen` is the
    principal that the plan still leaves, `late_over_fen` that above which principal bears the penalty (None: none is
    late), `share_fen` the instalment or its principal part, None until it is reckoned anew.
    """

    as_of: date
    annual_rate: Decimal
    principal_fen: Decimal = _ZERO
    fees_fen: Decimal = _ZERO
    accrual: Decimal = _ZERO
    plan: Plan | None = None
    period_start: date | None = None
    period_accrual: Decimal = _ZERO
    late_accrual: Decimal = _ZERO
    target_fen: Decimal = _ZERO
    late_over_fen: Decimal | None = None
    share_fen: Decimal | None = None
    fallen: Fallen | None = None
    written_off_fen: Decimal = _ZERO


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


def start(terms: Terms, day: date) -> Position:
    """A loan before its first event. One that starts at its maturity or later is late from its first day."""
    plan = terms.due_plan
    late = plan is not None and plan.due_dates[-1] + timedelta(days=plan.grace_days) <= day
    return Position(day, terms.annual_rate, plan=plan, period_start=day, late_over_fen=_ZERO if late else None)


def owed(terms: Terms, at: Position) -> Payoff:
    """Everything owed at a position, interest rounded by the product's rule."""
    return Payoff(at.fees_fen, interest_due_fen(terms, at), at.principal_fen)


def fallen_due(terms: Terms, at: Position) -> Payoff:
    """What should be paid now: fees, interest and the principal above the plan's."""
    return replace(owed(terms, at), principal_fen=max(at.principal_fen - at.target_fen, _ZERO))


def is_late(terms: Terms, at: Position) -> bool:
    """Whether something that fell due on an earlier day is unpaid: principal, or interest of a period that is over."""
    if at.fallen is None or at.fallen.due_date >= at.as_of:
        return False
    return at.principal_fen > at.target_fen or interest_due_fen(terms, at) > as_money(terms, at.period_accrual)


def interest_due_fen(terms: Terms, at: Position) -> Decimal:
    """Accrued interest as money; never negative for a rate that is not."""
    rounded = as_money(terms, at.accrual)
    # Rounding up half a fen leaves minus half a fen in the accrual: that is not a debt of the bank.
    return rounded if at.annual_rate < 0 else max(rounded, _ZERO)


def as_money(terms: Terms, accrual: Decimal) -> Decimal:
    """An exact accrual in fen."""
    return terms.rounding.round(EXACT.divide(accrual, Decimal(units_per_year(terms.day_count))))


def as_accrual(terms: Terms, money_fen: Decimal) -> Decimal:
    """Fen as an exact accrual."""
    return EXACT.multiply(money_fen, Decimal(units_per_year(terms.day_count)))


def next_due_date(at: Position) -> date | None:
    """The first due date after the position's day, None after the last."""
    dates = at.plan.due_dates if at.plan else ()
    return next((day for day in dates if day > at.as_of), None)


def next_turn(at: Position) -> date | None:
    """The first day after the position's on which the plan changes what bears interest: a due date, an end of grace."""
    return min((day for day in {*_due_dates(at), *_ends_of_grace(at)} if day > at.as_of), default=None)


def accrual_per_unit(terms: Terms, at: Position) -> Decimal:
    """What one unit of a year (see `daycount`) adds to the accrual until the next turn or event; exact."""
    return EXACT.add(
        EXACT.multiply(at.principal_fen, at.annual_rate), EXACT.multiply(_penalised(at), _penalty_rate(terms, at))
    )


def accrue(terms: Terms, at: Position, until: date) -> Position:
    """The position at a later day to which nothing happened but time: interest, due dates, ends of grace."""
    if until == at.as_of:
        return at
    for day in _turns(at, until):
        at = _earn(terms, at, day)
        if day in _due_dates(at):
            at = _fall_due(terms, at)
        if day in _ends_of_grace(at):
            at = replace(at, late_over_fen=at.target_fen)
    return _earn(terms, at, until)


def lend(at: Position, amount_fen: Decimal) -> Position:
    """More principal, which falls due by what is left of the plan; at once when nothing is left of it."""
    more = replace(at, principal_fen=EXACT.add(at.principal_fen, amount_fen), share_fen=None)
    if at.plan is not None and at.as_of >= at.plan.due_dates[-1]:
        return more
    late_over = None if at.late_over_fen is None else EXACT.add(at.late_over_fen, amount_fen)
    return replace(more, target_fen=EXACT.add(at.target_fen, amount_fen), late_over_fen=late_over)


def _due_dates(at: Position) -> tuple[date, ...]:
    return at.plan.due_dates if at.plan else ()


def _ends_of_grace(at: Position) -> list[date]:
    grace = timedelta(days=at.plan.grace_days if at.plan else 0)
    return [day + grace for day in _due_dates(at)]


def _turns(at: Position, until: date) -> list[date]:
    days = {*_due_dates(at), *_ends_of_grace(at)}
    return sorted(day for day in days if at.as_of < day <= until)


def _earn(terms: Terms, at: Position, until: date) -> Position:
    units = Decimal(year_units(terms.day_count, at.as_of, until, terms.interval))
    planned = min(at.principal_fen, at.target_fen)
    in_time = EXACT.multiply(EXACT.multiply(planned, at.annual_rate), units)
    late = EXACT.multiply(EXACT.multiply(at.principal_fen - planned, at.annual_rate), units)
    penalty = EXACT.multiply(EXACT.multiply(_penalised(at), _penalty_rate(terms, at)), units)
    return replace(
        at,
        as_of=until,
        accrual=EXACT.add(at.accrual, EXACT.add(EXACT.add(in_time, late), penalty)),
        period_accrual=EXACT.add(at.period_accrual, in_time),
        late_accrual=EXACT.add(at.late_accrual, EXACT.add(late, penalty)),
    )


def _penalised(at: Position) -> Decimal:
    return _ZERO if at.late_over_fen is None else max(at.principal_fen - at.late_over_fen, _ZERO)


def _penalty_rate(terms: Terms, at: Position) -> Decimal:
    return EXACT.multiply(at.annual_rate, EXACT.subtract(terms.penalty_multiplier, Decimal(1)))


def _fall_due(terms: Terms, at: Position) -> Position:
    assert at.plan is not None
    interest = as_money(terms, at.period_accrual)
    left = min(at.principal_fen, at.target_fen)
    share = at.share_fen
    if share is None or (left < at.target_fen and at.plan.prepayment is Prepayment.REDUCE_INSTALMENT):
        share = _share(terms, at, at.plan, left)
    is_last = at.as_of == at.plan.due_dates[-1]
    part = left if is_last else principal_due(at.plan.kind, share, left, interest)
    return replace(
        at,
        period_start=at.as_of,
        period_accrual=EXACT.subtract(at.period_accrual, as_accrual(terms, interest)),
        target_fen=left - part,
        share_fen=share,
        fallen=Fallen(at.as_of, interest, part),
    )


def _share(terms: Terms, at: Position, plan: Plan, left_fen: Decimal) -> Decimal:
    if plan.kind not in (Kind.EQUAL_INSTALMENT, Kind.EQUAL_PRINCIPAL):
        return _ZERO
    year = Decimal(units_per_year(terms.day_count))
    ends = [day for day in plan.due_dates if day >= at.as_of]
    starts = [at.period_start or at.as_of, *ends[:-1]]
    lengths = [year_units(terms.day_count, begin, end, terms.interval) for begin, end in zip(starts, ends, strict=True)]
    rates = [EXACT.divide(EXACT.multiply(at.annual_rate, Decimal(length)), year) for length in lengths]
    return terms.rounding.round(level_share(plan.kind, left_fen, rates))
