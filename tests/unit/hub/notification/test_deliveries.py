"""Webhooks: at least once, later and later, given up with a word to the owner."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from huilian_protocol.canonical import parse_json

from hub.notification.deliveries import LONGEST_WAIT, MOST_FAILURES, wait_after
from hub.notification.stored import WebhookState
from tests.support.breaking import Broken
from tests.unit.hub.notification.conftest import BUYER, SUPPLIER, World


async def ready(world: World) -> None:
    """An address that has got its first notification."""
    await world.register()
    await world.outbox.drain()
    world.receiver.got.clear()
    world.receiver.bodies.clear()


def kinds(world: World) -> list[str]:
    return [event.kind for event in world.receiver.got]


async def test_what_is_sent_names_ids_only(world: World) -> None:
    await ready(world)
    await world.overdue()
    await world.outbox.drain()
    (event,), (body,) = world.receiver.got, world.receiver.bodies
    told = (await world.told())[0]
    assert (event.id, event.object_kind, event.object_id) == (told.notification_id, "receivable", "receivable-1")
    assert set(parse_json(body)) == {"type", "id", "kind", "time", "object", "hub"}
    assert SUPPLIER.encode() not in body and BUYER.encode() not in body


@pytest.mark.parametrize("outcome", ["500", "302", "timeout", "unreachable", "refused", "404"])
async def test_a_failure_is_tried_again_later_with_the_same_id(world: World, outcome: str) -> None:
    await ready(world)
    world.receiver.answers = [outcome]
    await world.overdue()
    await world.outbox.drain()
    await world.outbox.drain()
    assert len(world.receiver.got) == 1, "not before its time"
    (webhook,) = await world.service.webhooks(SUPPLIER)
    assert (webhook.failures, webhook.last_outcome) == (1, outcome)
    world.clock.advance(wait_after(1))
    await world.outbox.drain()
    assert len({event.id for event in world.receiver.got}) == 1 and len(world.receiver.got) == 2
    (webhook,) = await world.service.webhooks(SUPPLIER)
    assert (webhook.failures, webhook.retry_at) == (0, None)


async def test_many_at_once_count_as_one_failure(world: World) -> None:
    await ready(world)
    world.receiver.answers = ["503"] * 8
    for number in range(8):
        await world.overdue(number)
    await world.outbox.drain()
    (webhook,) = await world.service.webhooks(SUPPLIER)
    assert webhook.failures == 1
    world.receiver.answers.clear()
    world.clock.advance(wait_after(1))
    await world.outbox.drain()
    assert len({event.id for event in world.receiver.got}) == 8


async def test_a_dead_address_is_given_up_its_owner_told_and_nothing_held_up(world: World) -> None:
    await ready(world)
    world.receiver.answers = ["500"] * MOST_FAILURES
    await world.overdue()
    for failures in range(1, MOST_FAILURES + 1):
        await world.outbox.drain()
        assert len(world.receiver.got) == failures
        world.clock.advance(wait_after(failures))
    (webhook,) = await world.service.webhooks(SUPPLIER)
    assert webhook.state is WebhookState.DISABLED
    assert (await world.told())[0].kind == "WEBHOOK_DISABLED"
    await world.overdue(2)
    await world.outbox.drain()
    assert len(world.receiver.got) == MOST_FAILURES, "nothing is sent to it any more"
    async with world.database.transaction():
        await world.service.enable(SUPPLIER, "webhook-1")
    await world.overdue(3)
    await world.outbox.drain()
    assert world.receiver.got[-1].object_id == "receivable-3"
    assert {"receivable-1", "receivable-2"} <= {one.object_id for one in await world.told()}, "missed, but in the list"


async def test_gone_for_good_is_given_up_at_once(world: World) -> None:
    await ready(world)
    world.receiver.answers = ["410"]
    await world.overdue()
    await world.outbox.drain()
    (webhook,) = await world.service.webhooks(SUPPLIER)
    assert webhook.state is WebhookState.DISABLED


async def test_a_dead_address_does_not_keep_another_waiting(world: World) -> None:
    await ready(world)
    await world.register(webhook_id="webhook-2", url="https://other.example.com/")
    await world.outbox.drain()
    world.receiver.got.clear()
    world.receiver.answers = ["500", "204"]
    await world.overdue()
    await world.outbox.drain()
    assert sorted(one.failures for one in await world.service.webhooks(SUPPLIER)) == [0, 1]


async def test_removed_in_between_nothing_more_is_sent(world: World) -> None:
    await ready(world)
    await world.overdue()
    async with world.database.transaction():
        await world.service.remove(SUPPLIER, "webhook-1")
    await world.outbox.drain()
    assert world.receiver.got == []


@pytest.mark.parametrize("outcome", ["204", "500", "410"])
async def test_killed_at_any_statement_it_is_delivered_all_the_same(world: World, outcome: str) -> None:
    """A process that dies between sending and writing sends again: the id is the same."""
    for broken_at in range(1, 12):
        await world.database.execute("DELETE FROM notification_webhook")
        await world.database.execute("DELETE FROM notification_notification")
        await world.database.execute("DELETE FROM platform_outbox")
        await ready(world)
        world.receiver.answers = [outcome]
        await world.overdue()
        countdown = [broken_at]

        def die(_: str, countdown: list[int] = countdown) -> None:
            countdown[0] -= 1
            if countdown[0] == 0:
                raise Broken

        world.database.on_statement = die
        with suppress(Broken):
            await world.outbox.drain()
        world.database.on_statement = None
        for _ in range(3):
            world.clock.advance(timedelta(minutes=1))
            await world.outbox.drain()
        ids = {event.id for event in world.receiver.got if event.kind == "RECEIVABLE_OVERDUE"}
        assert len(ids) == 1, "delivered, under one id"
        (webhook,) = await world.service.webhooks(SUPPLIER)
        # A 410 that nobody wrote down is asked again, and this receiver then says 204.
        assert webhook.state is WebhookState.ACTIVE or outcome == "410"
        disabled = [one for one in await world.told() if one.kind == "WEBHOOK_DISABLED"]
        assert len(disabled) == (webhook.state is WebhookState.DISABLED)


def test_waits_double_up_to_six_hours() -> None:
    waits = [wait_after(failures) for failures in range(1, 30)]
    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert waits == sorted(waits) and waits[-1] == LONGEST_WAIT
