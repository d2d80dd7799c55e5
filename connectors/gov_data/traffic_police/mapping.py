"""The gateway's rows in the terms of our dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from huilian_protocol.clock import format_time

from connectors.gov_data.traffic_police.wire import Violation, read_china_time, read_rows
from connectors.kit.contract import JsonValue, UpstreamMalformed
from connectors.kit.months import Month, Period
from connectors.kit.upstream import read_compact_month, yuan_to_fen

_LICENCE = {"A": "NORMAL", "D": "SUSPENDED", "H": "OVER_POINTS"}


def map_violations(answer: Mapping[str, str], period: Period) -> dict[str, JsonValue]:
    """The fields of `traffic_police.violation/v1`. Rows outside the question are a fault, never dropped quietly."""
    rows = _rows(answer.get("wfxx", ""))
    if not all(_month(row) in period for row in rows):
        raise UpstreamMalformed("a violation lies outside the period")
    return {
        "licence_status": _LICENCE.get(answer.get("jszzt", "")),
        "penalty_points": _count(answer.get("ljjf")),
        "unpaid_fen": yuan_to_fen(answer.get("wjje")),
        "unpaid_fines": _count(answer.get("wjbs")),
        "violations": [_violation(row) for row in rows],
    }


def map_receipt(answer: Mapping[str, str]) -> dict[str, JsonValue]:
    """The result of `traffic_police.pay_fine/v1`."""
    return {
        "paid_at": _instant(answer.get("jksj", "")),
        "paid_fen": yuan_to_fen(answer.get("je")),
        "receipt_number": answer.get("pjh"),
    }


def _instant(text: str) -> str:
    try:
        return format_time(read_china_time(text))
    except ValueError:
        raise UpstreamMalformed("a time is not written yyyyMMddHHmmss") from None


def _rows(text: str) -> Sequence[Violation]:
    try:
        rows = read_rows(text)
    except ValueError:
        raise UpstreamMalformed("the violations are no table") from None
    if len({row.decision_number for row in rows}) != len(rows):
        raise UpstreamMalformed("a decision stands twice")
    return rows


def _violation(row: Violation) -> JsonValue:
    return {
        "added_fen": yuan_to_fen(row.added),
        "decision_number": row.decision_number,
        "fine_fen": yuan_to_fen(row.fine),
        "is_paid": _flag(row.paid),
        "month": str(_month(row)),
        "penalty_points": _count(row.points),
        "violation_code": row.code,
    }


def _month(row: Violation) -> Month:
    return read_compact_month(row.day[:6])


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise UpstreamMalformed("a mark is neither 0 nor 1")
    return text == "1"


def _count(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise UpstreamMalformed("a count is not written in digits")
    return int(text)
