"""SQL of the outbox: the hot path of every use case, so raw statements instead of model objects."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huilian_protocol.canonical import parse_json

from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField, in_utc

_TIME = UtcDatetimeField()


@dataclass(frozen=True, slots=True)
class Message:
    """What a handler gets. `(topic, key)` names the effect; the payload is JSON."""

    topic: str
    key: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message leased to this process; `attempts` counts this one."""

    id: int
    attempts: int
    message: Message


_INSERT = """
INSERT INTO platform_outbox (topic, key, payload, state, attempts, due_at, last_error, written_at)
VALUES ($1, $2, $3, 'waiting', 0, $4, '', $4) ON CONFLICT (topic, key) DO NOTHING
"""

_FIRST = (
    "SELECT * FROM (SELECT topic, due_at FROM platform_outbox"
    " WHERE topic = $each AND state = 'waiting' ORDER BY due_at LIMIT 1) AS waiting_first"
)

_CLAIM = """
UPDATE platform_outbox SET due_at = $1, attempts = attempts + 1
WHERE id IN (
    SELECT id FROM platform_outbox WHERE topic = $2 AND state = 'waiting' AND due_at <= $3 ORDER BY id LIMIT $4
    {skip_locked} )
RETURNING id, topic, key, payload, attempts
"""


async def insert(database: Database, message: Message, now: datetime) -> None:
    """Write a message that is due at once; a known (topic, key) is left as it is."""
    payload = json.dumps(message.payload, ensure_ascii=False, separators=(",", ":"))
    await database.execute(_INSERT, message.topic, message.key, payload, in_utc(now))


async def claim(database: Database, topic: str, now: datetime, until: datetime, limit: int) -> list[Claimed]:
    """Lease up to `limit` due messages of a topic, oldest first, to this process alone until a time."""
    # Two claiming processes share the rows on PostgreSQL by SKIP LOCKED, on SQLite by its single writer.
    skip_locked = "FOR UPDATE SKIP LOCKED" if database.dialect == "postgres" else ""
    if not await _any_due(database, topic, now):
        return []
    async with database.transaction():
        sql = _CLAIM.format(skip_locked=skip_locked)
        rows = await database.fetch(sql, in_utc(until), topic, in_utc(now), limit)
    return [_claimed(row) for row in sorted(rows, key=lambda row: int(row["id"]))]


async def _any_due(database: Database, topic: str, now: datetime) -> bool:
    """Whether there is anything to claim: looking only reads, so that writers on SQLite are not disturbed."""
    sql = "SELECT 1 FROM platform_outbox WHERE topic = $1 AND state = 'waiting' AND due_at <= $2 LIMIT 1"
    return bool(await database.fetch(sql, topic, in_utc(now)))


async def due_topics(database: Database, topics: Collection[str], now: datetime) -> list[str]:
    """Those of these topics that have a message that is due, by one statement for all."""
    due = {row["topic"]: _TIME.to_python_value(row["due_at"]) for row in await database.fetch_each(_FIRST, topics)}
    return [topic for topic, at in due.items() if at is not None and at <= now]


async def prolong(database: Database, ids: Iterable[int], leased_until: datetime, until: datetime) -> None:
    """Keep messages leased that are still being handled; one that was finished or failed has another due time."""
    chosen = ", ".join(map(str, ids))
    sql = f"UPDATE platform_outbox SET due_at = $1 WHERE id IN ({chosen}) AND state = 'waiting' AND due_at = $2"  # noqa: S608  numbers
    await database.execute(sql, in_utc(until), in_utc(leased_until))


async def finish(database: Database, row_id: int) -> None:
    """The message was delivered. Its row stays, so that putting it again is a no-op."""
    await database.execute("UPDATE platform_outbox SET state = 'done', last_error = '' WHERE id = $1", row_id)


async def fail(database: Database, row_id: int, due: datetime, error: str, *, parked: bool) -> None:
    """The message was not delivered: try again when due, or park it."""
    state = "parked" if parked else "waiting"
    sql = "UPDATE platform_outbox SET state = $1, due_at = $2, last_error = $3 WHERE id = $4"
    await database.execute(sql, state, in_utc(due), error[:200], row_id)


def _claimed(row: dict[str, Any]) -> Claimed:
    payload = row["payload"]
    content = parse_json(payload.encode("utf-8")) if isinstance(payload, str) else payload
    return Claimed(int(row["id"]), int(row["attempts"]), Message(row["topic"], row["key"], content))
