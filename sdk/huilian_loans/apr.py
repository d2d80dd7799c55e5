"""Annual percentage rate and total cost of a loan, for the person to see before signing.

中国人民银行公告〔2021〕第3号 asks every lender to show the annualised rate of all that a loan costs, over the principal
that the borrower really has in hand. It is computed here as the internal rate of return (compound, days / 365), the
way of the annex to that notice and of directive 2008/48/EC, annex I.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal

_CONTEXT = Context(prec=34)
_APR_QUANTUM = Decimal("0.000001")
_HIGHEST_RATE = Decimal(1000)
_STEPS = 80


@dataclass(frozen=True)
class CashFlow:
    """Money that moves on a day, in fen, from the borrower's side: received > 0, paid < 0."""

    day: date
    amount_fen: int


def total_cost_fen(flows: Sequence[CashFlow]) -> int:
    """What the borrower pays more than they receive."""
    return -sum(flow.amount_fen for flow in flows)


def annual_percentage_rate(flows: Sequence[CashFlow]) -> Decimal:
    """The rate r at which the flows, each divided by (1 + r)^(days / 365), sum to zero; six decimals (0.035999).

    Flows must start with money received and cost something or nothing; raises ValueError otherwise, and when the rate
    is above 100,000 % (an input error, not a loan).
    """
    if not flows or flows[0].amount_fen <= 0 or total_cost_fen(flows) < 0:
        raise ValueError("a loan starts with money received and does not pay the borrower")
    if _present_value(flows, _HIGHEST_RATE) < 0:
        raise ValueError("no rate below the highest explains these flows")
    low, high = Decimal(0), _HIGHEST_RATE
    for _ in range(_STEPS):
        middle = _CONTEXT.divide(_CONTEXT.add(low, high), Decimal(2))
        if _present_value(flows, middle) < 0:
            low = middle
        else:
            high = middle
    return high.quantize(_APR_QUANTUM, rounding=ROUND_HALF_UP)


def _present_value(flows: Sequence[CashFlow], rate: Decimal) -> Decimal:
    value = Decimal(0)
    for flow in flows:
        years = _CONTEXT.divide(Decimal((flow.day - flows[0].day).days), Decimal(365))
        discount = _CONTEXT.power(_CONTEXT.add(Decimal(1), rate), years)
        value = _CONTEXT.add(value, _CONTEXT.divide(Decimal(flow.amount_fen), discount))
    return value
