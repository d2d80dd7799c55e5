"""The loan engine: pure functions of (terms, events, as-of date). No clock, no database, no product knowledge."""

from huilian_loans.apr import CashFlow, annual_percentage_rate, total_cost_fen
from huilian_loans.daycount import DayCount, Interval, units_per_year, year_units
from huilian_loans.replay import Applied, Payoff, Position, payoff, position, replay
from huilian_loans.terms import (
    Bucket,
    Capitalise,
    Draw,
    EngineError,
    Event,
    FeeCharged,
    RateChange,
    Repay,
    Reverse,
    Rounding,
    Terms,
)

__all__ = [
    "Applied",
    "Bucket",
    "Capitalise",
    "CashFlow",
    "DayCount",
    "Draw",
    "EngineError",
    "Event",
    "FeeCharged",
    "Interval",
    "Payoff",
    "Position",
    "RateChange",
    "Repay",
    "Reverse",
    "Rounding",
    "Terms",
    "annual_percentage_rate",
    "payoff",
    "position",
    "replay",
    "total_cost_fen",
    "units_per_year",
    "year_units",
]
