"""SQL of order loans, their lines and what receivables took over of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tortoise.expressions import Q

from hub.lending.decisions.tables import Reason
from hub.lending.orders.rules import ApplicationState, OrderLine, check_transition
from hub.lending.orders.store import ConversionRow, OrderLineRow, OrderLoanRow
from hub.lending.rules import QUOTE_COLUMNS, Quote, schedule_of
from hub.platform.paging import Page, after_token, page_of

PENDING, CONVERTED, REFUSED = "PENDING", "CONVERTED", "REFUSED"


_LIVE = (ApplicationState.REFERRED, ApplicationState.OFFERED, ApplicationState.SIGNED, ApplicationState.DISBURSED)
_FIXED = ("loan_id", "buyer_uscc", "order_document_id", "order_number", "applicant_uscc", "created_at")


@dataclass(frozen=True)
class OrderApplication:
    """One application for a loan on an order; its loan bears the same id.

    `converted_rate` is the annual rate of what is lent on receivables once goods are delivered.
    """

    loan_id: str
    state: ApplicationState
    buyer_uscc: str
    order_document_id: str
    order_number: str
    applicant_uscc: str
    quote: Quote
    terms: dict[str, Any]
    converted_rate: Decimal
    reasons: tuple[Reason, ...]
    decision_id: str
    claim_id: str | None
    offer_expires_at: datetime
    created_at: datetime


@dataclass(frozen=True)
class Conversion:
    """What a receivable took over: principal that left the order loan, and what was lent on the receivable, in fen."""

    loan_id: str
    receivable_id: str
    state: str
    claim_id: str
    receivable_loan_id: str | None
    principal_fen: int
    lent_fen: int
    created_at: datetime

    @property
    def id(self) -> str:
        """Its name."""
        return f"{self.loan_id}:{self.receivable_id}"


async def add(application: OrderApplication, lines: Iterable[OrderLine]) -> None:
    """Writes a new application with the lines of its order."""
    await OrderLoanRow.create(**_columns(application))
    for line in lines:
        await OrderLineRow.create(loan_id=application.loan_id, **asdict(line))


async def find(loan_id: str) -> OrderApplication | None:
    """The application, or None."""
    row = await OrderLoanRow.get_or_none(loan_id=loan_id)
    return None if row is None else _application(row)


async def live_on_order(buyer_uscc: str, order_document_id: str) -> OrderApplication | None:
    """The application or open loan on an order, or None."""
    states = [state.value for state in _LIVE]
    row = await OrderLoanRow.get_or_none(buyer_uscc=buyer_uscc, order_document_id=order_document_id, state__in=states)
    return None if row is None else _application(row)


async def open_on_orders(buyer_uscc: str, order_document_ids: Collection[str]) -> list[OrderApplication]:
    """Open loans on any of these orders, by id."""
    rows = OrderLoanRow.filter(
        buyer_uscc=buyer_uscc,
        order_document_id__in=list(order_document_ids),
        state=ApplicationState.DISBURSED.value,
    )
    return [_application(row) for row in await rows.order_by("loan_id")]


async def move(application: OrderApplication, state: ApplicationState, **changes: Any) -> OrderApplication:
    """The application in its next state, with `claim_id`, `reasons` or its price changed.

    Raises STATE_CONFLICT when the table of states has no such step.
    """
    check_transition(application.state, state)
    after = replace(application, state=state, **changes)
    changed = await OrderLoanRow.filter(loan_id=application.loan_id, state=application.state.value).update(
        **{name: value for name, value in _columns(after).items() if name not in _FIXED}
    )
    if changed != 1:
        raise AssertionError("an order loan is changed under its lock only")
    return after


async def signed_on_claim(claim_id: str) -> list[str]:
    """Signed applications that wait for a claim."""
    rows = OrderLoanRow.filter(claim_id=claim_id, state=ApplicationState.SIGNED.value)
    return [row.loan_id for row in await rows.order_by("loan_id")]


async def waits_on_claim(claim_id: str) -> bool:
    """Whether an application or a conversion waits for a claim."""
    pending = ConversionRow.filter(claim_id=claim_id, state=PENDING)
    return bool(await signed_on_claim(claim_id)) or await pending.exists()


async def ids_of_expired_offers(now: datetime, limit: int) -> list[str]:
    """Offers that nobody accepted in time."""
    rows = OrderLoanRow.filter(state=ApplicationState.OFFERED.value, offer_expires_at__lte=now)
    return [row.loan_id for row in await rows.order_by("offer_expires_at").limit(limit)]


async def ids_too_late(today: date, limit: int) -> list[str]:
    """Applications whose due date came while they waited for their claim, or for a person."""
    waiting = [ApplicationState.SIGNED.value, ApplicationState.REFERRED.value]
    rows = OrderLoanRow.filter(state__in=waiting, due_date__lte=today)
    return [row.loan_id for row in await rows.order_by("due_date").limit(limit)]


async def page_of_applicant(applicant_uscc: str, size: int, token: str) -> Page[OrderApplication]:
    """An applicant's applications, newest first."""
    query = OrderLoanRow.filter(Q(applicant_uscc=applicant_uscc) & after_token(token, OrderLoanRow, "loan_id"))
    rows = await query.order_by("-created_at", "-loan_id").limit(size + 1)
    return page_of(rows, size, "loan_id", _application)


async def lines_of(loan_id: str) -> tuple[OrderLine, ...]:
    """The lines in the order's own sequence."""
    rows = await OrderLineRow.filter(loan_id=loan_id).order_by("id")
    return tuple(OrderLine(**{name: getattr(row, name) for name in OrderLine.__dataclass_fields__}) for row in rows)


async def set_line(loan_id: str, line: OrderLine) -> None:
    """A line after goods came, or will not come."""
    amounts = {name: fen for name, fen in asdict(line).items() if name != "line_id"}
    await OrderLineRow.filter(loan_id=loan_id, line_id=line.line_id).update(**amounts)


async def add_conversion(conversion: Conversion) -> None:
    """A receivable that is to take over its part."""
    await ConversionRow.create(id=conversion.id, **asdict(conversion))


async def find_conversion(conversion_id: str) -> Conversion | None:
    """One conversion, or None."""
    row = await ConversionRow.get_or_none(id=conversion_id)
    return None if row is None else _conversion(row)


async def end_conversion(conversion: Conversion) -> None:
    """Writes what became of a pending conversion."""
    changed = await ConversionRow.filter(id=conversion.id, state=PENDING).update(
        state=conversion.state,
        receivable_loan_id=conversion.receivable_loan_id,
        principal_fen=conversion.principal_fen,
        lent_fen=conversion.lent_fen,
    )
    if changed != 1:
        raise AssertionError("a conversion is changed under its loan's lock only")


async def conversions_of(loan_id: str) -> tuple[Conversion, ...]:
    """What receivables took over of an order loan, oldest first."""
    rows = await ConversionRow.filter(loan_id=loan_id).order_by("created_at", "id")
    return tuple(_conversion(row) for row in rows)


async def conversions_on(**wanted: Any) -> list[Conversion]:
    """Conversions by a column: `claim_id`, `receivable_id` or `receivable_loan_id`."""
    return [_conversion(row) for row in await ConversionRow.filter(**wanted).order_by("id")]


def _columns(application: OrderApplication) -> dict[str, Any]:
    own = {name: getattr(application, name) for name in OrderApplication.__dataclass_fields__ if name != "quote"}
    quote = {name: getattr(application.quote, name) for name in QUOTE_COLUMNS}
    rates = {
        "annual_rate": format(application.quote.annual_rate, "f"),
        "apr": format(application.quote.apr, "f"),
        "converted_rate": format(application.converted_rate, "f"),
    }
    return {**own, **quote, **rates, "state": application.state.value, "reasons": _reasons(application)}


def _reasons(application: OrderApplication) -> list[dict[str, str]]:
    return [asdict(reason) for reason in application.reasons]


def _application(row: OrderLoanRow) -> OrderApplication:
    columns = {name: getattr(row, name) for name in OrderApplication.__dataclass_fields__ if name != "quote"}
    quote = {name: getattr(row, name) for name in QUOTE_COLUMNS}
    # A rejected application has no price, and nothing falls due.
    schedule = schedule_of(row.terms, row.principal_fen, row.value_date) if row.interest_fen else ()
    rates = {"annual_rate": Decimal(row.annual_rate), "apr": Decimal(row.apr), "schedule": schedule}
    own = {
        "state": ApplicationState(row.state),
        "converted_rate": Decimal(row.converted_rate),
        "reasons": tuple(Reason(**reason) for reason in row.reasons),
    }
    return OrderApplication(**{**columns, **own}, quote=Quote(**{**quote, **rates}))


def _conversion(row: ConversionRow) -> Conversion:
    return Conversion(**{name: getattr(row, name) for name in Conversion.__dataclass_fields__})
