"""SQL of financing applications and of the claims under them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tortoise.expressions import Q

from hub.lending.decisions.tables import Reason
from hub.lending.rules import QUOTE_COLUMNS, FinancingState, Quote, check_transition, schedule_of
from hub.lending.store import ClaimRow, FinancingRow
from hub.platform.paging import Page, after_token, page_of

_FIXED = ("financing_id", "certificate_id", "receivable_id", "applicant_uscc", "buyer_uscc", "created_at")


@dataclass(frozen=True)
class Financing:
    """One application for a loan on a certificate, with the offer made on it."""

    financing_id: str
    state: FinancingState
    certificate_id: str
    receivable_id: str
    applicant_uscc: str
    buyer_uscc: str
    quote: Quote
    terms: dict[str, Any]
    reasons: tuple[Reason, ...]
    decision_id: str
    claim_id: str | None
    loan_id: str | None
    offer_expires_at: datetime
    created_at: datetime


async def add(financing: Financing) -> None:
    """Writes a new application."""
    await FinancingRow.create(**_columns(financing))


async def find(financing_id: str) -> Financing | None:
    """The application, or None."""
    row = await FinancingRow.get_or_none(financing_id=financing_id)
    return None if row is None else _financing(row)


async def move(financing: Financing, state: FinancingState, **changes: Any) -> Financing:
    """The application in its next state, with other fields changed.

    Raises STATE_CONFLICT when the table of states has no such step.
    """
    check_transition(financing.state, state)
    after = replace(financing, state=state, **changes)
    columns = {name: value for name, value in _columns(after).items() if name not in _FIXED}
    changed = await FinancingRow.filter(financing_id=financing.financing_id, state=financing.state.value).update(
        **columns
    )
    if changed != 1:
        raise AssertionError("a financing is changed under its lock only")
    return after


async def ids_on_claim(claim_id: str) -> list[str]:
    """Signed applications that wait for a claim, or rest on it without a loan yet."""
    rows = FinancingRow.filter(claim_id=claim_id, state=FinancingState.SIGNED.value)
    return [row.financing_id for row in await rows.order_by("financing_id")]


async def ids_of_expired_offers(now: datetime, limit: int) -> list[str]:
    """Offers that nobody accepted in time."""
    rows = FinancingRow.filter(state=FinancingState.OFFERED.value, offer_expires_at__lte=now)
    return [row.financing_id for row in await rows.order_by("offer_expires_at").limit(limit)]


async def ids_too_late(today: date, limit: int) -> list[str]:
    """Applications whose certificate has fallen due while they waited for their claim, or for a person."""
    waiting = [FinancingState.SIGNED.value, FinancingState.REFERRED.value]
    rows = FinancingRow.filter(state__in=waiting, due_date__lte=today)
    return [row.financing_id for row in await rows.order_by("due_date").limit(limit)]


async def page_of_applicant(applicant_uscc: str, size: int, token: str) -> Page[Financing]:
    """An applicant's applications, newest first."""
    query = FinancingRow.filter(Q(applicant_uscc=applicant_uscc) & after_token(token, FinancingRow, "financing_id"))
    rows = await query.order_by("-created_at", "-financing_id").limit(size + 1)
    return page_of(rows, size, "financing_id", _financing)


async def live_claim(receivable_id: str) -> ClaimRow | None:
    """The claim that is pending or held on a receivable, or None."""
    return await ClaimRow.get_or_none(receivable_id=receivable_id, state__in=["PENDING", "FINANCED"])


async def find_claim(claim_id: str) -> ClaimRow | None:
    """A claim, or None."""
    return await ClaimRow.get_or_none(claim_id=claim_id)


async def add_claim(claim_id: str, receivable_id: str) -> ClaimRow:
    """A claim that was asked for."""
    return await ClaimRow.create(claim_id=claim_id, receivable_id=receivable_id, state="PENDING")


async def set_claim(claim_id: str, state: str) -> None:
    """Writes what became of a claim."""
    await ClaimRow.filter(claim_id=claim_id).update(state=state)


def _columns(financing: Financing) -> dict[str, Any]:
    own = {name: getattr(financing, name) for name in Financing.__dataclass_fields__ if name != "quote"}
    quote = {name: getattr(financing.quote, name) for name in QUOTE_COLUMNS}
    rates = {"annual_rate": format(financing.quote.annual_rate, "f"), "apr": format(financing.quote.apr, "f")}
    return {**own, **quote, **rates, "state": financing.state.value, "reasons": _reasons(financing)}


def _reasons(financing: Financing) -> list[dict[str, str]]:
    return [asdict(reason) for reason in financing.reasons]


def _financing(row: FinancingRow) -> Financing:
    columns = {name: getattr(row, name) for name in Financing.__dataclass_fields__ if name != "quote"}
    quote = {name: getattr(row, name) for name in QUOTE_COLUMNS}
    # A rejected application has no price, and nothing falls due.
    schedule = schedule_of(row.terms, row.principal_fen, row.value_date) if row.interest_fen else ()
    rates = {"annual_rate": Decimal(row.annual_rate), "apr": Decimal(row.apr), "schedule": schedule}
    own = {"state": FinancingState(row.state), "reasons": tuple(Reason(**reason) for reason in row.reasons)}
    return Financing(**{**columns, **own}, quote=Quote(**{**quote, **rates}))
