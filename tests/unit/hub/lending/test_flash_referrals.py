"""A flash loan that the table leaves to a person: offered on the recorded facts, refused, too late, erased."""

from __future__ import annotations

import json
from datetime import timedelta

from hub.lending.erasure import LendingErasure
from hub.lending.flash.rules import SOCIAL
from hub.lending.flash.stored import FlashApplication, FlashState
from hub.lending.referrals.stored import ReferralState
from hub.lending.store import ReferralRow
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_SQLITE
from tests.unit.hub.lending.test_flash import GOOD_INCOME
from tests.unit.hub.lending.world import Citizen, LendingWorld, refused

pytestmark = ON_SQLITE
AMOUNT, ID = 2_000_000, "application-1"


async def referred(world: LendingWorld, amount_fen: int = AMOUNT) -> tuple[Citizen, FlashApplication]:
    """Social insurance knows of 7,000 yuan a month, the others of some 18,500."""
    citizen = world.borrower()
    world.sources.answers[SOCIAL] = {**GOOD_INCOME[SOCIAL], "base_fen": 700_000}
    return citizen, await world.applied(citizen, amount_fen)


async def decide(world: LendingWorld, operator: str = "operator-1", *, approve: bool = True) -> None:
    await world.run(lambda: world.service.referrals.decide(operator, ID, "已核实工资流水", approve=approve))


async def told(world: LendingWorld, citizen: Citizen) -> list[tuple[str, str, str]]:
    """The person's inbox: kind, what it is about, and the Chinese text."""
    page = await world.inbox.page(citizen.subject, "", 50)
    return [(item["kind"], item["object_id"], item["title_zh"]) for notice in page.notices for item in notice.items]


async def test_incomes_that_differ_wait_for_a_person_and_nothing_is_offered(world: LendingWorld) -> None:
    citizen, application = await referred(world)
    assert (application.state, application.contract, application.limit_fen) == (FlashState.REFERRED, b"", 0)
    assert [reason.code for reason in application.reasons] == ["INCOME_SOURCES_DIFFER"]
    assert "转人工" in application.reasons[0].text_zh
    await refused("STATE_CONFLICT", world.sign(citizen, citizen.device.sign(bytes(32)), ID))
    assert (await world.service.referrals.get(ID)).applicant == citizen.subject


async def test_approved_it_is_an_offer_on_the_recorded_facts_and_is_paid_out(world: LendingWorld) -> None:
    citizen, _ = await referred(world)
    # What the source says meanwhile changes nothing: the decision replays on what was recorded.
    world.sources.answers[SOCIAL] = GOOD_INCOME[SOCIAL]
    world.clock.advance(timedelta(days=2))
    before = await world.snapshot()
    async for _ in break_at_each_statement(world.database, lambda: decide(world)):
        assert await world.snapshot() == before
    [(kind, about, said)] = await told(world, citizen)
    assert (kind, about) == ("FLASH_LOAN_OFFERED", ID) and "通过" in said
    offer = await world.service.flash.get(citizen.subject, ID)
    text = json.loads(offer.contract)
    assert (offer.state, text["principal_fen"]) == (FlashState.OFFERED, AMOUNT)
    # Five times the least income, today's day as the first.
    assert (offer.limit_fen, text["value_date"]) == (3_500_000, world.service.loans.today().isoformat())
    world.clock.advance(timedelta(hours=23))
    signed = await world.sign(citizen, citizen.device.sign(offer.challenge), ID)
    assert signed.state is FlashState.DISBURSED
    assert await world.balance(citizen.subject) == AMOUNT
    await world.check_books()


async def test_refused_it_says_so_and_a_large_one_needs_two_persons(world: LendingWorld) -> None:
    citizen, _ = await referred(world, 10_000_000)
    await decide(world, approve=False)
    assert (await world.service.flash.get(citizen.subject, ID)).state is FlashState.REFERRED
    assert await told(world, citizen) == [], "one operator proposed; nothing is decided"
    await refused("PERMISSION_DENIED", decide(world, approve=False))
    await decide(world, "operator-2", approve=False)
    refusal = await world.service.flash.get(citizen.subject, ID)
    assert refusal.state is FlashState.REJECTED
    assert [kind for kind, *_ in await told(world, citizen)] == ["FLASH_LOAN_REJECTED"]
    assert [reason.code for reason in refusal.reasons] == ["INCOME_SOURCES_DIFFER", "REVIEWED_AND_REFUSED"]
    await refused("STATE_CONFLICT", decide(world, "operator-3"))


async def test_nobody_decides_on_evidence_of_last_week(world: LendingWorld) -> None:
    citizen, _ = await referred(world)
    world.clock.advance(timedelta(days=7))
    assert await world.service.flash.expire() == 1
    assert await world.service.flash.expire() == 0
    assert (await world.service.flash.get(citizen.subject, ID)).state is FlashState.EXPIRED
    assert (await world.service.referrals.get(ID)).state is ReferralState.ENDED
    assert [kind for kind, *_ in await told(world, citizen)] == ["FLASH_LOAN_EXPIRED"]
    await refused("STATE_CONFLICT", decide(world))


async def test_who_borrowed_meanwhile_is_offered_no_second_loan(world: LendingWorld) -> None:
    citizen, _ = await referred(world)
    world.sources.answers[SOCIAL] = GOOD_INCOME[SOCIAL]
    offer = await world.applied(citizen, AMOUNT, "application-2")
    await world.sign(citizen, citizen.device.sign(offer.challenge), "application-2")
    await refused("STATE_CONFLICT", decide(world))
    assert (await world.service.flash.get(citizen.subject, ID)).state is FlashState.REFERRED


async def test_erased_nothing_of_it_is_left_to_decide(world: LendingWorld) -> None:
    citizen, _ = await referred(world)
    await world.run(lambda: LendingErasure(world.database).erase(citizen.subject))
    assert await ReferralRow.filter(applicant=citizen.subject).count() == 0
    await refused("NOT_FOUND", decide(world))
