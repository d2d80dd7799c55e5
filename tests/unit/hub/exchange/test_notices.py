"""What follows from reads: a notice for each delivered one, none lost, and counts of nobody in particular."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from huilian_protocol.errors import HuilianError

from hub.exchange.store import AccessEventRow, NoticeRow, TallyRow
from hub.platform.business_day import business_date
from tests.support.breaking import break_at_each_statement
from tests.support.consents import LENDING
from tests.unit.hub.exchange.conftest import DATASET, Exchange


async def told(exchange: Exchange) -> list[dict[str, object]]:
    page = await exchange.service.notices.page(exchange.citizen.subject, "", 50)
    return [item for notice in page.notices for item in notice.items]


async def test_each_delivered_read_is_told_and_a_refused_one_is_not(exchange: Exchange) -> None:
    await exchange.grant()
    delivery = await exchange.fetch(1)
    await exchange.fetch(1)
    await exchange.refused(2, fields=("opened_month",))
    assert await exchange.service.events.drain() == 2
    page = await exchange.service.notices.page(exchange.citizen.subject, "", 50)
    [notice] = page.notices
    assert (notice.id, notice.read_at, notice.digest_day) == (delivery.access_record_id, None, "")
    [item] = notice.items
    assert (item["dataset"], item["recipient"], item["purpose"]) == (DATASET, LENDING, "LOAN_APPLICATION")
    assert item["title_zh"] and set(item) == {"dataset", "title_zh", "title_en", "recipient", "purpose", "count"}
    assert await AccessEventRow.all().count() == 0


async def test_nothing_is_lost_or_doubled_wherever_it_breaks(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    async for _ in break_at_each_statement(exchange.database, exchange.service.events.drain):
        assert await NoticeRow.all().count() == await TallyRow.all().count() <= 1
        assert await AccessEventRow.all().count() + await NoticeRow.all().count() == 1
    assert len(await told(exchange)) == 1
    assert [row.count for row in await TallyRow.all()] == [1]


async def test_many_at_once_are_all_counted_and_told(exchange: Exchange) -> None:
    await exchange.grant(max_reads=20)
    await asyncio.gather(*(asyncio.create_task(exchange.fetch(number)) for number in range(20)))
    assert await exchange.service.events.drain() == 20
    assert len(await told(exchange)) == 20
    [tally] = await TallyRow.all()
    assert (tally.count, tally.outcome, tally.agency) == (20, "DELIVERED", "housing_fund")


async def test_a_digest_tells_a_day_at_its_end(exchange: Exchange) -> None:
    subject = exchange.citizen.subject
    await exchange.service.notices.set_digest(subject, True)
    await exchange.grant(max_reads=9)
    for number in (1, 2, 3):
        await exchange.fetch(number)
    await exchange.service.events.drain()
    day = business_date(exchange.clock.now()).isoformat()
    assert await told(exchange) == [] and await exchange.service.notices.release(day) == 0
    exchange.clock.advance(timedelta(days=1))
    tomorrow = business_date(exchange.clock.now()).isoformat()

    async def release() -> None:
        await exchange.service.notices.release(tomorrow)

    async for _ in break_at_each_statement(exchange.database, release):
        assert await NoticeRow.filter(subject=subject).count() == 3
    [notice] = (await exchange.service.notices.page(subject, "", 50)).notices
    assert notice.digest_day == day and [item["count"] for item in notice.items] == [3]
    await release()
    assert await NoticeRow.filter(subject=subject).count() == 1


async def test_switching_back_shows_what_was_waiting(exchange: Exchange) -> None:
    subject = exchange.citizen.subject
    await exchange.service.notices.set_digest(subject, True)
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.service.events.drain()
    await exchange.service.notices.set_digest(subject, False)
    assert len(await told(exchange)) == 1 and not await exchange.service.notices.wants_digest(subject)


async def test_notices_are_marked_by_their_person_only(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.service.events.drain()
    notices, subject = exchange.service.notices, exchange.citizen.subject
    [notice] = (await notices.page(subject, "", 50)).notices
    assert await notices.mark_read("somebody-else", [notice.id]) == 0
    assert (await notices.mark_read(subject, [notice.id]), await notices.mark_read(subject, [notice.id])) == (1, 0)
    assert (await notices.page(subject, "", 50)).notices[0].read_at == exchange.clock.now()
    with pytest.raises(HuilianError):
        await notices.page("somebody-else", notice.id, 50)


async def test_a_notice_for_a_person_who_left_is_dropped_and_the_count_kept(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.vault.destroy_subject_key(exchange.citizen.subject)
    assert await exchange.service.events.drain() == 1
    assert (await NoticeRow.all().count(), await TallyRow.all().count()) == (0, 1)
