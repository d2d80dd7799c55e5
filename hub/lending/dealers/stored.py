"""SQL of applications for dealer loans."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from tortoise.expressions import Q

from hub.lending.dealers.rules import DealerState, check_transition
from hub.lending.decisions.tables import Reason
from hub.lending.orders.store import DealerLoanRow
from hub.lending.rules import QUOTE_COLUMNS, Quote, schedule_of
from hub.platform.paging import Page, after_token, page_of


@dataclass(frozen=True)
class Review:
    """What people said about a referred application: one proposed, another decided."""

    proposed_by: str | None = None
    proposal: str | None = None
    proposal_reason: str | None = None
    reviewed_by: str | None = None
    review_reason: str | None = None


@dataclass(frozen=True)
class DealerApplication:
    """One application of a dealer; its loan bears the same id. `limit_fen` is 0 when it was rejected."""

    loan_id: str
    state: DealerState
    core_uscc: str
    dealer_uscc: str
    limit_fen: int
    quote: Quote
    terms: dict[str, Any]
    reasons: tuple[Reason, ...]
    decision_id: str
    offer_expires_at: datetime
    created_at: datetime
    review: Review = Review()


_OWN = tuple(name for name in DealerApplication.__dataclass_fields__ if name not in ("quote", "review"))


async def add(application: DealerApplication) -> None:
    """Writes a new application."""
    await DealerLoanRow.create(**_columns(application))


async def find(loan_id: str) -> DealerApplication | None:
    """The application, or None."""
    row = await DealerLoanRow.get_or_none(loan_id=loan_id)
    return None if row is None else _application(row)


async def live_of(dealer_uscc: str) -> bool:
    """Whether a dealer has an offer, or waits for one."""
    states = [DealerState.REFERRED.value, DealerState.OFFERED.value]
    return await DealerLoanRow.filter(dealer_uscc=dealer_uscc, state__in=states).exists()


async def move(application: DealerApplication, state: DealerState, **changes: Any) -> DealerApplication:
    """The application in its next state with other columns changed. Raises STATE_CONFLICT for a step there is not."""
    check_transition(application.state, state)
    return await save(replace(application, state=state, **changes), application.state)


async def save(application: DealerApplication, before: DealerState) -> DealerApplication:
    """Writes an application that was in the state `before`."""
    columns = _columns(application)
    rows = DealerLoanRow.filter(loan_id=columns.pop("loan_id"), state=before.value)
    if await rows.update(**columns) != 1:
        raise AssertionError("a dealer loan is changed under its lock only")
    return application


async def ids_of_expired_offers(now: datetime, limit: int) -> list[str]:
    """Offers that nobody accepted in time."""
    rows = DealerLoanRow.filter(state=DealerState.OFFERED.value, offer_expires_at__lte=now)
    return [row.loan_id for row in await rows.order_by("offer_expires_at").limit(limit)]


async def page_of_dealer(dealer_uscc: str, size: int, token: str) -> Page[DealerApplication]:
    """A dealer's applications, newest first."""
    query = DealerLoanRow.filter(Q(dealer_uscc=dealer_uscc) & after_token(token, DealerLoanRow, "loan_id"))
    rows = await query.order_by("-created_at", "-loan_id").limit(size + 1)
    return page_of(rows, size, "loan_id", _application)


async def page_of_referred(size: int, token: str) -> Page[DealerApplication]:
    """Applications that wait for a person, newest first."""
    query = DealerLoanRow.filter(Q(state=DealerState.REFERRED.value) & after_token(token, DealerLoanRow, "loan_id"))
    rows = await query.order_by("-created_at", "-loan_id").limit(size + 1)
    return page_of(rows, size, "loan_id", _application)


def _columns(application: DealerApplication) -> dict[str, Any]:
    own = {name: getattr(application, name) for name in _OWN}
    quote = {name: getattr(application.quote, name) for name in QUOTE_COLUMNS}
    rates = {"annual_rate": format(application.quote.annual_rate, "f"), "apr": format(application.quote.apr, "f")}
    plain = {"state": application.state.value, "reasons": [asdict(reason) for reason in application.reasons]}
    return {**own, **quote, **rates, **plain, **asdict(application.review)}


def _application(row: DealerLoanRow) -> DealerApplication:
    quote = {name: getattr(row, name) for name in QUOTE_COLUMNS}
    priced = {"annual_rate": Decimal(row.annual_rate), "apr": Decimal(row.apr)}
    schedule = schedule_of(row.terms, row.principal_fen, row.value_date) if row.limit_fen else ()
    own = {name: getattr(row, name) for name in _OWN}
    own |= {"state": DealerState(row.state), "reasons": tuple(Reason(**reason) for reason in row.reasons)}
    review = Review(**{name: getattr(row, name) for name in Review.__dataclass_fields__})
    return DealerApplication(**own, quote=Quote(**{**quote, **priced}, schedule=schedule), review=review)
