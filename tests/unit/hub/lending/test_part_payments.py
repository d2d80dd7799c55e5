"""A buyer who pays in parts: everybody gets the same fraction, loans first; whatever breaks, nothing is half paid."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from huilian.lending.v1 import collection_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger.rules import is_party
from hub.lending.clearing.rules import apportion
from hub.lending.clearing.stored import PartPayment
from hub.lending.collections.rpc import CollectionServicer
from hub.lending.rules import LoanState
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.receivables.service import CertificateState, Receivable, ReceivableState
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.test_clearing import AMOUNT, DUE, receivable_id, split_and_transferred
from tests.unit.hub.lending.test_financing import LIMIT
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER, LendingWorld, at_noon, move_to, refused

pytestmark = ON_SQLITE

GUARANTOR = "guarantor-00000001"
CLAIMS = st.lists(st.integers(0, 10**12), min_size=1, max_size=12)


@given(st.data(), CLAIMS)
def test_each_gets_its_exact_share_to_the_fen(data: st.DataObject, owed: list[int]) -> None:
    total = sum(owed)
    amount = data.draw(st.integers(0, total))
    shares = apportion(amount, owed)
    assert sum(shares) == amount
    for share, claim in zip(shares, owed, strict=True):
        assert 0 <= share <= claim
        # Less than one fen from amount * claim / total, in whole numbers.
        assert abs(share * total - amount * claim) < max(total, 1)
    if amount == total:
        assert shares == owed


@given(st.integers(1, 10**6), st.integers(2, 8), st.lists(st.integers(1, 10**6), max_size=20))
def test_equal_claims_stay_within_a_fen_of_each_other_over_any_payments(
    claim: int, count: int, payments: list[int]
) -> None:
    owed = [claim] * count
    for payment in payments:
        shares = apportion(min(payment, sum(owed)), owed)
        owed = [left - share for left, share in zip(owed, shares, strict=True)]
        assert max(owed) - min(owed) <= 1


@pytest.mark.parametrize(("amount", "owed"), [(-1, [5]), (6, [5]), (1, []), (1, [-1, 5])])
def test_what_cannot_be_shared_is_refused(amount: int, owed: list[int]) -> None:
    with pytest.raises(ValueError, match="cannot be shared"):
        apportion(amount, owed)


async def pay(world: LendingWorld, amount_fen: int, payment_id: str = "payment-1", payer: str = BUYER) -> PartPayment:
    name = await receivable_id(world)
    return await world.run(lambda: world.service.part_payments.book(payment_id, name, payer, amount_fen))


async def receivable(world: LendingWorld) -> Receivable:
    return await world.trade.service.get_receivable(await receivable_id(world))


async def check_whole(world: LendingWorld) -> None:
    """Unspent + redeemed = issued <= confirmed, with what is partly redeemed counted as far as it is."""
    await world.check_books()
    sql = "SELECT receivable_id, amount_fen, issued_fen, redeemed_fen, direct_fen FROM receivables_receivable"
    for row in await world.database.fetch(sql):
        parts = await world.database.fetch(
            "SELECT state, amount_fen, redeemed_fen FROM receivables_certificate WHERE receivable_id = $1",
            row["receivable_id"],
        )
        spent = {"SPLIT", "TRANSFERRED", "REFUSED", "CANCELLED"}
        live = [part for part in parts if part["state"] not in spent]
        assert sum(part["amount_fen"] for part in live) == row["issued_fen"]
        assert sum(part["redeemed_fen"] for part in live) == row["redeemed_fen"]
        assert row["issued_fen"] + row["direct_fen"] <= row["amount_fen"]


async def test_a_half_goes_to_all_in_proportion_and_to_loans_first(world: LendingWorld) -> None:
    await split_and_transferred(world)
    advance = await world.balance(SUPPLIER)
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    paid = await pay(world, AMOUNT // 2)
    assert paid.unpaid_fen == AMOUNT // 2
    # 100 yuan on the financed certificate of 200 go to the loan, 150 to the second tier, 0.10 to the supplier.
    assert await world.balance(SECOND_TIER) == 15_000
    assert await world.balance(SUPPLIER) == advance + 10
    loan = await world.service.loans.get(SUPPLIER, "financing-a")
    assert (loan.events[-1].amount_fen, loan.events[-1].interest_part_fen) == (10_000, 65)
    certificate = await world.trade.service.get_certificate("certificate-c")
    assert (certificate.state, certificate.redeemed_fen) == (CertificateState.DUE, 15_000)
    now = await receivable(world)
    assert (now.state, now.redeemed_fen, now.direct_fen) == (ReceivableState.CERTIFICATED, 25_000, 10)
    await check_whole(world)


@ON_BOTH
async def test_parts_and_the_clearing_of_the_rest_come_to_the_same_as_the_whole(world: LendingWorld) -> None:
    await split_and_transferred(world)
    advance = await world.balance(SUPPLIER)
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    for number, part in enumerate((1, 7, 9_999, 333, 20_000)):
        await pay(world, part, f"payment-{number}")
        await check_whole(world)
    assert len((await world.service.tick()).settled) == 1
    assert await world.balance(BUYER) == 0
    assert await world.balance(SECOND_TIER) == 30_000
    assert await world.balance(SUPPLIER) == advance + 20_000 - 18_065 + 20
    assert (await receivable(world)).state is ReceivableState.SETTLED
    assert (await world.service.limits.get(LIMIT)).utilised_fen == 0
    await check_whole(world)


async def test_a_part_that_pays_the_rest_settles(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, at_noon(2026, 4, 6))
    await world.fund(GUARANTOR, AMOUNT)
    await pay(world, 30_000, "payment-1", GUARANTOR)
    await pay(world, AMOUNT - 30_000, "payment-2")
    assert (await receivable(world)).state is ReceivableState.SETTLED
    assert (await world.service.loans.get(SUPPLIER, "financing-1")).state is LoanState.CLOSED
    assert await world.balance(GUARANTOR) == AMOUNT - 30_000
    assert await world.balance(BUYER) == 30_000
    await refused("STATE_CONFLICT", pay(world, 1, "payment-3"))
    await check_whole(world)


async def test_what_is_left_unpaid_is_overdue_and_cleared_when_the_rest_is_there(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, 20_000)
    move_to(world.clock, DUE)
    await pay(world, 20_000)
    world.clock.advance(timedelta(days=1))
    assert len((await world.service.tick()).overdue) == 1
    await world.fund(BUYER, AMOUNT - 20_000)
    assert len((await world.service.tick()).settled) == 1
    assert await world.balance(BUYER) == 0
    await check_whole(world)


@pytest.mark.parametrize(
    ("amount", "code"), [(AMOUNT + 1, "AMOUNT_EXCEEDS_RECEIVABLE"), (20_001, "INSUFFICIENT_FUNDS")]
)
async def test_too_much_is_refused_and_leaves_nothing(world: LendingWorld, amount: int, code: str) -> None:
    await world.disbursed()
    await world.fund(BUYER, 20_000)
    move_to(world.clock, DUE)
    before = await world.snapshot()
    await refused(code, pay(world, amount))
    assert await world.snapshot() == before


async def test_before_the_due_date_nothing_is_taken(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    await refused("STATE_CONFLICT", pay(world, 1))


async def test_only_the_buyer_pays_as_the_buyer_and_an_id_pays_once(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    name = await receivable_id(world)
    own = world.service.part_payments.pay_own
    await refused("NOT_FOUND", world.run(lambda: own(SUPPLIER, "payment-1", name, 100)))
    await world.run(lambda: own(BUYER, "payment-1", name, 100))
    await refused("ALREADY_EXISTS", world.run(lambda: own(BUYER, "payment-1", name, 200)))


async def test_no_holder_learns_what_the_others_got(world: LendingWorld) -> None:
    await split_and_transferred(world)
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    await pay(world, 1_000)
    records = await world.trade.records()
    shared = records["receivable-part-paid:payment-1"][1]
    assert not any(is_party(shared, party) for party in (BUYER, SUPPLIER, SECOND_TIER))
    own = records["certificate-paid:certificate-c:payment-1"][1]
    assert is_party(own, SECOND_TIER)
    assert own["paid_fen"] == 600


@ON_BOTH
async def test_broken_at_each_statement_a_part_is_paid_wholly_or_not_at_all(
    world: LendingWorld, database: Database
) -> None:
    await split_and_transferred(world)
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    before = await world.snapshot()
    async for _ in break_at_each_statement(database, lambda: pay(world, 12_345), most=400):
        assert await world.snapshot() == before
    assert await world.balance(BUYER) == AMOUNT - 12_345
    await check_whole(world)


@ON_BOTH
async def test_parts_and_clearings_at_once_never_pay_twice(world: LendingWorld) -> None:
    await split_and_transferred(world)
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    parts = [asyncio.create_task(pay(world, 5_000, f"payment-{number}")) for number in range(8)]
    rounds = [asyncio.create_task(world.service.tick()) for _ in range(4)]
    await asyncio.gather(*parts, *rounds, return_exceptions=True)
    await world.service.tick()
    assert (await receivable(world)).state is ReceivableState.SETTLED
    assert await world.balance(BUYER) == 0
    assert await world.balance(SECOND_TIER) == 30_000
    await check_whole(world)


@ON_BOTH
async def test_on_the_wire_a_repeated_request_pays_once(world: LendingWorld) -> None:
    await world.disbursed()
    await world.fund(BUYER, AMOUNT)
    move_to(world.clock, DUE)
    servicer = CollectionServicer(world.service, Idempotency(world.database, world.clock))
    set_current_caller(Caller(BUYER, Role.ENTERPRISE))
    request = pb.PayReceivableRequest(
        request_id="request-1", payment_id="payment-1", receivable_id=await receivable_id(world), amount_fen=700
    )
    first = await servicer.PayReceivable(request, None)
    assert await servicer.PayReceivable(request, None) == first
    assert first.payment.unpaid.amount_fen == AMOUNT - 700
    listed = await servicer.ListReceivablePayments(
        pb.ListReceivablePaymentsRequest(receivable_id=request.receivable_id), None
    )
    assert [item.payment_id for item in listed.payments] == ["payment-1"]
    assert await world.balance(BUYER) == AMOUNT - 700
