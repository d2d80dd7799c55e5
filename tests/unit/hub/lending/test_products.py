"""Products as data: plans, grace, fees and versions reach the quote, the contract and the loan's whole life."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from huilian_loans import CashFlow, Kind, annual_percentage_rate
from huilian_loans.documents import read_terms
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.lending import rulebook
from hub.lending.loans.desk import Opening
from hub.lending.products.definitions import FOLDER, RECEIVABLE_LOAN, Product, load_products, load_versions
from hub.lending.rules import LoanState, Quote, quote
from tests.unit.hub.lending.world import SUPPLIER, LendingWorld, move_to

START = date(2026, 3, 2)
NUMBERS = itertools.count(1)


def made(folder: Path, version: int = 1, **changes: Any) -> Product:
    """The receivable loan with other terms."""
    raw = json.loads((FOLDER / f"{RECEIVABLE_LOAN}.json").read_text(encoding="utf-8"))
    raw["version"] = version
    for name, value in changes.items():
        where = next(part for part in (raw, raw["terms"], raw["terms"]["repayment"]) if name in part)
        where[name] = value
    (folder / f"{version}.json").write_text(json.dumps(raw), encoding="utf-8")
    return load_products(folder)[RECEIVABLE_LOAN]


PLANS = [("bullet", 0), ("equal_instalment", 1), ("equal_principal", 1), ("interest_only", 3)]
RATE = Decimal("0.06")


@pytest.mark.parametrize(("kind", "months"), PLANS)
@pytest.mark.parametrize("periodic", ["0", "0.0005"])
def test_a_quote_is_its_schedule(tmp_path: Path, kind: str, months: int, periodic: str) -> None:
    product = made(tmp_path, kind=kind, every_months=months, periodic_fee_rate=periodic)
    for days, fen in itertools.product([1, 29, 200, 365], [10_000, 1_234_567]):
        priced = quote(product, fen, RATE, START, START + timedelta(days=days))
        assert sum(line.principal_fen for line in priced.schedule) == fen
        assert sum(line.total_fen for line in priced.schedule) == priced.due_fen
        assert priced.cost_fen == priced.due_fen + priced.fee_fen - fen
        assert priced.schedule[-1].due_date == priced.due_date
        assert (len(priced.schedule) == 1) == (kind == Kind.BULLET or days < 30 * months)
        flows = [CashFlow(START, fen - priced.fee_fen)]
        flows += [CashFlow(line.due_date, -line.total_fen) for line in priced.schedule]
        assert priced.apr == annual_percentage_rate(flows)


@settings(max_examples=25, deadline=None)
@given(
    fen=st.integers(10_000, 10**9),
    days=st.integers(1, 365),
    plan=st.sampled_from(PLANS),
    rate=st.decimals(Decimal("0.001"), Decimal("0.24"), places=4),
    fee=st.sampled_from(["0", "0.0001", "0.0033"]),
)
def test_every_quote_adds_up(
    tmp_path_factory: pytest.TempPathFactory, fen: int, days: int, plan: tuple[str, int], rate: Decimal, fee: str
) -> None:
    product = made(tmp_path_factory.mktemp("product"), kind=plan[0], every_months=plan[1], periodic_fee_rate=fee)
    priced = quote(product, fen, rate, START, START + timedelta(days=days))
    assert sum(line.principal_fen for line in priced.schedule) == fen
    assert sum(line.interest_fen for line in priced.schedule) == priced.interest_fen
    assert all(min(line.principal_fen, line.interest_fen, line.fee_fen) >= 0 for line in priced.schedule)
    assert [line.due_date for line in priced.schedule] == sorted({line.due_date for line in priced.schedule})


def test_equal_instalments_are_equal(tmp_path: Path) -> None:
    product = made(tmp_path, kind="equal_instalment", every_months=1)
    priced = quote(product, 1_200_000, RATE, START, date(2027, 3, 2))
    *first, last = [line.total_fen for line in priced.schedule]
    assert len(first) == 11 and len(set(first)) == 1 and abs(last - first[0]) < 100


async def borrowed(world: LendingWorld, product: Product, priced: Quote) -> str:
    """A loan by this quote, as a desk opens it."""
    loan_id, fen = f"loan-{next(NUMBERS)}", priced.principal_fen
    terms = product.terms_of(priced.annual_rate, priced.value_date, priced.due_date)

    async def work() -> None:
        await world.service.limits.ensure("test:limit", 10**12)
        await world.service.limits.draw("test:limit", loan_id, fen)
        opening = Opening(loan_id, SUPPLIER, False, False, terms, fen, fen, priced.fee_fen)
        await world.service.loans.open(opening, evidence={})

    await world.run(work)
    return loan_id


def on(world: LendingWorld, day: date) -> None:
    move_to(world.clock, datetime(day.year, day.month, day.day, 4, tzinfo=UTC))


@pytest.mark.parametrize(("kind", "months"), PLANS)
async def test_a_loan_paid_by_its_schedule_costs_what_was_quoted(
    world: LendingWorld, tmp_path: Path, kind: str, months: int
) -> None:
    product = made(tmp_path, kind=kind, every_months=months, periodic_fee_rate="0.0005")
    start = world.service.loans.today()
    priced = quote(product, 1_000_000, RATE, start, start + timedelta(days=200))
    loan_id = await borrowed(world, product, priced)
    await world.fund(SUPPLIER, 100_000)
    for line in priced.schedule:
        on(world, line.due_date)
        loan = await world.repay(SUPPLIER, line.total_fen, loan_id)
        await world.check_books()
    assert loan.state is LoanState.CLOSED
    assert await world.balance(SUPPLIER) == 1_100_000 - priced.fee_fen - priced.due_fen
    on(world, priced.due_date + timedelta(days=90))
    assert (await world.service.loans.get(SUPPLIER, loan_id)).owed.total_fen == 0


async def test_a_payoff_quote_knows_the_fees_to_come(world: LendingWorld, tmp_path: Path) -> None:
    product = made(tmp_path, kind="interest_only", every_months=1, periodic_fee_rate="0.001")
    start = world.service.loans.today()
    priced = quote(product, 1_000_000, RATE, start, start + timedelta(days=180))
    loan_id = await borrowed(world, product, priced)
    day = start + timedelta(days=100)
    quoted = await world.service.loans.payoff(SUPPLIER, loan_id, day)
    assert quoted.fees_fen == 3_000
    await world.fund(SUPPLIER, 100_000)
    on(world, day)
    assert (await world.service.loans.get(SUPPLIER, loan_id)).owed == quoted
    loan = await world.repay(SUPPLIER, int(quoted.total_fen), loan_id)
    assert (loan.state, loan.owed.total_fen) == (LoanState.CLOSED, 0)
    await world.check_books()


async def test_days_of_grace_bear_no_penalty(world: LendingWorld, tmp_path: Path) -> None:
    start = world.service.loans.today()
    owed = {}
    for grace in (0, 5):
        product = made(tmp_path, grace_days=grace)
        priced = quote(product, 1_000_000, RATE, start, start + timedelta(days=30))
        loan_id = await borrowed(world, product, priced)
        for days in (35, 40):
            payoff = await world.service.loans.payoff(SUPPLIER, loan_id, start + timedelta(days=days))
            owed[grace, days] = int(payoff.interest_fen)
    # 6 % of 10,000 yuan, ACT/360: 166.67 fen a day; the penalty is half of it again, for 5 and 10 days or the last 5.
    assert owed == {(5, 35): 5_833, (0, 35): 6_250, (5, 40): 7_083, (0, 40): 7_500}


async def test_an_old_loan_keeps_the_terms_of_its_version(world: LendingWorld, tmp_path: Path) -> None:
    start = world.service.loans.today()
    first = made(tmp_path, 1, penalty_multiplier="1.5")
    old = await borrowed(world, first, quote(first, 1_000_000, RATE, start, start + timedelta(days=30)))
    second = made(tmp_path, 2, penalty_multiplier="1.3", kind="equal_principal", every_months=1)
    assert [product.version for product in load_versions(tmp_path)] == [1, 2]
    new = await borrowed(world, second, quote(second, 1_000_000, RATE, start, start + timedelta(days=30)))
    late = start + timedelta(days=40)
    interest = [int((await world.service.loans.payoff(SUPPLIER, each, late)).interest_fen) for each in (old, new)]
    assert interest == [7_500, 7_167]
    assert [(await world.service.loans.get(SUPPLIER, each)).record.terms["product_version"] for each in (old, new)] == [
        1,
        2,
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "weekly"},
        {"kind": "equal_principal", "every_months": 0},
        {"grace_days": -1},
        {"prepayment": "forbidden"},
        {"periodic_fee_rate": "0.01"},
        {"periodic_fee_rate": "0.001", "fee_rate": "0", "waterfall": ["interest", "fees", "principal"]},
    ],
    ids=str,
)
def test_a_product_that_cannot_be_kept_stops_the_start(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="json"):
        made(tmp_path, **changes)


@given(st.sampled_from(load_versions()), st.dates(date(2026, 1, 1), date(2030, 12, 31)), st.integers(1, 365))
def test_every_term_of_every_product_makes_a_plan(product: Product, start: date, days: int) -> None:
    """Also those that end within the days of grace of their last due date."""
    plan = read_terms(product.terms_of(Decimal("0.05"), start, start + timedelta(days=days))).plan
    if plan is not None:
        assert plan.due_dates[-1] == start + timedelta(days=days)
        assert all((later - earlier).days > plan.grace_days for earlier, later in pairwise(plan.due_dates))


def test_a_version_stands_once(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "again.json").write_bytes((tmp_path / "1.json").read_bytes())
    with pytest.raises(ValueError, match="once"):
        load_versions(tmp_path)


def test_the_page_of_products_and_tables_is_what_the_data_say() -> None:
    written = (Path(__file__).parents[4] / "docs" / "products.md").read_text("utf-8")
    assert written == rulebook.page(), "run: python -m hub.lending.rulebook > docs/products.md"
    for one in load_versions():
        assert f"`{one.product_id}/{one.version}`" in written
