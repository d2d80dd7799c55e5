"""Chains of persons' records: contiguous, linked by commitments, never forked, whoever writes."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.access_export import read_chain_link
from huilian_protocol.clock import Clock, FixedClock
from huilian_protocol.errors import HuilianError

from hub.ledger.log.store import LeafRow
from hub.ledger.service import LedgerService
from hub.platform.database import Database
from tests.support.breaking import break_at_each_statement
from tests.support.databases import DatabaseMaker
from tests.unit.hub.ledger.ledger_support import PlainCipher

ALICE, BOB = "subject-alice", "subject-bob"


def make_ledger(database: Database, clock: Clock) -> LedgerService:
    key = ec.derive_private_key(7, ec.SECP256R1())
    return LedgerService(database, clock, os.urandom, PlainCipher(), lambda: key, 1, "0x" + "22" * 20)


async def write(database: Database, ledger: LedgerService, name: str, subject: str = ALICE) -> None:
    async with database.transaction():
        await ledger.append_chained("access", f"access:{name}", {"n": name}, subject=subject, evidence={})


async def check_chain(ledger: LedgerService, subject: str, length: int) -> None:
    """Every place once, every link the commitment before it."""
    records = list(reversed((await ledger.records_about(subject, "", 1_000)).records))
    assert len(records) == length
    previous = None
    for number, record in enumerate(records, start=1):
        assert read_chain_link(record.content["chain"]) == (number, previous)
        leaf = await LeafRow.get(record_id=record.id)
        assert leaf.chain_sequence == number
        previous = bytes(leaf.commitment)


async def test_each_person_has_a_chain_of_their_own(database: Database, clock: FixedClock) -> None:
    ledger = make_ledger(database, clock)
    for number in range(5):
        await write(database, ledger, f"a{number}")
        await write(database, ledger, f"b{number}", BOB)
    await check_chain(ledger, ALICE, 5)
    await check_chain(ledger, BOB, 5)


async def test_sixty_four_writers_in_two_processes_never_fork_a_chain(
    database: Database, database_maker: DatabaseMaker, clock: FixedClock, database_packages: list[str] | None
) -> None:
    """On SQLite a hub is one process; its second connection stands for another."""
    url = await database_maker.new_url(database_packages)
    databases = [Database(url, database_packages) for _ in range(2)]
    for opened in databases:
        await opened.open()
    try:
        ledgers = [make_ledger(opened, clock) for opened in databases]

        async def writer(number: int) -> None:
            await write(databases[number % 2], ledgers[number % 2], f"w{number}")

        await asyncio.gather(*(asyncio.create_task(writer(number)) for number in range(64)))
        await check_chain(ledgers[0], ALICE, 64)
    finally:
        for opened in databases:
            await opened.close()


async def test_a_write_broken_anywhere_leaves_the_chain_as_it_was(database: Database, clock: FixedClock) -> None:
    ledger = make_ledger(database, clock)
    await write(database, ledger, "first")
    async for _ in break_at_each_statement(database, lambda: write(database, ledger, "second")):
        await check_chain(ledger, ALICE, 1)
    await check_chain(ledger, ALICE, 2)


async def test_a_chain_knows_no_earlier_time_than_its_last(database: Database, clock: FixedClock) -> None:
    ledger = make_ledger(database, clock)
    await write(database, ledger, "first")
    behind = make_ledger(database, FixedClock(clock.now() - timedelta(hours=1)))
    await write(database, behind, "second")
    second, first = (await ledger.records_about(ALICE, "", 10)).records
    assert second.record["recorded_at"] == first.record["recorded_at"]


async def test_pages_go_on_where_they_stopped_and_know_their_own_tokens(database: Database, clock: FixedClock) -> None:
    ledger = make_ledger(database, clock)
    for number in range(5):
        await write(database, ledger, f"a{number}")
    await write(database, ledger, "b", BOB)
    seen, token = [], ""
    while True:
        page = await ledger.records_about(ALICE, token, 2)
        seen += [record.id for record in page.records]
        token = page.next_token
        if not token:
            break
    assert seen == [f"access:a{number}" for number in reversed(range(5))]
    with pytest.raises(HuilianError) as refusal:
        await ledger.records_about(ALICE, "access:b", 2)
    assert refusal.value.code == "INVALID_ARGUMENT"
