"""Reads that come at the same time share transactions: what that costs in statements; none pays for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from huilian_protocol.errors import HuilianError

from hub.exchange.bookkeeping import Bookkeeping
from hub.exchange.books import Item
from tests.support.breaking import Broken
from tests.unit.hub.exchange.conftest import CONSENT, Exchange

# What a read may cost the hub, BEGIN, COMMIT and the locks of PostgreSQL counted. A lone read used to take 26
# statements, and so did each of many.
LONE_READ = 21
PER_GROUP = 15
TOGETHER = 16


@dataclass
class Seen:
    """The statements of the hub, and the sizes of the groups in which it came to its books."""

    statements: list[str]
    groups: list[int]

    @property
    def commits(self) -> int:
        return self.statements.count("COMMIT")


def watch(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen = Seen([], [])
    exchange.database.on_statement = seen.statements.append
    apply = Bookkeeping._apply

    async def counted(self: Bookkeeping, items: Sequence[Item]) -> object:
        seen.groups.append(len(items))
        return await apply(self, items)

    books = exchange.service._books
    monkeypatch.setattr(books._group, "_apply", counted.__get__(books))
    return seen


async def test_a_lone_read_is_two_commits_and_few_statements(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchange.grant()
    await exchange.service.catalogue.descriptions()
    seen = watch(exchange, monkeypatch)
    await exchange.fetch()
    assert (seen.commits, seen.groups) == (2, [1, 1])
    assert len(seen.statements) <= LONE_READ


async def test_reads_at_the_same_time_cost_statements_by_the_group_not_by_the_read(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchange.grant(max_reads=TOGETHER)
    await exchange.service.catalogue.descriptions()
    seen = watch(exchange, monkeypatch)
    await asyncio.gather(*(exchange.fetch(number) for number in range(TOGETHER)))
    assert seen.groups[0] == TOGETHER and sum(seen.groups) == 2 * TOGETHER
    assert seen.commits == len(seen.groups)
    assert len(seen.statements) <= PER_GROUP * len(seen.groups)
    assert await exchange.used() == TOGETHER
    assert await exchange.outcomes() == ["DELIVERED"] * TOGETHER
    assert (await exchange.consents.find(CONSENT)).state == "EXHAUSTED"


@pytest.mark.parametrize("statement", range(1, 9))
async def test_a_group_broken_at_any_statement_is_settled_read_by_read(exchange: Exchange, statement: int) -> None:
    await exchange.grant(max_reads=4)
    await exchange.service.catalogue.descriptions()
    seen = 0

    def break_once(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Broken

    exchange.database.on_statement = break_once
    deliveries = await asyncio.gather(*(exchange.fetch(number) for number in range(4)))
    exchange.database.on_statement = None
    assert all(exchange.opened(delivery, number) for number, delivery in enumerate(deliveries))
    assert await exchange.used() == 4 and await exchange.outcomes() == ["DELIVERED"] * 4


async def test_refusals_and_deliveries_share_a_group_and_each_hears_its_own(exchange: Exchange) -> None:
    await exchange.grant(max_reads=2)
    calls = [
        exchange.fetch(1),
        exchange.fetch(2, fields=("opened_month",)),
        exchange.fetch(3, by="stranger"),
        exchange.fetch(4, consent_id="consent-unknown0"),
        exchange.fetch(5),
        exchange.fetch(6),
        exchange.fetch(5),
    ]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    codes = [outcome.code if isinstance(outcome, HuilianError) else "DELIVERED" for outcome in outcomes]
    assert codes == [
        "DELIVERED",
        "FIELD_NOT_GRANTED",
        "NOT_FOUND",
        "NOT_FOUND",
        "DELIVERED",
        "CONSENT_EXHAUSTED",
        "UNAVAILABLE",
    ]
    assert await exchange.used() == 2
    recorded = await exchange.outcomes()
    refused = ["REFUSED:CONSENT_EXHAUSTED", "REFUSED:FIELD_NOT_GRANTED", "REFUSED:NOT_FOUND"]
    assert sorted(recorded) == ["DELIVERED", "DELIVERED", *refused]


async def test_a_person_whose_key_is_gone_disturbs_nobody_else(exchange: Exchange) -> None:
    await exchange.grant()
    other = exchange.world.citizen(2, exchange.citizen.name, exchange.citizen.resident_id)
    mine, exchange.citizen = exchange.citizen, other
    await exchange.grant("consent-00000002")
    exchange.citizen = mine
    await exchange.vault.destroy_subject_key(other.subject)
    outcomes = await asyncio.gather(
        exchange.fetch(1),
        exchange.fetch(2, consent_id="consent-00000002"),
        exchange.fetch(3),
        return_exceptions=True,
    )
    assert [getattr(outcome, "code", "DELIVERED") for outcome in outcomes] == ["DELIVERED", "NOT_FOUND", "DELIVERED"]
    assert await exchange.outcomes() == ["DELIVERED", "DELIVERED"]


async def test_a_read_whose_caller_leaves_before_it_is_let_out_is_settled_all_the_same(exchange: Exchange) -> None:
    await exchange.grant()
    leaving, staying = asyncio.create_task(exchange.fetch(1)), asyncio.create_task(exchange.fetch(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    await exchange.service.drain()
    assert await exchange.outcomes() == ["DELIVERED", "DELIVERED"] and await exchange.used() == 2
