"""An account is closed: from that day runs the term for which its documents are kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from huilian_protocol.clock import FixedClock

from hub.onboarding.closings import Closings
from hub.onboarding.opening_rules import years_before
from hub.onboarding.stored_openings import Opening
from hub.platform.business_day import business_date
from hub.platform.database import Database
from tests.support.databases import DatabaseMaker
from tests.support.postgres import PostgresServer
from tests.unit.hub.onboarding.opening_world import OPENING, OpeningWorld, file_of
from tests.unit.hub.onboarding.test_onboarding import refused
from tests.unit.hub.onboarding.test_openings import DAY, K, S


def _none() -> PostgresServer:
    raise AssertionError("races run on PostgreSQL elsewhere")


@pytest.fixture
def database_packages() -> list[str]:
    return ["hub.platform", "hub.onboarding"]


@pytest.fixture(scope="module")
def database_maker(tmp_path_factory: pytest.TempPathFactory) -> DatabaseMaker:
    folder: Path = tmp_path_factory.mktemp("openings")
    return DatabaseMaker("sqlite", folder, _none)


@pytest.fixture
def world(database: Database, clock: FixedClock) -> OpeningWorld:
    return OpeningWorld(database, clock)


async def test_from_the_closing_runs_the_term_for_which_documents_are_kept(
    world: OpeningWorld, clock: FixedClock, database: Database
) -> None:
    closings = Closings(world.files)

    async def close(day: date) -> Opening:
        async with database.transaction():
            return await closings.close("operator.li", OPENING, day)

    await world.booked()
    today = business_date(clock.now())
    await refused("STATE_CONFLICT", close(today))
    clock.advance(DAY)
    await world.complete()
    opened = business_date(clock.now())
    clock.advance(30 * DAY)
    closed = business_date(clock.now())
    for day in (opened - DAY, closed + DAY):
        await refused("INVALID_ARGUMENT", close(day))
    assert (await close(closed)).closed_on == closed
    assert (await close(closed)).closed_on == closed
    await refused("STATE_CONFLICT", close(closed - DAY))
    while business_date(clock.now()) < closed.replace(year=closed.year + 10):
        clock.advance(DAY)
    assert await world.openings.clear_away() == 0, "ten years to the day"
    assert await world.reviews.content(OPENING, K.ARTICLES) == file_of(K.ARTICLES)
    clock.advance(DAY)
    assert await world.openings.clear_away() == 1
    await refused("NOT_FOUND", world.reviews.content(OPENING, K.ARTICLES))
    ended = await world.openings.get(None, OPENING)
    assert (ended.state, ended.closed_on, ended.destroyed_at) == (S.OPENED, closed, clock.now())
    assert await world.openings.clear_away() == 0


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2036, 2, 29), date(2026, 2, 28)),
        (date(2036, 3, 1), date(2026, 3, 1)),
        (date(2046, 2, 28), date(2036, 2, 28)),
    ],
)
def test_ten_years_before(day: date, before: date) -> None:
    assert years_before(day, 10) == before
