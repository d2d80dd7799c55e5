"""What happens to loans and receivables reaches whom it concerns, in the transaction in which it happens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.lending.limits.desk import Parties
from hub.lending.products.definitions import RECEIVABLE_LOAN
from hub.notification.kinds import BANK
from hub.notification.service import Notifications
from hub.receivables.service import FrozenKind
from tests.unit.hub.lending import test_auctions as auctions
from tests.unit.hub.lending.test_clearing import AMOUNT, DUE
from tests.unit.hub.lending.test_collections import late
from tests.unit.hub.lending.test_impairments import disputed, frozen, lent_on
from tests.unit.hub.lending.test_referrals import decided, referred
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER, LendingWorld, move_to

pytestmark = pytest.mark.parametrize("database_maker", ["sqlite"], indirect=True)


@pytest.fixture
def told(world: LendingWorld) -> Notifications:
    """Listens to both logs of this world."""
    notifications = Notifications(world.database, world.clock, world.outbox)
    world.ledger.when_appended(notifications.recorded)
    world.trade.log.when_appended(notifications.recorded)
    return notifications


async def kinds(told: Notifications, party: str) -> list[str]:
    page, _ = await told.page(party, only_unread=False, size=200, token="")
    return sorted(one.kind for one in page.items)


async def test_a_late_buyer_is_told_to_all_and_every_step_of_collection(
    world: LendingWorld, told: Notifications
) -> None:
    await late(world, 7)
    for party in (BUYER, SUPPLIER, BANK):
        found = await kinds(told, party)
        assert found.count("COLLECTION_STEP") == 3 and found.count("RECEIVABLE_OVERDUE") == 1
    assert await kinds(told, SECOND_TIER) == []
    count = len(await kinds(told, BANK))
    await world.service.tick()
    assert len(await kinds(told, BANK)) == count
    assert "WARNING_RAISED" in await kinds(told, BUYER), "the buyer learns that it was warned of"
    assert "WARNING_RAISED" not in await kinds(told, SUPPLIER), "nobody else learns it"


async def test_a_holder_down_the_chain_learns_of_every_step_too(world: LendingWorld, told: Notifications) -> None:
    await world.held()
    passed_on = world.trade.service.certificates
    await world.run(lambda: passed_on.transfer(SUPPLIER, "certificate-1", "certificate-2", SECOND_TIER))
    await world.run(lambda: passed_on.accept(SECOND_TIER, "certificate-2"))
    move_to(world.clock, DUE + timedelta(days=7))
    await world.service.tick()
    assert (await kinds(told, SECOND_TIER)).count("COLLECTION_STEP_HELD") == 3
    for party in (BUYER, SUPPLIER, BANK):
        assert "COLLECTION_STEP_HELD" not in await kinds(told, party), "told as a party already"


async def test_a_funder_learns_what_is_done_about_what_it_lent_on(world: LendingWorld, told: Notifications) -> None:
    await auctions.awarded(world)
    await world.settle_outbox()
    assert await world.service.loans.of_certificate("certificate-1") is not None
    move_to(world.clock, DUE + timedelta(days=1))
    await world.service.tick()
    winner = (await world.service.loans.of_certificate("certificate-1")).record.funder
    assert (await kinds(told, str(winner))).count("COLLECTION_STEP_HELD") == 1


async def test_a_call_the_dispute_before_it_and_its_end_reach_the_borrower(
    world: LendingWorld, told: Notifications
) -> None:
    receivable, _ = await lent_on(world)
    await disputed(world, receivable)
    assert {"LOAN_CALLED", "RECEIVABLE_DISPUTED"} <= set(await kinds(told, SUPPLIER))
    assert "LOAN_CALLED" not in await kinds(told, BUYER)
    world.clock.advance(timedelta(days=11))
    await world.fund(SUPPLIER, 500_000)
    await world.service.tick()
    assert {"RECOURSE_TAKEN", "LOAN_CALL_MET"} <= set(await kinds(told, SUPPLIER)) & set(await kinds(told, BANK))


async def test_a_freeze_reaches_both_parties(world: LendingWorld, told: Notifications) -> None:
    await world.held()
    await frozen(world, "certificate-1", FrozenKind.CERTIFICATE)
    for party in (BUYER, SUPPLIER, BANK):
        assert "CERTIFICATE_FROZEN" in await kinds(told, party)


async def test_a_referral_reaches_the_desk_and_its_decision_the_applicant(
    world: LendingWorld, told: Notifications
) -> None:
    await referred(world)
    assert "REFERRAL_OPENED" in await kinds(told, BANK)
    assert "REFERRAL_DECIDED" not in await kinds(told, SUPPLIER)
    await decided(world)
    assert "REFERRAL_DECIDED" in await kinds(told, SUPPLIER)


async def test_a_limit_is_reached_once_a_day_and_a_persons_is_nobodys_business(
    world: LendingWorld, told: Notifications
) -> None:
    limits, limit = world.service.limits, f"{RECEIVABLE_LOAN}:{BUYER}"
    await world.run(lambda: limits.ensure(limit, AMOUNT))
    await world.run(lambda: limits.ensure("flash-loan:net-0001", AMOUNT))
    for number, fen in enumerate((AMOUNT * 89 // 100, AMOUNT // 100 + 1)):
        assert await kinds(told, BUYER) == []
        reference, parties = f"loan-{number}", Parties(RECEIVABLE_LOAN, BUYER, SUPPLIER)
        await world.run(
            lambda reference=reference, fen=fen, parties=parties: limits.block(limit, reference, fen, parties)
        )
    await world.run(lambda: limits.block("flash-loan:net-0001", "flash-1", AMOUNT))
    await world.run(lambda: limits.release_block("loan-1"))
    await world.run(lambda: limits.block(limit, "loan-1", AMOUNT // 50))
    assert await kinds(told, BUYER) == ["LIMIT_REACHED"] == await kinds(told, BANK)
