"""Terms and events as JSON documents, read strictly: an unknown key, a float or a malformed day is an error.

Amounts are integer fen, rates decimal text, days YYYY-MM-DD. Every error is a ValueError that names the key.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from huilian_loans.amortisation import Kind, Plan, Prepayment
from huilian_loans.daycount import DayCount, Interval
from huilian_loans.schedule import Cycle, PeriodUnit, due_dates
from huilian_loans.terms import (
    Bucket,
    Capitalise,
    ChargeOff,
    Draw,
    Event,
    FeeCharged,
    RateChange,
    Recover,
    Repay,
    Restructure,
    Reverse,
    Rounding,
    Terms,
)

Made = TypeVar("Made")
Document = Mapping[str, Any]

# What a stored contract says beside the engine's terms; the lender books a periodic fee as events.
_LABELS = frozenset({"product_id", "product_version", "periodic_fee_rate"})
_TERMS = frozenset({"annual_rate", "day_count", "maturity"})
_TERMS_OR_DEFAULT = frozenset({"interval", "rounding_quantum_fen", "waterfall", "penalty_multiplier", "repayment"})
_REPAYMENT = frozenset({"kind"})
_REPAYMENT_OR_DEFAULT = frozenset({"first_due_date", "every_months", "month_end", "prepayment", "grace_days"})
_MONEY_EVENTS: Mapping[str, type[Draw] | type[Repay] | type[FeeCharged] | type[Recover]] = {
    "DRAW": Draw,
    "REPAYMENT": Repay,
    "FEE": FeeCharged,
    "RECOVERY": Recover,
}
_EVENT_KEYS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_MONEY_EVENTS, frozenset({"amount_fen"})),
    "RATE_CHANGE": frozenset({"annual_rate"}),
    "CAPITALISATION": frozenset(),
    "CHARGE_OFF": frozenset(),
    "RESTRUCTURE": frozenset({"annual_rate", "maturity", "repayment"}),
    "REVERSAL": frozenset({"reversed_sequence"}),
}
_MOST_FEN = 10**15


def read_terms(document: Document) -> Terms:
    """The terms of a loan; the labels of a stored contract are allowed and not looked at."""
    _check_keys("terms", document, _TERMS, _TERMS_OR_DEFAULT | _LABELS)
    maturity = _day(document, "maturity")
    repayment = document.get("repayment")
    return Terms(
        annual_rate=_decimal(document, "annual_rate"),
        day_count=_made(document, "day_count", DayCount),
        interval=_made(document, "interval", Interval, Interval.START_INCLUDED),
        rounding=Rounding(_decimal(document, "rounding_quantum_fen", "1")),
        waterfall=_waterfall(document.get("waterfall", list(Terms.waterfall))),
        maturity=maturity,
        penalty_multiplier=_decimal(document, "penalty_multiplier", "1"),
        plan=None if repayment is None else read_plan(repayment, maturity),
    )


def read_plan(document: Document, maturity: date) -> Plan:
    """A plan of repayment that ends at `maturity`: every `every_months` from `first_due_date`, or once for a bullet.

    A last due date that is no further from the maturity than the days of grace is left out.
    """
    _check_keys("repayment", document, _REPAYMENT, _REPAYMENT_OR_DEFAULT)
    kind = _made(document, "kind", Kind)
    cyclic = {"first_due_date", "every_months"}
    if (kind is Kind.BULLET) == bool(cyclic & set(document)) or (kind is not Kind.BULLET and cyclic - set(document)):
        raise ValueError("repayment: every kind but a bullet has first_due_date and every_months")
    return Plan(
        kind=kind,
        due_dates=(maturity,) if kind is Kind.BULLET else _cycle(document, maturity),
        prepayment=_made(document, "prepayment", Prepayment, Prepayment.REDUCE_INSTALMENT),
        grace_days=_whole(document, "grace_days", 0),
    )


def read_events(documents: Sequence[Document]) -> list[Event]:
    """The events of a loan in the order of booking, numbered from 0 unless they carry a `sequence`."""
    if not isinstance(documents, list):
        raise ValueError("events: a list is expected")
    events = [read_event(document, number) for number, document in enumerate(documents)]
    if len({event.sequence for event in events}) < len(events):
        raise ValueError("events: each sequence stands once")
    return events


def read_event(document: Document, number: int) -> Event:
    """One event; `number` is its sequence unless it carries one."""
    kind = str(document.get("kind")) if isinstance(document, dict) else ""
    if kind not in _EVENT_KEYS:
        raise ValueError(f"event {number}: kind {kind!r} is not one of {', '.join(_EVENT_KEYS)}")
    _check_keys(f"event {number}", document, _EVENT_KEYS[kind] | {"kind", "value_date"}, frozenset({"sequence"}))
    sequence, day = _whole(document, "sequence", number), _day(document, "value_date")
    if kind in _MONEY_EVENTS:
        return _MONEY_EVENTS[kind](sequence=sequence, value_date=day, amount_fen=_money(document, "amount_fen"))
    if kind == "RATE_CHANGE":
        return RateChange(sequence=sequence, value_date=day, annual_rate=_decimal(document, "annual_rate"))
    if kind == "REVERSAL":
        reversed_one = _whole(document, "reversed_sequence")
        return Reverse(sequence=sequence, value_date=day, reversed_sequence=reversed_one)
    if kind == "RESTRUCTURE":
        plan = read_plan(document["repayment"], _day(document, "maturity"))
        rate = _decimal(document, "annual_rate")
        return Restructure(sequence=sequence, value_date=day, annual_rate=rate, plan=plan)
    return (Capitalise if kind == "CAPITALISATION" else ChargeOff)(sequence=sequence, value_date=day)


def _cycle(document: Document, maturity: date) -> tuple[date, ...]:
    month_end = document.get("month_end", False)
    if not isinstance(month_end, bool):
        raise ValueError("month_end: true or false is expected")
    months = _whole(document, "every_months")
    first, cycle = _day(document, "first_due_date"), Cycle(months, PeriodUnit.MONTH, month_end=month_end)
    dates = due_dates(first, cycle, maturity)
    # A due date whose days of grace would reach the maturity falls together with it: a stub of days is no period.
    grace = timedelta(days=_whole(document, "grace_days", 0))
    return tuple(dates[:-2] + dates[-1:] if len(dates) > 1 and dates[-1] - dates[-2] <= grace else dates)


def _waterfall(names: Any) -> tuple[Bucket, ...]:
    if not isinstance(names, list) or sorted(names) != sorted(Bucket):
        raise ValueError("waterfall: each bucket once")
    return tuple(Bucket(name) for name in names)


def _check_keys(what: str, document: Any, needed: frozenset[str], allowed: frozenset[str]) -> None:
    if not isinstance(document, dict):
        raise ValueError(f"{what}: an object is expected")
    wrong = (needed - set(document)) | (set(document) - needed - allowed)
    if wrong:
        raise ValueError(f"{what}: missing or unknown: {', '.join(sorted(wrong))}")


def _made(document: Document, key: str, make: Callable[[Any], Made], default: Made | None = None) -> Made:
    if key not in document and default is not None:
        return default
    try:
        return make(document.get(key))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _decimal(document: Document, key: str, default: str | None = None) -> Decimal:
    text = document.get(key, default)
    try:
        value = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or abs(value) > _MOST_FEN:
        raise ValueError(f'{key}: decimal text such as "0.0435" is expected')
    return value


def _day(document: Document, key: str) -> date:
    text = document.get(key)
    if not isinstance(text, str) or len(text) != len("2026-01-01"):
        raise ValueError(f"{key}: a day YYYY-MM-DD is expected")
    return _made(document, key, date.fromisoformat)


def _whole(document: Document, key: str, default: int | None = None) -> int:
    value = document.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**6:
        raise ValueError(f"{key}: a whole number is expected")
    return value


def _money(document: Document, key: str) -> int:
    value = document.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MOST_FEN:
        raise ValueError(f"{key}: whole fen above 0 are expected")
    return value
