"""How long an application's documents are kept, and what destroys them: withdrawal, time, the term after a closing."""

from __future__ import annotations

from datetime import date

import hypothesis.strategies as st
import pytest
from huilian_protocol.clock import FixedClock
from hypothesis import example, given

from hub.onboarding.closings import Closings
from hub.onboarding.opening_data import opening_data
from hub.onboarding.opening_rules import kept_until, years_before
from hub.onboarding.store import OpeningDocumentRow, VisitRow
from hub.onboarding.stored_openings import Opening
from hub.platform.business_day import business_date
from hub.platform.database import Database
from tests.support.databases import ON_SQLITE
from tests.unit.hub.onboarding.opening_world import OPENING, OPERATOR, OpeningWorld, file_of
from tests.unit.hub.onboarding.test_onboarding import GOOD, USCC, refused
from tests.unit.hub.onboarding.test_openings import DAY, OTHER, K, S

pytestmark = ON_SQLITE


@pytest.fixture
def world(database: Database, clock: FixedClock) -> OpeningWorld:
    return OpeningWorld(database, clock)


async def test_documents_are_encrypted_and_withdrawing_destroys_them(
    world: OpeningWorld, caplog: pytest.LogCaptureFixture
) -> None:
    await world.passed()
    assert await world.reviews.content(OPENING, K.ARTICLES) == file_of(K.ARTICLES)
    await world.run(lambda: world.reviews.note_reading(OPERATOR, OPENING, K.ARTICLES, "request-1"))
    assert world.ledger.records[-1] == ("opening.read", f"opening-read:{OPENING}:{OPERATOR}:request-1")
    rows = await OpeningDocumentRow.all()
    assert all(b"%PDF" not in bytes(row.content or b"") for row in rows)
    kept = [bytes(row.content or b"") for row in rows]
    withdrawn = await world.run(lambda: world.openings.withdraw(USCC, OPENING))
    assert withdrawn.state is S.WITHDRAWN and withdrawn.destroyed_at is not None
    assert [row.content for row in await OpeningDocumentRow.all()] == [None] * 4
    # Nor does what somebody copied before: the key is gone.
    for copy in kept:
        await refused("NOT_FOUND", world.vault.decrypt_for_subject(f"opening:{OPENING}", copy))
    await refused("NOT_FOUND", world.reviews.content(OPENING, K.ARTICLES))
    await refused(
        "NOT_FOUND", world.run(lambda: world.reviews.note_reading(OPERATOR, OPENING, K.ARTICLES, "request-2"))
    )
    await refused("STATE_CONFLICT", world.run(lambda: world.openings.withdraw(USCC, OPENING)))
    assert "沙盒机密" not in caplog.text + repr(world.ledger.records)
    # The enterprise may begin anew.
    assert (await world.start("opening-0002")).state is S.DRAFT


async def test_what_nobody_went_on_with_ends_and_what_was_refused_is_destroyed(
    world: OpeningWorld, clock: FixedClock
) -> None:
    await world.uploaded()
    world.registry.entry = None
    await world.submit()
    world.registry.entry = GOOD
    await world.uploaded("opening-0002", OTHER)
    clock.advance(29 * DAY)
    assert await world.openings.clear_away() == 0
    clock.advance(2 * DAY)
    assert await world.openings.clear_away() == 1
    await refused("NOT_FOUND", world.reviews.content(OPENING, K.ARTICLES))
    assert await world.reviews.content("opening-0002", K.ARTICLES) == file_of(K.ARTICLES, OTHER)
    clock.advance(60 * DAY)
    assert await world.openings.clear_away() == 1
    ended = await world.openings.get(None, "opening-0002")
    assert (ended.state, ended.destroyed_at) == (S.EXPIRED, clock.now())
    assert await world.openings.clear_away() == 0


async def test_a_visit_that_was_never_held_ends_and_its_documents_are_destroyed(
    world: OpeningWorld, clock: FixedClock
) -> None:
    data = opening_data()
    assert data.book_ahead_days < data.draft_days
    await world.booked()
    clock.advance(data.draft_days * DAY)
    assert await world.openings.clear_away() == 0
    clock.advance(DAY)
    assert await world.openings.clear_away() == 1
    ended = await world.openings.get(None, OPENING)
    assert (ended.state, ended.visit, await VisitRow.all().count()) == (S.EXPIRED, None, 0)
    await refused("NOT_FOUND", world.reviews.content(OPENING, K.ARTICLES))


async def test_what_waits_for_the_bank_does_not_run_out(world: OpeningWorld, clock: FixedClock) -> None:
    await world.referred()
    clock.advance(1_000 * DAY)
    assert await world.openings.clear_away() == 0
    assert await world.reviews.content(OPENING, K.ARTICLES) == file_of(K.ARTICLES)


async def test_the_documents_of_an_account_stay(world: OpeningWorld, clock: FixedClock) -> None:
    await world.booked()
    clock.advance(DAY)
    await world.complete()
    clock.advance(400 * DAY)
    assert await world.openings.clear_away() == 0
    assert await world.reviews.content(OPENING, K.ARTICLES) == file_of(K.ARTICLES)


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


@given(st.dates(date(2020, 1, 1), date(2120, 12, 31)), st.integers(1, 30))
@example(date(2028, 2, 29), 10)
@example(date(2038, 2, 28), 10)
def test_what_is_said_to_be_kept_until_is_kept_until_then(closed: date, years: int) -> None:
    last = kept_until(closed, years)
    assert closed >= years_before(last, years), "kept on that day"
    assert closed < years_before(last + DAY, years), "and no longer"
