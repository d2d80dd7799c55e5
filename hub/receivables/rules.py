"""Rules of receivables and certificates: terms, amounts, dates, evidence. Pure."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from huilian_protocol.errors import HuilianError

from hub.platform.legal_rules import TERM_ONE_YEAR, rule

MAX_TERM_YEARS = 1
USUAL_TERM_MONTHS = 6
CONFIRMATION_LIFE = dt.timedelta(hours=24)
CLOCK_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class TermWarning:
    """A term that the law allows but does not want: above six months."""

    usual_latest: dt.date


def check_certificate_term(issue_date: dt.date, due_date: dt.date) -> TermWarning | None:
    """银发〔2025〕77号: a certificate's payment term is in principle at most six months and never above one year.

    Returns a warning above six months. Raises TERM_TOO_LONG above one year, STATE_CONFLICT when the due date is not
    ahead.
    """
    if due_date <= issue_date:
        raise HuilianError("STATE_CONFLICT", f"due on {due_date}, today is {issue_date}", state="DUE")
    latest = add_months(issue_date, 12 * MAX_TERM_YEARS)
    if due_date > latest:
        raise HuilianError(
            "TERM_TOO_LONG",
            f"due on {due_date}, latest {latest} ({rule(TERM_ONE_YEAR).source})",
            latest=latest.isoformat(),
            rule=TERM_ONE_YEAR,
        )
    usual_latest = add_months(issue_date, USUAL_TERM_MONTHS)
    return TermWarning(usual_latest) if due_date > usual_latest else None


def check_issue_amount(amount_fen: int, receivable_fen: int, issued_fen: int) -> None:
    """Certificates never exceed what was confirmed. Raises AMOUNT_EXCEEDS_RECEIVABLE."""
    available_fen = receivable_fen - issued_fen
    if amount_fen > available_fen:
        raise HuilianError("AMOUNT_EXCEEDS_RECEIVABLE", amount_fen=amount_fen, available_fen=available_fen)


def check_split(parent_fen: int, part_fens: Sequence[int]) -> None:
    """The parts are the parent: at least two, each above zero, together exactly its amount. Raises INVALID_ARGUMENT."""
    if len(part_fens) < 2 or any(part <= 0 for part in part_fens):
        raise HuilianError("INVALID_ARGUMENT", "a split has at least two parts above zero", field="parts")
    if sum(part_fens) != parent_fen:
        raise HuilianError(
            "INVALID_ARGUMENT", f"the parts add up to {sum(part_fens)} fen, not {parent_fen}", field="parts"
        )


def check_not_due(due_date: dt.date, today: dt.date) -> None:
    """From its due date on a certificate is only redeemed. Raises STATE_CONFLICT."""
    if today >= due_date:
        raise HuilianError("STATE_CONFLICT", f"the certificate fell due on {due_date}", state="DUE")


def check_confirmation_time(confirmed_at: int, now: dt.datetime) -> None:
    """The signer's time (Unix seconds) must be recent, so an old signature cannot be kept in a drawer.

    Raises CONFIRMATION_MISMATCH when it is above 24 hours old or lies ahead.
    """
    oldest, newest = (now - CONFIRMATION_LIFE).timestamp(), (now + CLOCK_SKEW).timestamp()
    if not oldest <= confirmed_at <= newest:
        raise HuilianError("CONFIRMATION_MISMATCH", "prepared too long ago, or in the future", field="confirmed_at")


def evidence_content(
    invoice: str,
    orders: Sequence[str],
    receipts: Sequence[str],
    returns: Sequence[str] = (),
    credit_notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Canonical form of what a confirmation rests on: digests of documents (hex SHA-256), each kind sorted.

    Returns and credit notes stand in it only where there are any.
    """
    taken_back = {"returns": sorted(returns), "credit_notes": sorted(credit_notes)}
    return {
        "type": "huilian-trade-evidence/v1",
        "invoice": invoice,
        "orders": sorted(orders),
        "receipts": sorted(receipts),
        **{kind: digests for kind, digests in taken_back.items() if digests},
    }


def add_months(date: dt.date, months: int) -> dt.date:
    """Same day of a later month; its last day where that day does not exist (31 August + 6 = 28 February)."""
    index = date.year * 12 + date.month - 1 + months
    year, month = divmod(index, 12)
    last_day = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(date.day, last_day))
