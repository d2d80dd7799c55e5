"""The loan engine: pure functions of (terms, events, as-of date). No clock, no database, no product knowledge."""

from huilian_loans.amortisation import Kind, Plan, Prepayment
from huilian_loans.apr import CashFlow, annual_percentage_rate, total_cost_fen
from huilian_loans.daycount import DayCount, Interval, units_per_year, year_units
from huilian_loans.position import Payoff, Position, accrual_per_unit, fallen_due, is_late, next_turn, owed
from huilian_loans.replay import Applied, payoff, position, replay
from huilian_loans.terms import (
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
    Rounding,
    Terms,
)

__all__ = [
    "Applied",
    "Bucket",
    "Capitalise",
    "CashFlow",
    "ChargeOff",
    "DayCount",
    "Draw",
    "EngineError",
    "Event",
    "FeeCharged",
    "Interval",
    "Kind",
    "Payoff",
    "Plan",
    "Position",
    "Prepayment",
    "RateChange",
    "Recover",
    "Repay",
    "Restructure",
    "Reverse",
    "Rounding",
    "Terms",
    "accrual_per_unit",
    "annual_percentage_rate",
    "fallen_due",
    "is_late",
    "next_turn",
    "owed",
    "payoff",
    "position",
    "replay",
    "total_cost_fen",
    "units_per_year",
    "year_units",
]
