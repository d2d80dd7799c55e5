"""Claims under cover: who sees all of the chain cannot tell a hub that makes many claims from one that makes none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import copy_context
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio
from huilian_protocol.clock import FixedClock

from hub.ledger.chain.store import TransactionRow
from hub.ledger.claims.rules import ClaimState
from hub.ledger.cover.rules import AGES, SPARE, Beat, cover_claim, due, filled
from hub.ledger.cover.store import CoverBatchRow, CoverPlaceRow, CoverWaitRow
from hub.platform.database import Database
from ledger.anchor.rpc import ChainUnavailable
from ledger.anchor.transaction import address_of
from ledger.contract import calls
from ledger.contract.calls import LockState
from ledger.embedded_chain.chain import Block
from ledger.embedded_chain.machine import Message
from ledger.registry.fingerprints import InvoiceIdentity, fingerprints
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE, DatabaseMaker
from tests.unit.hub.ledger.banks import OLD, Bank, Keys
from tests.unit.hub.ledger.ledger_support import HUB, OTHER_HUB, LiveChain, fail_at, hub_ledger

pytestmark = ON_SQLITE

BEAT = Beat(claims=12, seconds=60)


def _invoice(number: int) -> InvoiceIdentity:
    digits = f"2631200000{number:010d}"
    return InvoiceIdentity("91310000MA1FL2LE0X", "91440300MA5DC2LE1Y", digits, 1_130_000 + number, date(2026, 3, 2))


@pytest_asyncio.fixture
async def covered(
    database: Database,
    database_maker: DatabaseMaker,
    clock: FixedClock,
    chain: LiveChain,
    database_packages: list[str] | None,
) -> AsyncIterator[list[Bank]]:
    """Two banks on one chain, both under cover."""
    contexts = [copy_context(), copy_context()]
    other = Database(await database_maker.new_url(database_packages), database_packages)
    await asyncio.create_task(other.open(), context=contexts[1])
    made = []
    for one, key, context in ((database, HUB, contexts[0]), (other, OTHER_HUB, contexts[1])):
        keys = Keys({1: OLD})
        hub = hub_ledger(one, clock, chain.url, chain.contract, key, keys=keys, cover=BEAT)
        made.append(Bank(hub, keys, clock, context))
    yield made
    for bank in made:
        await bank.hub.rpc.close()
    await asyncio.create_task(other.close(), context=contexts[1])


async def _claim(bank: Bank, claim_id: str, number: int) -> None:
    async def ask() -> None:
        async with bank.hub.database.transaction():
            await bank.hub.claims.request(claim_id, _invoice(number))
        await bank.hub.outbox.drain()

    await bank.here(ask())


async def _beats(banks: list[Bank], clock: FixedClock, count: int) -> None:
    """Let so many beats pass, and deliver what each brings."""
    for _ in range(count):
        for bank in banks:
            assert bank.hub.claims.covering
            await bank.here(bank.hub.claims.covering.beat())
            await bank.here(bank.hub.outbox.drain())
        clock.advance(timedelta(seconds=BEAT.seconds))


def _trace(chain: LiveChain, sender: str) -> list[tuple[object, ...]]:
    """All that the chain shows of a hub, but for the numbers that look random: of these it takes the sizes."""
    blocks = [block for block in chain.chain.blocks if block.signed and block.signed.sender == sender]
    return [_seen(block) for block in blocks]


def _seen(block: Block) -> tuple[object, ...]:
    assert block.signed and block.outcome
    sent = block.signed.transaction
    zeros = sent.data.count(0)
    # Random numbers have a zero byte now and then, in cover as in claims, and it costs less: that is all the noise.
    gas = block.outcome.gas_used - 16 * (len(sent.data) - zeros) - 4 * zeros
    events = [(log.topics[0], len(log.topics), len(log.data)) for log in block.outcome.logs]
    beat = BEAT.number(datetime.fromtimestamp(block.timestamp, UTC))
    return beat, sent.data[:4], len(sent.data), sent.gas_limit, sent.gas_price, gas, not block.outcome.failure, events


def _lock_state(chain: LiveChain, number: int) -> LockState:
    data = calls.locks([fingerprints(_invoice(number), OLD)[0]])
    return calls.decode_locks(chain.chain.call(Message("0x" + "00" * 20, chain.contract, data)).output)[0].state


@ON_BOTH
async def test_a_hub_without_claims_and_one_with_many_leave_the_same_trace(
    covered: list[Bank], clock: FixedClock, chain: LiveChain
) -> None:
    busy = covered[1]
    for number in range(5):
        await _claim(busy, f"claim-{number}", number)
    await _beats(covered, clock, 3)
    first = [await busy.state(f"claim-{number}") for number in range(5)]
    assert first.count(ClaimState.FINANCED) == 2 * BEAT.room
    assert first.count(ClaimState.PENDING) == 1
    await _release_claim(busy, "claim-0")
    await _claim(busy, "claim-5", 5)
    await _beats(covered, clock, 6)
    assert [await busy.state(f"claim-{number}") for number in range(6)][1:] == [ClaimState.FINANCED] * 5
    assert _lock_state(chain, 0) is LockState.RELEASED
    assert all(_lock_state(chain, number) is LockState.FINANCED for number in range(1, 6))
    trace = _trace(chain, address_of(OTHER_HUB))
    assert trace == _trace(chain, address_of(HUB))
    # Every kind of call is in it, at every beat a reservation.
    assert len({seen[1] for seen in trace}) == 3
    assert len({seen[0] for seen in trace}) == 9
    await busy.here(_keeps_no_bytes())


async def _keeps_no_bytes() -> None:
    rows = await TransactionRow.filter(purpose__contains=":beat:")
    assert rows
    assert all(row.state == "SUCCEEDED" and not row.call_data and row.raw_transaction is None for row in rows)


async def _release_claim(bank: Bank, claim_id: str) -> None:
    async def give_up() -> None:
        async with bank.hub.database.transaction():
            await bank.hub.claims.release(claim_id)
        await bank.hub.outbox.drain()

    await bank.here(give_up())


_on_sqlite = pytest.mark.parametrize("database_maker", ["sqlite"], indirect=True)


@_on_sqlite
async def test_one_beat_is_sent_once_whoever_is_asked(covered: list[Bank], clock: FixedClock, chain: LiveChain) -> None:
    await _beats(covered, clock, 1)
    before = _trace(chain, address_of(HUB))
    clock.advance(timedelta(seconds=-BEAT.seconds))
    await _beats(covered, clock, 1)
    assert _trace(chain, address_of(HUB)) == before
    assert len(before) == 1


async def test_a_claim_that_another_bank_holds_is_refused_and_its_batch_goes_on(
    covered: list[Bank], clock: FixedClock, chain: LiveChain
) -> None:
    one, two = covered
    await _claim(one, "theirs", 1)
    await _beats(covered, clock, 2)
    await _claim(two, "ours", 1)
    await _claim(two, "free", 2)
    await _beats(covered, clock, 3)
    assert await one.state("theirs") is ClaimState.FINANCED
    assert await two.state("ours") is ClaimState.REFUSED
    assert await two.state("free") is ClaimState.FINANCED


@ON_BOTH
@_on_sqlite
async def test_a_reservation_that_ran_out_is_made_again_as_it_was(
    covered: list[Bank], clock: FixedClock, chain: LiveChain
) -> None:
    bank = covered[0]
    await _claim(bank, "claim-1", 1)
    await _beats([bank], clock, 1)
    clock.advance(timedelta(seconds=BEAT.reservation_s))
    await _beats([bank], clock, 1)
    assert await bank.state("claim-1") is ClaimState.PENDING
    # Given up meanwhile: its batch is still sent whole, and no lock stays behind.
    await _claim(bank, "claim-2", 2)
    await _release_claim(bank, "claim-1")
    await _beats([bank], clock, 6)
    assert await bank.state("claim-2") is ClaimState.FINANCED
    assert _lock_state(chain, 1) is LockState.RELEASED
    sent = [block.signed.transaction.data for block in chain.chain.blocks if block.signed]
    reserved = [data for data in sent if data[:4] == calls.reserve([bytes(32)], bytes(22), 1)[:4]]
    assert reserved[0][100:] == reserved[2][100:]


@ON_BOTH
@_on_sqlite
async def test_a_beat_broken_at_any_request_to_the_chain_is_made_good_by_the_next(
    covered: list[Bank], clock: FixedClock, chain: LiveChain
) -> None:
    bank, broken = covered[0], 0
    for event in range(1, 40, 8):
        await _claim(bank, f"claim-{event}", event)
        chain.hook = fail_at(event)
        try:
            await _beats([bank], clock, 1)
        except ChainUnavailable:
            broken += 1
            clock.advance(timedelta(seconds=BEAT.seconds))
        chain.hook = lambda _moment: None
    await _beats([bank], clock, 7)
    assert broken
    for event in range(1, 40, 8):
        assert await bank.state(f"claim-{event}") is ClaimState.FINANCED


@_on_sqlite
async def test_a_beat_broken_at_any_statement_leaves_nothing_half_done(
    covered: list[Bank], clock: FixedClock, chain: LiveChain
) -> None:
    bank = covered[0]
    assert bank.hub.claims.covering
    await _claim(bank, "claim-1", 1)
    for _ in range(4):
        async for _statement in break_at_each_statement(bank.hub.database, bank.hub.claims.covering.beat):
            prepared = {row.purpose for row in await TransactionRow.filter(purpose__contains=":beat:")}
            batches = await CoverBatchRow.all()
            deeds = {deed for batch in batches for deed in (batch.deed, batch.release_deed) if deed}
            assert deeds <= prepared
            assert sum(deed.startswith("reserve") for deed in prepared) == len(batches)
            financed = sum(batch.state.startswith("FINANC") for batch in batches)
            assert sum(deed.startswith("finance") for deed in prepared) == financed
            assert await CoverWaitRow.all().count() + await CoverPlaceRow.all().count() == 1
        await bank.hub.outbox.drain()
        clock.advance(timedelta(seconds=BEAT.seconds))
    assert await bank.state("claim-1") is ClaimState.FINANCED
    assert all(succeeded for *_, succeeded, _events in _trace(chain, address_of(HUB)))


@_on_sqlite
async def test_a_batch_is_forgotten_long_after_its_last_age_and_its_claim_lives_on(
    covered: list[Bank], clock: FixedClock, chain: LiveChain
) -> None:
    bank = covered[0]
    assert bank.hub.claims.covering
    await _claim(bank, "claim-1", 1)
    first = BEAT.number(clock.now())
    await _beats([bank], clock, 2)
    for age in AGES:
        clock.advance(timedelta(seconds=(age - 1) * BEAT.seconds))
        await _beats([bank], clock, 1)
    assert (await CoverBatchRow.get(beat=first)).given_up == SPARE
    clock.advance(timedelta(seconds=(first + BEAT.kept - BEAT.number(clock.now())) * BEAT.seconds))
    assert await bank.hub.claims.covering.prune() == 0
    clock.advance(timedelta(seconds=BEAT.seconds))
    # Only a batch that has come to its end goes, however old it is.
    await CoverBatchRow.filter(beat=first).update(next_release=first)
    assert await bank.hub.claims.covering.prune() == 0
    await CoverBatchRow.filter(beat=first).update(next_release=None)
    batches = await CoverBatchRow.all().count()
    async for _statement in break_at_each_statement(bank.hub.database, bank.hub.claims.covering.prune):
        assert await CoverBatchRow.all().count() == batches
        assert await CoverPlaceRow.all().count() == 1
    assert await CoverBatchRow.all().count() == batches - 1
    assert await CoverPlaceRow.all().count() == 0
    kept = {row.purpose for row in await TransactionRow.filter(purpose__endswith=f":beat:{first}")}
    assert kept == set()
    assert await bank.state("claim-1") is ClaimState.FINANCED
    await _release_claim(bank, "claim-1")
    assert _lock_state(chain, 1) is LockState.RELEASED


def test_a_batch_has_cover_for_every_age() -> None:
    beat, given_up = due(100, 0), 1
    while beat is not None:
        following = due(beat, given_up)
        assert following is None or following - beat == AGES[given_up]
        beat, given_up = following, given_up + 1
    assert given_up == SPARE + 1


@pytest.mark.parametrize(("claims", "seconds"), [(SPARE, 60), (33, 60), (16, 0), (16, 3_601)])
def test_a_beat_that_could_not_be_kept_is_refused(claims: int, seconds: int) -> None:
    with pytest.raises(ValueError):
        Beat(claims, seconds)


def test_cover_is_told_from_claims_by_nothing_but_the_seed() -> None:
    prints, commitment = cover_claim(b"s" * 32, 3)
    assert len(set(prints)) == len(prints) == 8
    assert all(len(one) == 32 for one in prints)
    assert len(commitment) == 22
    assert cover_claim(b"s" * 32, 3) == (prints, commitment)
    assert cover_claim(b"t" * 32, 3)[0] != prints
    assert filled(prints[:3], commitment, b"x")[:3] == prints[:3]
    assert len(filled(prints[:3], commitment, b"x")) == 8
    with pytest.raises(ValueError):
        filled([*prints, prints[0]], commitment, b"x")
