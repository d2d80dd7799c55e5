from datetime import date
from decimal import Decimal

import pytest
from huilian_loans import CashFlow, annual_percentage_rate, total_cost_fen


def flows(*pairs: tuple[str, int]) -> list[CashFlow]:
    return [CashFlow(date.fromisoformat(day), amount) for day, amount in pairs]


def test_a_year_later_the_rate_is_the_interest() -> None:
    bullet = flows(("2025-01-01", 10_000), ("2026-01-01", -11_200))
    assert annual_percentage_rate(bullet) == Decimal("0.120000")
    assert total_cost_fen(bullet) == 1_200


def test_two_payments_solved_by_the_quadratic_formula() -> None:
    """1000 lent, 600 back after one year and after two: 1000 = 600 v + 600 v², so 13.0662 % (98/7/EC, example 3)."""
    two_payments = flows(("2025-01-01", 100_000), ("2026-01-01", -60_000), ("2027-01-01", -60_000))
    assert annual_percentage_rate(two_payments) == Decimal("0.130662")


def test_an_upfront_fee_costs_more_than_the_same_fee_at_the_end() -> None:
    upfront = annual_percentage_rate(flows(("2025-01-01", 9_900), ("2025-07-01", -10_000)))
    at_end = annual_percentage_rate(flows(("2025-01-01", 10_000), ("2025-07-01", -10_100)))
    assert upfront > at_end > 0


def test_a_loan_that_costs_nothing_has_rate_zero() -> None:
    assert annual_percentage_rate(flows(("2025-01-01", 500), ("2025-05-01", -500))) == 0


@pytest.mark.parametrize(
    "bad",
    [
        [],
        flows(("2025-01-01", -5), ("2025-02-01", 5)),
        flows(("2025-01-01", 500), ("2025-02-01", -400)),
        flows(("2025-01-01", 1), ("2025-01-02", -100_000)),
    ],
)
def test_flows_that_are_not_a_loan(bad: list[CashFlow]) -> None:
    with pytest.raises(ValueError, match=r"rate|loan"):
        annual_percentage_rate(bad)
