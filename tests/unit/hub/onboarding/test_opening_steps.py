"""Places are never given twice, and no step is ever half done; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from connectors.kit.sandbox_companies import drawn_companies
from hub.onboarding.opening_data import DocumentKind
from hub.onboarding.opening_rules import Finding
from hub.onboarding.opening_states import OpeningState
from hub.onboarding.store import VisitRow
from hub.onboarding.stored_openings import Opening
from hub.platform.database import Database
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.onboarding.opening_world import OPENING, OPERATOR, TUESDAY, OpeningWorld
from tests.unit.hub.onboarding.test_onboarding import USCC

S, K = OpeningState, DocumentKind
WEDNESDAY, FRIDAY = TUESDAY + timedelta(days=1), TUESDAY + timedelta(days=3)
MANY = 8


@pytest.fixture
def world(database: Database, clock: FixedClock) -> OpeningWorld:
    return OpeningWorld(database, clock)


async def crowd(world: OpeningWorld) -> list[tuple[str, str]]:
    """Applications of many enterprises, all passed: id and enterprise."""
    people = [(f"opening-{number:04d}", uscc) for number, uscc in enumerate(list(drawn_companies())[:MANY])]
    for application_id, uscc in people:
        await world.passed(application_id, uscc)
    return people


async def race(attempts: list[Callable[[], Awaitable[Opening]]]) -> list[Opening]:
    """All at once; those that were served."""

    async def one(attempt: Callable[[], Awaitable[Opening]]) -> Opening | None:
        try:
            return await attempt()
        except HuilianError as error:
            assert (error.code, error.params["state"]) == ("STATE_CONFLICT", "FULL")
            return None

    done = await asyncio.gather(*(asyncio.create_task(one(attempt)) for attempt in attempts))
    return [opening for opening in done if opening is not None]


async def test_a_place_is_never_given_twice(world: OpeningWorld) -> None:
    people = await crowd(world)
    wishes = [
        lambda who=who: world.book("10:00", branch="SB02", day=WEDNESDAY, application_id=who[0], uscc=who[1])
        for who in people
    ]
    served = await race(wishes)
    assert len(served) == 2
    assert sorted(opening.visit.place for opening in served if opening.visit) == [1, 2]
    left = [who for who in people if who[0] not in {opening.application_id for opening in served}]
    # Everybody who has a place moves away while the others ask again.
    moving = [
        lambda opening=opening: world.book(
            "14:00", branch="SB02", day=FRIDAY, application_id=opening.application_id, uscc=opening.uscc
        )
        for opening in served
    ]
    again = [
        lambda who=who: world.book("10:00", branch="SB02", day=WEDNESDAY, application_id=who[0], uscc=who[1])
        for who in left
    ]
    await race([*moving, *again])
    assert await VisitRow.filter(day=WEDNESDAY).count() <= 2
    assert await VisitRow.filter(day=FRIDAY).count() == 2


async def test_every_step_is_done_whole_or_not_at_all(world: OpeningWorld, clock: FixedClock) -> None:
    async def whole(work: Callable[[], Awaitable[object]]) -> None:
        before, records = await world.snapshot(), list(world.ledger.records)
        async for _ in break_at_each_statement(world.database, work):
            # The log's rows are the database's; the fake's are taken back by hand.
            world.ledger.records[:] = records
            assert await world.snapshot() == before

    await world.verified()
    await whole(world.start)
    for kind in K:
        if kind is not K.AUTHORISATION:
            await world.upload(kind)
    await whole(lambda: world.upload(K.ARTICLES, b"%PDF-1.7 new %%EOF"))
    await whole(world.submit)
    await whole(world.book)
    await whole(lambda: world.book("10:00"))
    await whole(lambda: world.run(lambda: world.visits.cancel(USCC, OPENING)))
    await world.book()
    clock.advance(timedelta(days=1))
    missing = [Finding("APPLICANT_ABSENT")]
    await whole(lambda: world.run(lambda: world.visits.miss(OPERATOR, OPENING, missing)))
    await world.book("14:00")
    await whole(world.complete)
    assert (await world.openings.get(USCC, OPENING)).state is S.OPENED


async def test_ending_is_done_whole_or_not_at_all(world: OpeningWorld, clock: FixedClock) -> None:
    await world.referred()
    before = await world.snapshot()
    records = list(world.ledger.records)
    async for _ in break_at_each_statement(
        world.database, lambda: world.run(lambda: world.reviews.review(OPERATOR, OPENING, None))
    ):
        world.ledger.records[:] = records
        assert await world.snapshot() == before
    await world.book()
    before, records = await world.snapshot(), list(world.ledger.records)
    async for _ in break_at_each_statement(
        world.database, lambda: world.run(lambda: world.openings.withdraw(USCC, OPENING))
    ):
        world.ledger.records[:] = records
        assert await world.snapshot() == before
    assert (await world.openings.get(USCC, OPENING)).state is S.WITHDRAWN
