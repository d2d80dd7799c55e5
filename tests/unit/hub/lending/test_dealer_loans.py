"""Dealer loans: two consents, facts by hand, offer, rejection or a person, money, limits, races, no half-done step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from huilian_loans.schedule import add_months
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.lending.dealers.desk import DealerWish
from hub.lending.dealers.rules import DealerState, dealer_facts, dealer_limit_fen, window_start
from hub.lending.dealers.stored import DealerApplication
from hub.lending.decisions.tables import load_tables
from hub.lending.products.definitions import DEALER_LOAN, load_products, load_versions
from hub.lending.rules import LoanState
from hub.lending.warnings.desk import red_facts
from hub.platform.database import Database
from hub.receivables.service import Sale
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.world import BUYER, LendingWorld, refused
from tests.unit.hub.receivables import trade

pytestmark = ON_SQLITE

DEALER, LOAN = trade.DEALER, "dealer-loan-1"
PRODUCT = load_products()[DEALER_LOAN]
MONTH_FEN = 20_000_000
TODAY = date(2026, 3, 15)


def sales(months: int = 24, *, late: int = 0, unpaid: int = 0, last: int = MONTH_FEN, to: str = DEALER) -> list[Sale]:
    """One invoice a month up to the last full month, due in 30 days; the newest `late` were paid late."""
    made = []
    for number in range(months, 0, -1):
        issued = add_months(TODAY.replace(day=5), -number)
        due = issued + timedelta(days=10)
        paid = None if number <= unpaid else due + timedelta(days=3 if number <= late else -1)
        fen = last if number <= 3 else MONTH_FEN
        name = f"sale-{to[-4:]}-{number}"
        made.append(Sale(BUYER, name, 1, to, name, issued, due, fen, "paid" if paid else "posted", paid))
    return made


OTHERS = [replace(sale, amount_fen=5 * MONTH_FEN) for sale in sales(to=trade.SUPPLIER)]


async def known(world: LendingWorld, found: Sequence[Sale], *, consents: Sequence[str] = (BUYER, DEALER)) -> None:
    """The hub has read the core enterprise's sales; these parties consent."""
    world.trade.erps.sales = [*found, *OTHERS]
    desk = world.trade.service.sales
    pulled = await desk.pull(BUYER)
    await world.run(lambda: desk.take_in(pulled))
    for party in consents:
        await world.run(lambda party=party: desk.set_consent(party, BUYER, granted=True))


async def applied(world: LendingWorld, fen: int = 10_000_000, loan_id: str = LOAN) -> DealerApplication:
    return await world.run(lambda: world.service.dealers.apply(DEALER, DealerWish(loan_id, BUYER, fen, 90)))


async def signed(world: LendingWorld, loan_id: str = LOAN) -> DealerApplication:
    return await world.run(lambda: world.service.dealers.sign(DEALER, loan_id))


async def proposed(world: LendingWorld, operator: str = "operator-1", *, approve: bool = True) -> DealerApplication:
    return await world.run(lambda: world.service.dealers.propose(operator, LOAN, "经办意见", approve=approve))


async def reviewed(world: LendingWorld, operator: str = "operator-2", *, approve: bool = True) -> DealerApplication:
    return await world.run(lambda: world.service.dealers.review(operator, LOAN, "复核意见", approve=approve))


def asked(found: Sequence[Sale], **totals: int) -> dict[str, int]:
    return dealer_facts(found, {DEALER: 12 * MONTH_FEN, **totals}, DEALER, TODAY, amount_fen=1, overdue_loans=0)


def test_facts_by_hand() -> None:
    facts = asked(sales(14, late=2, unpaid=1, last=MONTH_FEN // 2), other=36 * MONTH_FEN)
    assert facts == {
        "amount_fen": 1,
        "months_of_history": 14,
        # Nine full months and three halves over twelve.
        "average_month_fen": MONTH_FEN * 21 // 24,
        "trend_percent": -50,
        "late_payments": 1,
        "unpaid_overdue": 1,
        "share_percent": 25,
        "applicant_overdue_loans": 0,
    }


def test_the_running_month_and_older_years_do_not_count() -> None:
    running = Sale(BUYER, "now", 1, DEALER, "now", date(2026, 3, 1), date(2026, 4, 1), 10**9, "posted", None)
    assert asked([*sales(24), running]) == asked(sales(24))
    assert window_start(TODAY) == date(2025, 3, 1)
    assert asked([])["months_of_history"] == 0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10**10)), max_size=30), st.integers(0, 10**13))
def test_facts_stay_in_bounds(bought: list[tuple[int, int]], others: int) -> None:
    found = [
        Sale(BUYER, f"s{n}", 1, DEALER, f"s{n}", add_months(date(2026, 3, 1), -ago), TODAY, fen, "posted", None)
        for n, (ago, fen) in enumerate(sorted(bought, reverse=True))
    ]
    own = sum(sale.amount_fen for sale in found if sale.issue_date >= window_start(TODAY))
    facts = dealer_facts(found, {DEALER: own, "other": others}, DEALER, TODAY, amount_fen=1, overdue_loans=0)
    assert 0 <= facts["share_percent"] <= 100 and facts["trend_percent"] >= -100
    assert facts["average_month_fen"] * 12 <= max(12 * own, 0)
    limit = dealer_limit_fen(PRODUCT, facts["average_month_fen"], Decimal(2))
    assert limit % 10_000 == 0 and limit <= min(PRODUCT.most_amount_fen, 2 * facts["average_month_fen"])
    load_tables().newest(DEALER_LOAN).decide(facts | red_facts())


async def test_offer_money_draw_repay(world: LendingWorld) -> None:
    await known(world, sales())
    offer = await applied(world)
    assert (offer.state, offer.limit_fen, offer.reasons) == (DealerState.OFFERED, 2 * MONTH_FEN, ())
    assert offer.quote.annual_rate == Decimal("0.0435") and len(offer.quote.schedule) == 3
    assert offer.terms["product_version"] == 2 and offer.terms["repayment"]["grace_days"] == 3
    assert (await world.service.limits.get(f"buyer:{BUYER}")).blocked_fen == 10_000_000
    assert (await signed(world)).state is DealerState.DISBURSED
    assert await world.balance(DEALER) == 10_000_000
    await world.draw(DEALER, 30_000_000, LOAN)
    await refused("LIMIT_EXCEEDED", world.draw(DEALER, 1, LOAN))
    assert (await world.service.limits.get(f"supplier:{DEALER}")).utilised_fen == 40_000_000
    loan = await world.repay(DEALER, 40_000_000, LOAN)
    assert (loan.state, loan.owed.total_fen) == (LoanState.ACTIVE, 0)
    await world.draw(DEALER, 5, LOAN)
    await world.check_books()
    await world.check_limits()
    await refused("STATE_CONFLICT", applied(world, loan_id="dealer-loan-2"))


async def test_a_matured_limit_ends_with_what_is_owed_also_by_a_back_dated_payment(world: LendingWorld) -> None:
    await known(world, sales())
    await applied(world)
    await signed(world)
    world.clock.advance(timedelta(days=100))
    await world.fund(DEALER, 1_000_000)
    paid = (await world.service.loans.get(DEALER, LOAN)).owed.total_fen
    taken = await world.repay(DEALER, int(paid) - 1, LOAN)
    assert (taken.state, taken.owed.total_fen) == (LoanState.OVERDUE, 1)
    day = taken.as_of
    await world.run(lambda: world.service.workouts.repay_back_dated(LOAN, DEALER, 1, day))
    assert (await world.service.loans.get(DEALER, LOAN)).state is LoanState.CLOSED, "it is matured: no more is drawn"


async def test_there_is_no_receivable_to_buy_back_and_no_buyer_to_answer_for(world: LendingWorld) -> None:
    await known(world, sales())
    await applied(world)
    await signed(world)
    await world.fund(DEALER, 1_000_000)
    world.clock.advance(timedelta(days=100))
    desk, before = world.service.workouts, await world.snapshot()
    for attempt in (lambda: desk.buy_back(LOAN, DEALER), lambda: desk.recourse(LOAN, 1)):
        error = await refused("STATE_CONFLICT", world.run(attempt))
        assert error.params["state"] == "NOT_AN_EXIT_OF_PRODUCT" and "CHARGE_OFF" in error.detail
    assert await world.snapshot() == before
    owed = (await world.service.loans.get(DEALER, LOAN)).owed.total_fen
    await world.repay(DEALER, int(owed), LOAN)
    await refused("STATE_CONFLICT", world.run(lambda: desk.charge_off(LOAN)))
    await world.check_books()


@pytest.mark.parametrize("consents", [(), (BUYER,), (DEALER,)])
async def test_nothing_is_looked_at_without_both_consents(world: LendingWorld, consents: Sequence[str]) -> None:
    await known(world, sales(), consents=consents)
    before = await world.snapshot()
    await refused("DECISION_DATA_MISSING", applied(world))
    assert await world.snapshot() == before


@ON_BOTH
async def test_a_consent_that_was_taken_back_counts_no_more(world: LendingWorld) -> None:
    await known(world, sales())
    await world.run(lambda: world.trade.service.sales.set_consent(BUYER, BUYER, granted=False))
    await refused("DECISION_DATA_MISSING", applied(world))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (sales(5), "HISTORY_TOO_SHORT"),
        (sales(late=5), "PAYS_LATE"),
        (sales(last=MONTH_FEN // 3), "PURCHASES_FELL"),
        ([replace(sale, amount_fen=500_000) for sale in sales()], "TURNOVER_TOO_LOW"),
    ],
)
async def test_rejections_say_why(world: LendingWorld, found: list[Sale], code: str) -> None:
    await known(world, found)
    application = await applied(world)
    assert application.state is DealerState.REJECTED and code in {reason.code for reason in application.reasons}
    assert (await world.service.decisions.replay(application.decision_id)).reasons == application.reasons


async def test_a_person_decides_and_never_one_alone(world: LendingWorld) -> None:
    await known(world, sales(late=2))
    application = await applied(world)
    assert (application.state, [reason.code for reason in application.reasons]) == (
        DealerState.REFERRED,
        ["SOME_PAID_LATE"],
    )
    await refused("STATE_CONFLICT", signed(world))
    await refused("STATE_CONFLICT", reviewed(world))
    await proposed(world)
    await refused("PERMISSION_DENIED", reviewed(world, "operator-1"))
    world.clock.advance(timedelta(days=2))
    offer = await reviewed(world)
    assert offer.state is DealerState.OFFERED and offer.quote.value_date == world.service.loans.today()
    assert (offer.review.proposed_by, offer.review.reviewed_by) == ("operator-1", "operator-2")
    await signed(world)
    report = await world.service.decisions.report(date(2026, 2, 1), date(2026, 12, 1))
    counted = {one.table: one for one in report}[DEALER_LOAN]
    assert (counted.total, counted.referred, counted.automatic_share) == (1, 1, Decimal("0.0000"))


@ON_BOTH
async def test_a_person_refuses(world: LendingWorld) -> None:
    await known(world, sales(late=2))
    await applied(world)
    await proposed(world, approve=False)
    refusal = await reviewed(world, approve=False)
    assert (refusal.state, refusal.reasons[-1].code) == (DealerState.REJECTED, "REVIEWED_AND_REFUSED")
    await refused("STATE_CONFLICT", proposed(world))


@ON_BOTH
async def test_exits_release_what_they_blocked(world: LendingWorld) -> None:
    await known(world, sales())
    await applied(world)
    await world.run(lambda: world.service.dealers.withdraw(DEALER, LOAN))
    await applied(world, loan_id="dealer-loan-2")
    world.clock.advance(timedelta(days=2))
    await refused("OFFER_EXPIRED", signed(world, "dealer-loan-2"))
    await world.service.tick()
    assert (await world.service.dealers.get(DEALER, "dealer-loan-2")).state is DealerState.EXPIRED
    assert (await world.service.limits.get(f"buyer:{BUYER}")).blocked_fen == 0
    await refused("NOT_FOUND", world.service.dealers.get(trade.SUPPLIER, "dealer-loan-2"))


@ON_BOTH
async def test_sales_come_again_changed_or_wrong(world: LendingWorld) -> None:
    await known(world, sales(6))
    desk, (first, *_) = world.trade.service.sales, sales(6)
    world.trade.erps.sales += [
        replace(first, version=2, state="cancelled"),
        replace(first, version=1),
        replace(first, document_id="sale-x", dealer_uscc="nobody"),
        replace(first, document_id="sale-y", core_uscc=DEALER),
    ]
    pulled = await desk.pull(BUYER)
    taken_in = await world.run(lambda: desk.take_in(pulled))
    assert (taken_in.imported, [name for name, _ in taken_in.rejected]) == (1, ["sale-x", "sale-y"])
    found, _ = await desk.history(BUYER, DEALER, date(2020, 1, 1))
    assert first.document_id not in {sale.document_id for sale in found} and len(found) == 5
    world.trade.erps.sales.append(replace(first, version=2, amount_fen=1))
    again = await desk.pull(BUYER)
    await refused("PROVIDER_FAULT", world.run(lambda: desk.take_in(again)))


Work = Callable[[], Awaitable[object]]


async def applying(world: LendingWorld) -> Work:
    await known(world, sales())
    return lambda: applied(world)


async def signing(world: LendingWorld) -> Work:
    await (await applying(world))()
    return lambda: signed(world)


async def withdrawing(world: LendingWorld) -> Work:
    await (await applying(world))()
    return lambda: world.run(lambda: world.service.dealers.withdraw(DEALER, LOAN))


async def reviewing(world: LendingWorld) -> Work:
    await known(world, sales(late=2))
    await applied(world)
    await proposed(world)
    return lambda: reviewed(world)


async def taking_in(world: LendingWorld) -> Work:
    world.trade.erps.sales = sales(2)
    pulled = await world.trade.service.sales.pull(BUYER)
    return lambda: world.run(lambda: world.trade.service.sales.take_in(pulled))


@pytest.mark.parametrize("scene", [applying, signing, withdrawing, reviewing, taking_in], ids=lambda one: one.__name__)
async def test_nothing_is_left_half_done(
    world: LendingWorld, database: Database, scene: Callable[[LendingWorld], Awaitable[Work]]
) -> None:
    work = await scene(world)
    before = await world.snapshot()
    async for number in break_at_each_statement(database, work):
        assert await world.snapshot() == before, f"statement {number} left something behind"
    assert await world.snapshot() != before
    await world.check_limits()


async def race(attempt: Callable[[int], Awaitable[object]]) -> int:
    async def one(number: int) -> bool:
        try:
            await attempt(number)
        except HuilianError:
            return False
        return True

    return sum(await asyncio.gather(*(asyncio.create_task(one(number)) for number in range(64))))


@ON_BOTH
async def test_64_applications_signatures_and_draws(world: LendingWorld) -> None:
    await known(world, sales())
    assert await race(lambda number: applied(world, loan_id=f"dealer-loan-{number}")) == 1
    row = (await world.service.dealers.list_own(DEALER, 10, "")).items[0]
    assert await race(lambda number: signed(world, row.loan_id)) == 1
    assert await race(lambda number: world.draw(DEALER, 1_000_000, row.loan_id)) == 30
    assert await world.balance(DEALER) == 40_000_000
    await world.check_books()
    await world.check_limits()


def test_two_versions_live_side_by_side() -> None:
    versions = [product for product in load_versions() if product.product_id == DEALER_LOAN]
    assert [(one.version, one.terms["repayment"]["kind"]) for one in versions] == [(1, "bullet"), (2, "interest_only")]
    assert PRODUCT is not versions[0] and PRODUCT.version == 2
