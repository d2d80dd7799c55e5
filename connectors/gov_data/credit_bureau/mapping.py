"""The bureau's report in the terms of our dataset.

Wire names are the bureau's; an instalment's mark is `N` (paid), `*` (no account yet), `C` (closed) or `1` to `7`: that
many instalments behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from connectors.kit.contract import JsonValue, UpstreamMalformed
from connectors.kit.months import Month, Period
from connectors.kit.upstream import yuan_to_fen

_SETTLED = "3"
_MARKS = {"N": 0, "*": 0, "C": 0, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6, "7": 7}
Row = Mapping[str, Any]


def map_report(report: Row, period: Period) -> dict[str, JsonValue]:
    """The fields of `credit_bureau.report/v1`; UpstreamMalformed for a report that breaks the bureau's own form.

    A report covers five years whatever was asked: months outside the period are left out here, not by the bureau.
    """
    accounts = [row for row in _rows(report, "accounts") if row.get("state") != _SETTLED]
    delays = _delays(_rows(report, "repayments"), period)
    inquiries = [_month(row.get("month")) for row in _rows(report, "inquiries")]
    return {
        "balance_fen": sum(yuan_to_fen(row.get("balance")) for row in accounts),
        "credit_limit_fen": sum(yuan_to_fen(row.get("limit")) for row in accounts),
        "inquiry_months": [str(month) for month in sorted(inquiries) if month in period],
        "open_accounts": len(accounts),
        "overdue_accounts": sum(yuan_to_fen(row.get("overdue")) > 0 for row in accounts),
        "overdue_fen": sum(yuan_to_fen(row.get("overdue")) for row in accounts),
        "overdue_months": [str(month) for month in sorted(delays) if delays[month] > 0],
        "report_date": _date(report.get("reportDate")),
        "worst_overdue_months": max(delays.values(), default=0),
    }


def _delays(rows: Sequence[Row], period: Period) -> dict[Month, int]:
    delays: dict[Month, int] = {}
    for row in rows:
        month, mark = _month(row.get("month")), row.get("mark")
        if not isinstance(mark, str) or mark not in _MARKS:
            raise UpstreamMalformed("an instalment has no known mark")
        if month in period:
            delays[month] = max(delays.get(month, 0), _MARKS[mark])
    return delays


def _rows(report: Row, name: str) -> list[Row]:
    rows = report.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UpstreamMalformed(f"{name} is no list")
    return rows


def _month(value: object) -> Month:
    try:
        return Month.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise UpstreamMalformed("a month is not written YYYY-MM") from None


def _date(value: object) -> str:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError:
        raise UpstreamMalformed("a date is not written YYYY-MM-DD") from None
