"""Steps of time: hours and days, messages late and again, what is due, day closes, outages, a restart."""

from __future__ import annotations

import random
from datetime import timedelta

from hub.platform.fields import in_utc
from tests.soak.histories.life import Act, Life, Plan, day_of
from tests.unit.hub.lending.day_closes import check_close


async def wait(life: Life, rng: random.Random) -> Act | None:
    """Time goes by."""
    hours = rng.choice([1, 1, 5, 5, 20, 24, 60])

    async def pass_by() -> None:
        life.world.clock.advance(timedelta(hours=hours))

    return Act(pass_by)


async def wait_until_due(life: Life, rng: random.Random) -> Act | None:
    """Until the next due date of anything that is confirmed."""
    sql = "SELECT DISTINCT due_date FROM receivables_receivable WHERE confirmed_at IS NOT NULL AND state <> 'SETTLED'"
    days = sorted(day for row in await life.rows(sql) if (day := day_of(row["due_date"])) > life.today)
    if not days:
        return None
    ahead = (days[0] - life.today).days

    async def pass_by() -> None:
        life.world.clock.advance(timedelta(days=ahead))

    return Act(pass_by)


async def deliver_messages(life: Life, rng: random.Random) -> Act | None:
    """What waits is delivered; mostly whatever was away is back."""
    if rng.random() < 0.8:
        life.world.chain.away = life.world.registry.away = life.world.trade.erps.tax.away = False
    return Act(life.drain)


async def deliver_again(life: Life, rng: random.Random) -> Act | None:
    """Messages that were delivered come once more, however old they are."""
    rows = await life.rows("SELECT id FROM platform_outbox WHERE state = 'done' ORDER BY id")
    if not rows:
        return None
    chosen = [row["id"] for row in rng.sample(rows, min(len(rows), rng.randint(1, 5)))]

    async def again() -> None:
        names, now = ", ".join(map(str, chosen)), in_utc(life.world.clock.now())
        sql = f"UPDATE platform_outbox SET state = 'waiting', due_at = $1 WHERE id IN ({names})"
        await life.world.database.execute(sql, now)
        await life.drain()

    return Act(again)


async def delay(life: Life, rng: random.Random) -> Act | None:
    """Half of what waits comes later than the rest, so that messages overtake each other."""
    rows = await life.rows("SELECT id FROM platform_outbox WHERE state = 'waiting' ORDER BY id")
    late = [row["id"] for row in rows if rng.random() < 0.5]
    hours = rng.randint(1, 48)
    if not late:
        return None

    async def put_off() -> None:
        names, then = ", ".join(map(str, late)), in_utc(life.world.clock.now() + timedelta(hours=hours))
        await life.world.database.execute(f"UPDATE platform_outbox SET due_at = $1 WHERE id IN ({names})", then)
        await life.drain()

    return Act(put_off)


async def outage(life: Life, rng: random.Random) -> Act | None:
    """Chain, register or tax authority is away until somebody sees to it."""
    which = rng.choice(["chain", "register", "tax authority"])

    async def go() -> None:
        world = life.world
        world.chain.away |= which == "chain"
        world.registry.away |= which == "register"
        world.trade.erps.tax.away |= which == "tax authority"

    return Act(go)


async def see_to(life: Life, rng: random.Random) -> Act | None:
    """The round that clears what is due, collects, ends what ran out, warns."""
    return Act(lambda: life.service.tick())


async def close_days(life: Life, rng: random.Random) -> Act | None:
    """Every day that is over is closed, the last one compared with the engine."""
    compares = rng.random() < 0.3
    most = rng.choice([1, 3, 100])

    async def close() -> None:
        rows = await life.rows("SELECT MAX(business_day) AS day FROM accounting_day WHERE state = 'CLOSED'")
        last = rows[0]["day"]
        day = life.today - timedelta(days=1) if last is None else day_of(last) + timedelta(days=1)
        until = min(life.today - timedelta(days=1), day + timedelta(days=most - 1))
        closed = None
        while day <= until:
            closed = await life.service.day_close.close(day)
            day += timedelta(days=1)
        if closed is not None and compares and closed.business_day == life.today - timedelta(days=1):
            await check_close(life.world, closed)

    return Act(close)


async def restart(life: Life, rng: random.Random) -> Act | None:
    """The process ends and starts again."""

    async def again() -> None:
        life.restart()

    return Act(again)


STEPS: dict[str, tuple[int, Plan]] = {
    "wait": (6, wait),
    "wait until due": (2, wait_until_due),
    "deliver messages": (14, deliver_messages),
    "deliver again": (2, deliver_again),
    "delay": (4, delay),
    "outage": (1, outage),
    "see to what is due": (6, see_to),
    "close days": (2, close_days),
    "restart": (1, restart),
}
