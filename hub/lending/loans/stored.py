"""SQL of loans and their events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from huilian_loans import Event, Payoff
from huilian_loans.documents import read_event
from huilian_protocol.canonical import parse_json
from tortoise.expressions import Q

from hub.lending.auctions.store import AuctionRow
from hub.lending.loans.store import LoanDetailRow, LoanEventRow, LoanRow
from hub.lending.orders.store import DealerLoanRow, OrderLoanRow
from hub.lending.store import FinancingRow, FlashRow
from hub.platform.database import Database
from hub.platform.paging import Page, after_token, page_of

DRAW, REPAYMENT, FEE, RECOURSE, BUY_BACK = "DRAW", "REPAYMENT", "FEE", "RECOURSE", "BUY_BACK"
CHARGE_OFF, RECOVERY, RESTRUCTURE, REVERSAL = "CHARGE_OFF", "RECOVERY", "RESTRUCTURE", "REVERSAL"
PAYING = frozenset({REPAYMENT, RECOURSE, BUY_BACK})
"""Kinds that are repayments to the engine; they differ in who pays and why."""
SETTLED_BY, _DIFFERENCE = "settled_by", "difference"
# Which terms the borrower signed: the digest that names them.
OFFER = "signed_terms"
"""What an event says to the bank's desks only: what paid in the borrower's place, and what it moved elsewhere."""
_WITHOUT_AMOUNT = frozenset({CHARGE_OFF, RESTRUCTURE, REVERSAL})


EVENT_COLUMNS = (
    "sequence",
    "kind",
    "value_date",
    "amount_fen",
    "fees_part_fen",
    "interest_part_fen",
    "principal_part_fen",
)


_EVENTS = (
    f"SELECT {', '.join(f'e.{name}' for name in EVENT_COLUMNS)}, d.content FROM lending_loan_event e"  # noqa: S608
    " LEFT JOIN lending_loan_detail d ON d.loan_id = e.loan_id AND d.sequence = e.sequence"
    " WHERE e.loan_id = $1 ORDER BY e.sequence"
)


@dataclass(frozen=True)
class LoanRecord:
    """A loan as stored. `funder` is whose money it is where it is not the bank's (委托贷款)."""

    loan_id: str
    borrower: str
    is_person: bool
    product_id: str
    revolving: bool
    limit_fen: int
    terms: dict[str, Any]
    maturity: date
    certificate_id: str | None
    financing_id: str | None
    claim_id: str | None
    closed: bool
    created_at: datetime
    funder: str | None = None


@dataclass(frozen=True)
class LoanEventRecord:
    """One event as booked, with what it paid then. Amounts in fen."""

    sequence: int
    kind: str
    value_date: date
    amount_fen: int
    fees_part_fen: int = 0
    interest_part_fen: int = 0
    principal_part_fen: int = 0
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def difference(self) -> Payoff:
        """By how much it changed what other events had paid, by bucket: see `corrections`."""
        told = self.content.get(_DIFFERENCE, {})
        return Payoff(*(Decimal(told.get(name, 0)) for name in ("fees_fen", "interest_fen", "principal_fen")))


async def add(loan: LoanRecord) -> None:
    """Writes a new loan."""
    await LoanRow.create(**loan.__dict__)


async def find(loan_id: str) -> LoanRecord | None:
    """The loan, or None."""
    row = await LoanRow.get_or_none(loan_id=loan_id)
    return None if row is None else _record(row)


async def is_promised(loan_id: str) -> bool:
    """Whether an application of any kind stands under this id: its loan will bear the same one."""
    return (
        await FinancingRow.exists(financing_id=loan_id)
        or await OrderLoanRow.exists(loan_id=loan_id)
        or await FlashRow.exists(application_id=loan_id)
        or await AuctionRow.exists(auction_id=loan_id)
        or await DealerLoanRow.exists(loan_id=loan_id)
    )


async def of_certificate(certificate_id: str) -> LoanRecord | None:
    """The open loan that a certificate secures, or None."""
    row = await LoanRow.get_or_none(certificate_id=certificate_id, closed=False)
    return None if row is None else _record(row)


async def open_of(borrower: str, product_id: str | None = None) -> list[LoanRecord]:
    """Loans of a borrower that are not closed."""
    wanted: dict[str, Any] = {"borrower": borrower, "closed": False}
    if product_id is not None:
        wanted["product_id"] = product_id
    return [_record(row) for row in await LoanRow.filter(**wanted).order_by("created_at", "loan_id")]


async def ids_of_matured_credits(today: date) -> list[str]:
    """Revolving loans whose term is over and that are not closed."""
    rows = LoanRow.filter(revolving=True, closed=False, maturity__lte=today).order_by("loan_id")
    return [str(loan_id) for loan_id in await rows.values_list("loan_id", flat=True)]


async def funders_on(certificate_ids: Collection[str]) -> set[str]:
    """Who lent its own money on these certificates and is not paid back."""
    rows = LoanRow.filter(certificate_id__in=list(certificate_ids), closed=False, funder__not_isnull=True)
    return {str(funder) for funder in await rows.values_list("funder", flat=True)}


async def open_on_claim(claim_id: str) -> int:
    """How many open loans rest on a claim."""
    return await LoanRow.filter(claim_id=claim_id, closed=False).count()


async def close(loan_id: str) -> None:
    """Marks a loan as repaid."""
    await LoanRow.filter(loan_id=loan_id).update(closed=True)


async def page_of_borrower(borrower: str, size: int, token: str) -> Page[LoanRecord]:
    """A borrower's loans, newest first."""
    query = LoanRow.filter(Q(borrower=borrower) & after_token(token, LoanRow, "loan_id"))
    rows = await query.order_by("-created_at", "-loan_id").limit(size + 1)
    return page_of(rows, size, "loan_id", _record)


async def events_of(database: Database, loan_id: str) -> list[LoanEventRecord]:
    """A loan's events in the order of booking."""
    return [_event(row) for row in await database.fetch(_EVENTS, loan_id)]


def _event(row: dict[str, Any]) -> LoanEventRecord:
    """SQLite gives dates and JSON as texts, PostgreSQL JSON."""
    day, content = row.pop("value_date"), row.pop("content")
    return LoanEventRecord(
        **row,
        value_date=date.fromisoformat(day) if isinstance(day, str) else day,
        content=parse_json(content.encode("utf-8")) if isinstance(content, str) else content or {},
    )


async def add_event(loan_id: str, event: LoanEventRecord, now: datetime) -> None:
    """Books an event; its sequence must be new."""
    await LoanEventRow.create(loan_id=loan_id, booked_at=now, **{name: getattr(event, name) for name in EVENT_COLUMNS})
    if event.content:
        await LoanDetailRow.create(loan_id=loan_id, sequence=event.sequence, content=dict(event.content))


async def set_maturity(loan_id: str, maturity: date) -> None:
    """The day on which a loan ends now; the terms as signed stay what they were."""
    await LoanRow.filter(loan_id=loan_id).update(maturity=maturity)


def engine_events(events: list[LoanEventRecord]) -> list[Event]:
    """Booked events as the engine takes them."""
    return [engine_event(event) for event in events]


def engine_event(event: LoanEventRecord) -> Event:
    """One booked event as the engine takes it."""
    content = {key: value for key, value in event.content.items() if key not in (SETTLED_BY, OFFER, _DIFFERENCE)}
    if event.kind not in _WITHOUT_AMOUNT:
        content["amount_fen"] = event.amount_fen
    kind = REPAYMENT if event.kind in PAYING else event.kind
    return read_event({"kind": kind, "value_date": event.value_date.isoformat(), **content}, event.sequence)


def _record(row: LoanRow) -> LoanRecord:
    return LoanRecord(**{name: getattr(row, name) for name in LoanRecord.__dataclass_fields__})
