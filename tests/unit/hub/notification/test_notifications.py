"""Who is told of what, once, and by nobody else's leave."""

from __future__ import annotations

from datetime import timedelta

import pytest
from huilian_protocol.errors import HuilianError
from stdnum.cn import uscc

from hub.notification.kinds import BANK, BY_CODE, KINDS
from hub.notification.service import Notifications
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.notification.conftest import BUYER, SUPPLIER, URL, World

OTHER = BUYER


def test_the_parties_of_these_tests_are_enterprises() -> None:
    assert uscc.is_valid(SUPPLIER) and uscc.is_valid(OTHER)


def test_kinds_are_named_once_and_speak_both_languages() -> None:
    assert len(BY_CODE) == len(KINDS)
    for kind in KINDS:
        assert kind.text_zh and kind.text_en and len(kind.code) <= 40
        assert any("\u4e00" <= letter <= "\u9fff" for letter in kind.text_zh)


async def test_each_party_is_told_once_and_sees_its_own_only(world: World) -> None:
    await world.overdue()
    await world.overdue()
    (mine,) = await world.told()
    assert (mine.kind, mine.object_id, mine.record_id) == (
        "RECEIVABLE_OVERDUE", "receivable-1", "receivable-overdue:receivable-1",
    )  # fmt: skip
    (banks,) = await world.told(BANK)
    assert await world.told(OTHER) == []
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await world.service.get(SUPPLIER, banks.notification_id)


async def test_a_warning_is_told_to_whom_it_is_about_and_to_nobody_else(world: World) -> None:
    said = {"rule": "late_payment", "subject": OTHER, "subject_kind": "BUYER"}
    await world.record("warning.raised", "w-1", warning_id="w-1", level="RED", parties=[SUPPLIER], **said)
    await world.record("warning.raised", "w-2", warning_id="w-2", level="WATCH", **said)
    await world.record("warning.raised", "w-3", warning_id="w-3", level="RED", subject="group-7", subject_kind="GROUP")
    assert [one.object_id for one in await world.told(OTHER)] == ["w-1"]
    assert sorted(one.object_id for one in await world.told(BANK)) == ["w-1", "w-2", "w-3"]
    assert await world.told(SUPPLIER) == []


async def test_a_person_is_never_a_party(world: World) -> None:
    await world.record("loan.call-called", "c-1", parties=["net-0123456789"], loan_id="loan-1", due_on="2026-03-12")
    rows = await world.database.fetch("SELECT party FROM notification_notification")
    assert [row["party"] for row in rows] == [BANK]


async def test_unread_ones_are_counted_and_marked(world: World) -> None:
    for number in range(3):
        await world.overdue(number)
    first = (await world.told())[0].notification_id
    assert await world.service.mark_read(OTHER, [first]) == 0
    assert await world.service.mark_read(SUPPLIER, [first, first]) == 1
    assert await world.service.mark_read(SUPPLIER, [first]) == 0
    page, unread = await world.service.page(SUPPLIER, only_unread=True, size=1, token="")
    assert unread == 2 and len(page.items) == 1 and page.next_token
    rest, _ = await world.service.page(SUPPLIER, only_unread=True, size=1, token=page.next_token)
    assert rest.next_token == "" and rest.items[0] != page.items[0]


async def test_broken_at_any_statement_nobody_is_told_and_nothing_is_sent(world: World) -> None:
    await world.register()
    await world.register(webhook_id="webhook-2", url=f"{URL}/two")
    await world.outbox.drain()
    before = len(world.receiver.got)
    async for _ in break_at_each_statement(world.database, world.overdue):
        assert {one.kind for one in await world.told()} == {"WEBHOOK_REGISTERED"}
        assert await world.told(BANK) == []
        await world.outbox.drain()
        assert len(world.receiver.got) == before
    await world.outbox.drain()
    assert [event.kind for event in world.receiver.got[before:]] == ["RECEIVABLE_OVERDUE"] * 2
    assert len({event.id for event in world.receiver.got[before:]}) == 1


async def test_webhooks_are_named_once_bounded_and_lead_outside(world: World) -> None:
    for number in range(5):
        await world.register(webhook_id=f"webhook-{number}")
    for webhook_id, url, code in (
        ("webhook-9", URL, "STATE_CONFLICT"),
        ("webhook-9", "https://127.0.0.1/x", "INVALID_ARGUMENT"),
        ("webhook-9", "http://erp.example.com/", "INVALID_ARGUMENT"),
    ):
        with pytest.raises(HuilianError, match=code):
            await world.register(webhook_id=webhook_id, url=url)
    async with world.database.transaction():
        await world.service.remove(SUPPLIER, "webhook-4")
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        await world.register(webhook_id="webhook-4")
    async with world.database.transaction():
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await world.service.remove(OTHER, "webhook-1")


async def test_what_is_past_its_time_is_dropped(world: World) -> None:
    service = Notifications(world.database, world.clock, world.outbox, keep=timedelta(days=400))
    await world.overdue(1)
    world.clock.advance(timedelta(days=400, seconds=1))
    await world.overdue(2)
    assert await service.purge() == 2
    assert [one.object_id for one in await world.told()] == ["receivable-2"]
