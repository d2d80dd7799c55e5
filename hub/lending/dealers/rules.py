"""The dealer loan (经销商融资): from what a dealer bought, and how it paid, to facts and a limit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from huilian_loans.schedule import add_months
from huilian_protocol.errors import HuilianError

from hub.lending.products.definitions import Product
from hub.lending.rules import LIMIT_STEP_FEN
from hub.receivables.service import Sale

MONTHS = 12
"""The window: so many full calendar months before the running one."""
LONGEST_HISTORY = 120


class DealerState(StrEnum):
    """Life of an application; REFERRED waits for a person."""

    REFERRED = "REFERRED"
    OFFERED = "OFFERED"
    DISBURSED = "DISBURSED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


_S = DealerState
TRANSITIONS: Mapping[DealerState, frozenset[DealerState]] = {
    _S.REFERRED: frozenset({_S.OFFERED, _S.REJECTED, _S.WITHDRAWN}),
    _S.OFFERED: frozenset({_S.DISBURSED, _S.EXPIRED, _S.WITHDRAWN}),
    _S.DISBURSED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}


def check_transition(state: DealerState, target: DealerState) -> None:
    """Raises STATE_CONFLICT unless an application may go from `state` to `target`."""
    if target not in TRANSITIONS[state]:
        raise HuilianError("STATE_CONFLICT", f"dealer loan: {target} after {state}", state=state)


def window_start(today: date) -> date:
    """The first day of the twelve full months that count."""
    return add_months(today.replace(day=1), -MONTHS)


def dealer_facts(
    purchases: Sequence[Sale],
    totals_fen: Mapping[str, int],
    dealer: str,
    today: date,
    *,
    amount_fen: int,
    overdue_loans: int,
) -> dict[str, int]:
    """What the decision table is asked about. `totals_fen` is what every dealer bought since `window_start`.

    History is counted in full months since the first purchase; the average is over the months of the window that have
    history; the trend compares the last three full months with the three before, in percent, rounded down.
    """
    this_month = today.replace(day=1)
    past = [sale for sale in purchases if sale.issue_date < this_month]
    history = min(_months(past[0].issue_date, this_month), LONGEST_HISTORY) if past else 0
    counted = [sale for sale in past if sale.issue_date >= window_start(today)]
    bought_fen = sum(sale.amount_fen for sale in counted)
    all_fen, own_fen = sum(totals_fen.values()), totals_fen.get(dealer, 0)
    return {
        "amount_fen": amount_fen,
        "months_of_history": history,
        "average_month_fen": bought_fen // min(history, MONTHS) if history else 0,
        "trend_percent": _trend(past, this_month),
        "late_payments": sum(sale.paid_on is not None and sale.paid_on > sale.due_date for sale in counted),
        "unpaid_overdue": sum(sale.paid_on is None and sale.due_date < today for sale in purchases),
        "share_percent": own_fen * 100 // all_fen if all_fen else 0,
        "applicant_overdue_loans": overdue_loans,
    }


def dealer_limit_fen(product: Product, average_month_fen: int, month_multiple: Decimal) -> int:
    """The limit: so many average months, in steps of 100 yuan, never above the product's."""
    steps = (month_multiple * average_month_fen / LIMIT_STEP_FEN).to_integral_value(rounding=ROUND_FLOOR)
    return min(int(steps) * LIMIT_STEP_FEN, product.most_amount_fen)


def _months(first: date, until: date) -> int:
    return (until.year - first.year) * 12 + until.month - first.month


def _trend(past: Sequence[Sale], this_month: date) -> int:
    middle, begin = add_months(this_month, -3), add_months(this_month, -6)
    last_fen = sum(sale.amount_fen for sale in past if sale.issue_date >= middle)
    before_fen = sum(sale.amount_fen for sale in past if begin <= sale.issue_date < middle)
    return (last_fen - before_fen) * 100 // before_fen if before_fen else 0
