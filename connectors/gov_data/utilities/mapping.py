"""The platform's bills in the terms of our dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from huilian_protocol.clock import format_time

from connectors.kit.contract import JsonValue, UpstreamMalformed
from connectors.kit.months import Month, Period
from connectors.kit.upstream import yuan_to_fen

_KINDS = {"E": "ELECTRICITY", "W": "WATER", "G": "GAS"}
_STATUS = {1: "PAID", 0: "DUE", 2: "OVERDUE"}


def map_bills(accounts: object, rows: Sequence[Mapping[str, Any]], period: Period) -> dict[str, JsonValue]:
    """The fields of `utilities.bill/v1`; UpstreamMalformed for bills outside the period or in no known state."""
    bills = [_bill(row, period) for row in rows]
    unpaid = [bill for bill in bills if bill["status"] != "PAID"]
    return {
        "accounts": _accounts_in_use(accounts),
        "bills": list(bills),
        "late_months": list(sorted({str(bill["month"]) for bill in bills if bill["status"] == "OVERDUE"})),
        "paid_fen": sum(_amount(bill) for bill in bills if bill["status"] == "PAID"),
        "unpaid_bills": len(unpaid),
        "unpaid_fen": sum(_amount(bill) for bill in unpaid),
    }


def map_receipt(answer: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The result of `utilities.pay_bill/v1`."""
    paid_at = answer.get("paidAt")
    try:
        moment = datetime.fromisoformat(paid_at if isinstance(paid_at, str) else "")
        paid_utc = format_time(moment.astimezone(UTC).replace(microsecond=0))
    except ValueError:
        raise UpstreamMalformed("a time is not written by ISO 8601") from None
    return {
        "paid_at": paid_utc,
        "paid_fen": yuan_to_fen(answer.get("amount")),
        "receipt_number": answer.get("receiptNo"),
    }


def _bill(row: Mapping[str, Any], period: Period) -> dict[str, JsonValue]:
    kind, state = row.get("kind"), row.get("state")
    if not isinstance(kind, str) or kind not in _KINDS or type(state) is not int or state not in _STATUS:
        raise UpstreamMalformed("a bill is of no known kind or state")
    return {
        "amount_fen": yuan_to_fen(row.get("amount")),
        "bill_number": row.get("billNo"),
        "kind": _KINDS[kind],
        "month": str(_month(row.get("month"), period)),
        "status": _STATUS[state],
    }


def _amount(bill: Mapping[str, JsonValue]) -> int:
    amount_fen = bill["amount_fen"]
    assert isinstance(amount_fen, int)
    return amount_fen


def _accounts_in_use(accounts: object) -> int:
    if not isinstance(accounts, list) or not all(isinstance(account, dict) for account in accounts):
        raise UpstreamMalformed("the accounts are no list")
    return sum(account.get("closed") is False for account in accounts)


def _month(value: object, period: Period) -> Month:
    try:
        month = Month.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise UpstreamMalformed("a month is not written YYYY-MM") from None
    if month not in period:
        raise UpstreamMalformed("a bill lies outside the period")
    return month
