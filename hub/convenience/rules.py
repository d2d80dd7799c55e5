"""What a payment does to the books, and what an agency's result must say. Pure.

reserve   deposit of the person   →  reserved
settle    reserved                →  owed to the agency (what it took), deposit (the rest)
release   reserved                →  deposit
pay over  owed to the agency      →  the bank's own account, on its way to the treasury
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError

from hub.accounting.service import Line, deposit_account

RESERVED_ACCOUNT = "payments:reserved"
SETTLE, REFUND = "SETTLE", "REFUND"
_STATUSES = ("executed", "rejected")


def owed_account(agency: str) -> str:
    """Account id of what was paid for persons to an agency and goes to the treasury in the day's settlement."""
    return f"payments:owed:{agency}"


@dataclass(frozen=True)
class Resolution:
    """How a payment ended as people found out, in fen: SETTLE pays `paid_fen`, REFUND gives everything back."""

    kind: str
    paid_fen: int
    receipt_number: str
    reason: str


@dataclass(frozen=True, repr=False)
class Result:
    """What an agency says of an order. Amounts in fen; its repr shows nothing."""

    is_executed: bool
    paid_fen: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "Result(***)"


def read_result(payload: bytes, *, action: str, request_id: str, reserved_fen: int) -> Result:
    """The result in an opened envelope. Raises PROVIDER_FAULT for one that no honest edge sends; quotes nothing."""
    try:
        value = parse_json(payload)
        data = value["data"]
        fits = (value["action"], value["request_id"]) == (action, request_id) and value["status"] in _STATUSES
        executed = value["status"] == "executed"
        paid_fen = data.get("paid_fen", 0) if executed else 0
    except (ValueError, TypeError, KeyError, AttributeError):
        raise HuilianError("PROVIDER_FAULT", "no result of an action", provider=action) from None
    if not fits or type(paid_fen) is not int or not 0 <= paid_fen <= reserved_fen:
        raise HuilianError("PROVIDER_FAULT", "a result of something else", provider=action)
    return Result(executed, paid_fen, data)


def reserving(subject: str, amount_fen: int) -> list[Line]:
    """Set money aside."""
    return [Line(deposit_account(subject), amount_fen, 0), Line(RESERVED_ACCOUNT, 0, amount_fen)]


def settling(subject: str, agency: str, reserved_fen: int, paid_fen: int) -> list[Line]:
    """Pay a part of what was set aside (none, or all) and give back the rest."""
    lines = [Line(RESERVED_ACCOUNT, reserved_fen, 0)]
    if paid_fen:
        lines.append(Line(owed_account(agency), 0, paid_fen))
    if reserved_fen > paid_fen:
        lines.append(Line(deposit_account(subject), 0, reserved_fen - paid_fen))
    return lines


def paying_over(agency: str, cash_account: str, amount_fen: int) -> list[Line]:
    """What is owed leaves the bank."""
    return [Line(owed_account(agency), amount_fen, 0), Line(cash_account, 0, amount_fen)]
