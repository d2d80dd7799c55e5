"""`huilian loan project`: the loan calculator. Needs no hub: the engine that the bank books by is in this package."""

from __future__ import annotations

import argparse
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from huilian_loans import EngineError, Payoff, Position, payoff, position
from huilian_loans.documents import read_events, read_terms
from huilian_loans.projection import Period, project
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_COLUMNS = (
    ("期 no.", "number"),
    ("到期日 due", "end"),
    ("期初本金 opening", "opening_principal_fen"),
    ("利息 interest", "interest_fen"),
    ("罚息 penalty", "penalty_fen"),
    ("费用 fees", "fees_fen"),
    ("应还 due", "due_fen"),
    ("已还 paid", "paid_fen"),
    ("期末本金 closing", "closing_principal_fen"),
)


def add_loan_commands(commands: Commands) -> None:
    """The options of `huilian loan …`."""
    calculator = commands.add_parser("project", help="every period's balance, interest, fees and due amounts; offline")
    calculator.add_argument("--terms", type=Path, required=True, help="JSON file: the terms of the loan")
    calculator.add_argument(
        "--events", type=Path, required=True, help="JSON file: a list of what happened, draws first"
    )
    calculator.add_argument("--as-of", type=_day, required=True, help="YYYY-MM-DD; later events are left out")
    calculator.add_argument("--json", action="store_true", help="one JSON object in fen, for programs")
    calculator.set_defaults(run=project_loan)


def project_loan(options: argparse.Namespace) -> None:
    """Print the projection. Raises ValueError for malformed files, HuilianError for events the loan cannot take."""
    terms = read_terms(_json(options.terms))
    events = read_events(_json(options.events))
    try:
        periods = project(terms, events, options.as_of)
        at = position(terms, events, options.as_of)
        owed = payoff(terms, events, options.as_of)
    except EngineError as error:
        raise HuilianError(error.code, error.detail, **_params(error)) from error
    if options.json:
        answer = {
            "as_of": options.as_of.isoformat(),
            "currency": "CNY",
            "position": _position(at),
            "payoff": _payoff(owed),
            "periods": [_period(period) for period in periods],
        }
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_table(options.as_of, owed, periods)


def _params(error: EngineError) -> dict[str, Any]:
    return {"state": "ACTIVE"} if error.code == "STATE_CONFLICT" else {"payoff_fen": error.detail}


def _json(path: Path) -> Any:
    try:
        return parse_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _position(at: Position) -> dict[str, Any]:
    return {
        "annual_rate": format(at.annual_rate, "f"),
        "principal_fen": _fen(at.principal_fen),
        "fees_fen": _fen(at.fees_fen),
        "written_off_fen": _fen(at.written_off_fen),
    }


def _payoff(owed: Payoff) -> dict[str, Any]:
    return {
        "fees_fen": _fen(owed.fees_fen),
        "interest_fen": _fen(owed.interest_fen),
        "principal_fen": _fen(owed.principal_fen),
        "total_fen": _fen(owed.total_fen),
    }


def _period(period: Period) -> dict[str, Any]:
    return {
        "number": period.number,
        "start": period.start.isoformat(),
        "end": period.end.isoformat(),
        "opening_principal_fen": _fen(period.opening_principal_fen),
        "drawn_fen": _fen(period.drawn_fen),
        "interest_fen": _fen(period.interest_fen),
        "penalty_fen": _fen(period.penalty_fen),
        "fees_fen": _fen(period.fees_fen),
        "principal_due_fen": _fen(period.principal_due_fen),
        "due_fen": _fen(period.due.total_fen),
        "due": _payoff(period.due),
        "paid_fen": _fen(period.paid_fen),
        "closing_principal_fen": _fen(period.closing_principal_fen),
        "projected": period.projected,
    }


def _fen(amount: Decimal) -> int | str:
    """Whole fen as an integer; a finer rounding of the terms' own as decimal text."""
    return int(amount) if amount == int(amount) else format(amount, "f")


def _print_table(as_of: date, owed: Payoff, periods: list[Period]) -> None:
    print("\t".join(title for title, _ in _COLUMNS))
    for period in periods:
        row = _period(period)
        print("\t".join(_cell(name, row[name]) for _, name in _COLUMNS))
    print(f"{as_of} 结清金额 payoff (CNY): {_yuan(_fen(owed.total_fen))}")


def _cell(name: str, value: Any) -> str:
    return _yuan(value) if name.endswith("_fen") else str(value)


def _yuan(fen: int | str) -> str:
    return format(Decimal(fen).scaleb(-2), "f")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day YYYY-MM-DD") from error
