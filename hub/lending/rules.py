"""Rules of lending that need no database: states of a financing, quotes, terms. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Any

from huilian_loans import CashFlow, Draw, Event, FeeCharged, Repay, annual_percentage_rate, total_cost_fen
from huilian_loans.documents import read_terms
from huilian_loans.projection import project
from huilian_protocol.errors import HuilianError

from hub.lending.loans.fees import periodic_fees
from hub.lending.products.definitions import Product

# A flash loan's limit is a multiple of this: 100 yuan.
LIMIT_STEP_FEN = 10_000


class FinancingState(StrEnum):
    """Life of a financing application."""

    SUBMITTED = "SUBMITTED"
    CHECKED = "CHECKED"
    REFERRED = "REFERRED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    SIGNED = "SIGNED"
    DISBURSED = "DISBURSED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


_S = FinancingState
TRANSITIONS: Mapping[FinancingState, frozenset[FinancingState]] = {
    _S.SUBMITTED: frozenset({_S.CHECKED, _S.REJECTED, _S.WITHDRAWN}),
    _S.CHECKED: frozenset({_S.OFFERED, _S.REFERRED, _S.REJECTED, _S.WITHDRAWN}),
    # Nothing is blocked while a person decides.
    _S.REFERRED: frozenset({_S.OFFERED, _S.REJECTED, _S.EXPIRED, _S.WITHDRAWN}),
    _S.OFFERED: frozenset({_S.ACCEPTED, _S.EXPIRED, _S.WITHDRAWN}),
    _S.ACCEPTED: frozenset({_S.SIGNED, _S.EXPIRED, _S.WITHDRAWN}),
    # A signed contract waits for the claim only: refused, or too late to be worth anything.
    _S.SIGNED: frozenset({_S.DISBURSED, _S.REJECTED, _S.EXPIRED}),
    _S.DISBURSED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}


def check_transition(state: FinancingState, target: FinancingState) -> None:
    """Raises STATE_CONFLICT unless a financing may go from `state` to `target`."""
    if target not in TRANSITIONS[state]:
        raise HuilianError("STATE_CONFLICT", f"financing: {target} after {state}", state=state)


class LoanState(StrEnum):
    """Life of a loan, derived from its events.

    OVERDUE: something is owed after its due date. RECOURSE: the borrower was made to pay in the buyer's place, and owes
    more. CHARGED_OFF: the bank gave it up and takes what still comes in.
    """

    ACTIVE = "ACTIVE"
    OVERDUE = "OVERDUE"
    RECOURSE = "RECOURSE"
    CHARGED_OFF = "CHARGED_OFF"
    BOUGHT_BACK = "BOUGHT_BACK"
    CLOSED = "CLOSED"


class LoanAction(StrEnum):
    """What is done to a loan that does not simply run its course."""

    RECOURSE = "RECOURSE"
    BUY_BACK = "BUY_BACK"
    RESTRUCTURE = "RESTRUCTURE"
    CHARGE_OFF = "CHARGE_OFF"
    RECOVERY = "RECOVERY"
    CORRECTION = "CORRECTION"


_OWING = frozenset({LoanState.ACTIVE, LoanState.OVERDUE, LoanState.RECOURSE})
_LATE = frozenset({LoanState.OVERDUE, LoanState.RECOURSE})
ALLOWED_IN: Mapping[LoanAction, frozenset[LoanState]] = {
    # Nobody answers for a buyer who is not late yet.
    LoanAction.RECOURSE: _LATE,
    # A dispute or a dilution is reason enough before the due date.
    LoanAction.BUY_BACK: _OWING,
    LoanAction.RESTRUCTURE: _OWING,
    LoanAction.CHARGE_OFF: _LATE,
    LoanAction.RECOVERY: frozenset({LoanState.CHARGED_OFF}),
    # A closed loan has given back certificate and claim: it is not opened again by a correction.
    LoanAction.CORRECTION: _OWING,
}


def check_action(state: LoanState, action: LoanAction) -> None:
    """Raises STATE_CONFLICT unless this may be done to a loan in this state."""
    if state not in ALLOWED_IN[action]:
        raise HuilianError("STATE_CONFLICT", f"{action} of a loan that is {state}", state=state)


def check_exit(product: Product, action: LoanAction) -> None:
    """Raises STATE_CONFLICT unless loans of this product may end in this way."""
    if action.value not in product.exits:
        detail = f"{product.name_en}: no {action}, only {', '.join(product.exits)}"
        raise HuilianError("STATE_CONFLICT", detail, state="NOT_AN_EXIT_OF_PRODUCT")


@dataclass(frozen=True)
class DueLine:
    """What is to be paid on a due date, in fen."""

    due_date: date
    principal_fen: int
    interest_fen: int
    fee_fen: int

    @property
    def total_fen(self) -> int:
        """The three together."""
        return self.principal_fen + self.interest_fen + self.fee_fen


@dataclass(frozen=True)
class Quote:
    """What a loan costs when it is repaid by its schedule. Amounts in fen, rates as fractions.

    `fee_fen` is withheld at the start; the schedule has what falls due later, periodic fees included.
    """

    product_id: str
    principal_fen: int
    interest_fen: int
    fee_fen: int
    annual_rate: Decimal
    apr: Decimal
    value_date: date
    due_date: date
    schedule: tuple[DueLine, ...] = ()

    @property
    def due_fen(self) -> int:
        """What is repaid in all; the fee was withheld at the start."""
        return self.principal_fen + self.interest_fen + self._periodic_fen

    @property
    def cost_fen(self) -> int:
        """Interest and fees."""
        return self.interest_fen + self.fee_fen + self._periodic_fen

    @property
    def _periodic_fen(self) -> int:
        return sum(line.fee_fen for line in self.schedule)


QUOTE_COLUMNS = tuple(name for name in Quote.__dataclass_fields__ if name != "schedule")
"""What is stored of a quote: its schedule follows from the terms."""


def schedule_of(terms: Mapping[str, Any], principal_fen: int, value_date: date) -> tuple[DueLine, ...]:
    """Every due date of a principal drawn on `value_date`, with what falls due on it."""
    drawn: list[Event] = [Draw(sequence=0, value_date=value_date, amount_fen=principal_fen)]
    return schedule_after(terms, drawn, value_date)


def schedule_after(terms: Mapping[str, Any], events: Sequence[Event], day: date) -> tuple[DueLine, ...]:
    """Every due date after `day` of a loan with these events, with what falls due on it when all is paid in time.

    What is unpaid on `day` falls due on the first of them.
    """
    lines, paid = [], [*events]
    for period in project(read_terms(terms), events, day):
        if not period.projected:
            continue
        # Fees as the loan itself will charge them: on what is owed when everything is paid in time.
        charged = sum(int(fee.amount_fen) for fee in periodic_fees(terms, paid, period.end))
        line = DueLine(
            period.end, int(period.due.principal_fen), int(period.due.interest_fen), charged + int(period.due.fees_fen)
        )
        number = paid[-1].sequence + 1
        if charged:
            paid = [*paid, FeeCharged(sequence=number, value_date=period.end, amount_fen=charged)]
        paid = [*paid, Repay(sequence=number + 1, value_date=period.end, amount_fen=line.total_fen)]
        lines.append(line)
    return tuple(lines)


def quote(product: Product, principal_fen: int, annual_rate: Decimal, value_date: date, due_date: date) -> Quote:
    """The cost of a principal from `value_date` to `due_date`."""
    schedule = schedule_of(product.terms_of(annual_rate, value_date, due_date), principal_fen, value_date)
    fee_fen = product.fee_fen(principal_fen)
    flows = [
        CashFlow(value_date, principal_fen - fee_fen),
        *(CashFlow(line.due_date, -line.total_fen) for line in schedule),
    ]
    made = Quote(
        product_id=product.product_id,
        principal_fen=principal_fen,
        interest_fen=sum(line.interest_fen for line in schedule),
        fee_fen=fee_fen,
        annual_rate=annual_rate,
        apr=annual_percentage_rate(flows),
        value_date=value_date,
        due_date=due_date,
        schedule=schedule,
    )
    if made.cost_fen != total_cost_fen(flows):
        raise AssertionError("a quote's cost is what the borrower pays beyond what they get")
    return made


def no_price(principal_fen: int, value_date: date, due_date: date) -> Quote:
    """A rejected application has an amount and dates, but no price."""
    zero = Decimal(0)
    return Quote("", principal_fen, 0, 0, zero, zero, value_date, due_date)


def offered_anew(product: Product, before: Quote, due_date: date, today: date, now: datetime) -> dict[str, Any]:
    """The same loan from today on, as columns of its application: days that a person took are not charged for."""
    priced = quote(product, before.principal_fen, before.annual_rate, today, due_date)
    terms = product.terms_of(priced.annual_rate, today, due_date)
    return {"quote": priced, "terms": terms, "offer_expires_at": now + timedelta(minutes=product.offer_minutes)}


def most_principal_fen(product: Product, secured_fen: int) -> int:
    """The most that the product lends on a certificate of this amount: advance rate, rounded down to the fen."""
    advance = (product.advance_rate * secured_fen).to_integral_value(rounding=ROUND_FLOOR)
    return min(int(advance), product.most_amount_fen)


def principal_on_certificate(product: Product, wanted_fen: int, certificate_fen: int) -> int:
    """The principal of a financing; `wanted_fen` 0 asks for the most.

    Raises AMOUNT_EXCEEDS_RECEIVABLE above the advance rate, INVALID_ARGUMENT below the product's least amount.
    """
    most = most_principal_fen(product, certificate_fen)
    if wanted_fen > most:
        raise HuilianError("AMOUNT_EXCEEDS_RECEIVABLE", amount_fen=wanted_fen, available_fen=most)
    principal = wanted_fen or most
    if principal < product.least_amount_fen:
        raise HuilianError("INVALID_ARGUMENT", f"at least {product.least_amount_fen} fen", field="amount_fen")
    return principal


def check_term(product: Product, value_date: date, due_date: date) -> int:
    """Days of a loan's term. Raises TERM_TOO_LONG, or STATE_CONFLICT when what secures it falls due too soon."""
    days = (due_date - value_date).days
    if days < product.least_term_days:
        raise HuilianError("STATE_CONFLICT", f"{days} days to run", state="DUE")
    if days > product.most_term_days:
        latest = value_date + timedelta(days=product.most_term_days)
        raise HuilianError("TERM_TOO_LONG", latest=latest.isoformat())
    return days


def flash_limit_fen(product: Product, monthly_income_fen: int, income_multiple: Decimal) -> int:
    """A person's limit: so many months of income, in steps of 100 yuan, never above the product's."""
    by_income = income_multiple * monthly_income_fen
    steps = int((by_income / LIMIT_STEP_FEN).to_integral_value(rounding=ROUND_FLOOR))
    return min(steps * LIMIT_STEP_FEN, product.most_amount_fen)
