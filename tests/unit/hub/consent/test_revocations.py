"""The stream of revocations: resumable, live, and honest about how far it reaches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from hub.consent.revocations import Notice, RevocationFeed
from hub.consent.store import ConsentStore
from tests.unit.hub.consent.conftest import Office


async def take(stream: AsyncIterator[Notice], count: int) -> list[Notice]:
    """The next notices, within 5 s."""
    async with asyncio.timeout(5):
        return [await anext(stream) for _ in range(count)]


def seen(notices: list[Notice]) -> list[tuple[int, str]]:
    return [(notice.cursor, notice.consent_id) for notice in notices]


async def revoke(office: Office, *numbers: int) -> None:
    for number in numbers:
        consent_id = f"consent-0000000{number}"
        await office.granted(consent_id)
        await office.revoke(consent_id)


async def test_an_empty_feed_starts_with_a_heartbeat(office: Office) -> None:
    [heartbeat] = await take(office.service.revocations.follow(0), 1)
    assert heartbeat == Notice(0, office.clock.now())


async def test_it_catches_up_from_the_cursor_then_goes_live(office: Office) -> None:
    await revoke(office, 1, 2)
    stream = office.service.revocations.follow(1)
    assert seen(await take(stream, 2)) == [(2, "consent-00000002"), (2, "")]
    await revoke(office, 3)
    assert seen(await take(stream, 2)) == [(3, "consent-00000003"), (3, "")]


async def test_an_entry_claims_no_more_than_its_own_time(office: Office) -> None:
    await revoke(office, 1)
    revoked_at = office.clock.now()
    office.clock.advance(timedelta(hours=1))
    entry, heartbeat = await take(office.service.revocations.follow(0), 2)
    assert (entry.as_of, heartbeat.as_of) == (revoked_at, office.clock.now())


async def test_a_revocation_is_told_at_once_not_at_the_next_look(office: Office) -> None:
    feed = office.service.revocations
    feed._poll_s = 60.0  # only waking can be as fast as this test wants it
    stream = feed.follow(0)
    await take(stream, 1)
    waiting = asyncio.create_task(take(stream, 1))
    await asyncio.sleep(0)
    await revoke(office, 1)
    assert seen(await waiting) == [(1, "consent-00000001")]


async def test_what_another_process_revoked_is_found_by_looking(office: Office) -> None:
    other = RevocationFeed(ConsentStore(office.database), office.clock, poll_s=0.01)
    stream = other.follow(0)
    await take(stream, 1)
    await revoke(office, 1)
    assert seen(await take(stream, 1)) == [(1, "consent-00000001")]


async def test_edges_at_the_same_place_share_a_look(office: Office) -> None:
    await revoke(office, 1)
    feed, looks = RevocationFeed(ConsentStore(office.database), office.clock, poll_s=0.2), 0

    def count(statement: str) -> None:
        nonlocal looks
        looks += "consent_notice" in statement

    streams = [feed.follow(cursor) for cursor in (1, 1, 1, 1, 0)]
    office.database.on_statement = count
    told = await asyncio.gather(*(take(stream, 1) for stream in streams))
    assert [seen(each) for each in told] == [[(1, "")]] * 4 + [[(1, "consent-00000001")]] and looks == 2
    office.database.on_statement = None
    # Whoever is woken looks again: a shared look is never older than a commit of this process.
    waiting = [asyncio.create_task(take(stream, 1)) for stream in streams[:4]]
    await revoke(office, 2)
    feed.wake()
    assert [seen(await each) for each in waiting] == [[(2, "consent-00000002")]] * 4


async def test_heartbeats_go_on(office: Office) -> None:
    feed = RevocationFeed(ConsentStore(office.database), office.clock, poll_s=0.01, heartbeat_s=0.02)
    assert seen(await take(feed.follow(0), 3)) == [(0, ""), (0, ""), (0, "")]


async def test_concurrent_revocations_get_cursors_without_gaps(office: Office) -> None:
    names = [f"consent-{number:08d}" for number in range(12)]
    for name in names:
        await office.granted(name)
    await asyncio.gather(*(asyncio.create_task(office.revoke(name)) for name in names))
    notices = await take(office.service.revocations.follow(0), 12)
    assert [notice.cursor for notice in notices] == list(range(1, 13))
    assert {notice.consent_id for notice in notices} == set(names)


async def test_every_stream_ends_when_the_process_stops(office: Office) -> None:
    feed, stop = office.service.revocations, asyncio.Event()
    feed._poll_s = 60.0
    stream = feed.follow(0)
    await take(stream, 1)
    running = asyncio.create_task(feed.run(stop))
    waiting = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(5):
        assert await waiting is None
        await running
