"""A remembered query answers as Tortoise's own does, whatever its shape and whichever values come again."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from hub.platform.database import Database
from hub.platform.store import OutboxMessage, StoredAnswer

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FILTERS: list[dict[str, Any]] = [
    {"key": "b"},
    {"key": ""},
    {"key__in": ["a", "c"]},
    {"key__in": ("c",)},
    {"key__in": []},
    {"key__not": "a"},
    {"attempts__gte": 1, "attempts__lt": 3},
    {"attempts": 2, "key__in": {"c", "b"}},
    {"due_at__gt": NOW},
    {"due_at__lte": NOW, "topic": "t"},
    {"key__startswith": "a"},
]


@pytest.fixture(autouse=True)
async def _rows(database: Database) -> None:
    for number, key in enumerate("abcd"):
        await OutboxMessage.create(
            topic="t", key=key, payload={"n": number}, state="waiting", attempts=number,
            due_at=NOW + timedelta(seconds=number - 1), last_error="", written_at=NOW,
        )  # fmt: skip


def _variants(query: QuerySet[Any]) -> list[QuerySet[Any]]:
    ordered = [query.order_by("id"), query.order_by("-attempts", "id")]
    limited = [one.limit(number).offset(skipped) for one in ordered for number, skipped in ((2, 0), (1, 1))]
    return [*ordered, *limited, query.order_by("id").exclude(key="b"), query.filter(Q(key="a") | Q(attempts=3))]


async def test_the_answers_are_those_of_tortoise(database: Database) -> None:
    texts: list[str] = []
    for _, given in itertools.product(range(3), FILTERS):
        remembered, own = _variants(OutboxMessage.filter(**given)), _variants(QuerySet(OutboxMessage).filter(**given))
        assert type(remembered[0]) is not QuerySet
        for one, other in zip(remembered, own, strict=True):
            database.on_statement = texts.append
            assert [row.key for row in await one] == [row.key for row in await other], given
            database.on_statement = None
            assert texts[-2] == texts[-1]


async def test_nothing_and_none_are_shapes_of_their_own(database: Database) -> None:
    await StoredAnswer.create(id="1", method="m", request_sha256=b"", answer=b"", subject=None, answered_at=NOW)
    for _, (subject, found) in itertools.product(range(2), ((None, 1), ("s", 0))):
        assert len(await StoredAnswer.filter(subject=subject)) == found


async def test_what_is_plain_is_remembered(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await OutboxMessage.get(key="a")
    monkeypatch.setattr(QuerySet, "_make_query", lambda _: pytest.fail("built again"))
    assert (await OutboxMessage.get(key="b")).id > first.id
    assert await OutboxMessage.get_or_none(key="missing") is None
