"""A registration after it was made: looked at daily, amended, extended, renewed, ended, each once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from hub.lending.ports import PartyNames
from hub.lending.registrations import stored as stored_registrations
from hub.lending.registrations.states import RegistrationState
from hub.lending.registrations.stored import Registration
from hub.platform.outbox import Message
from hub.receivables.service import ReceivableState
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending import test_impairments as impairments
from tests.unit.hub.lending import test_order_loans as orders
from tests.unit.hub.lending.fake_registry import OTHER
from tests.unit.hub.lending.test_clearing import DUE
from tests.unit.hub.lending.test_registrations import FAR, S, records, state
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, move_to
from tests.unit.hub.receivables import trade

pytestmark = ON_SQLITE


async def looked(world: LendingWorld) -> None:
    await world.service.registrations.queue_looks()
    await world.settle_outbox()


@ON_BOTH
async def test_looked_at_once_a_day_and_extended_before_its_end(world: LendingWorld) -> None:
    financing = await world.disbursed()
    assert financing.claim_id is not None
    world.registry.asked.clear()
    await looked(world)
    await looked(world)
    assert world.registry.asked == ["look"]
    ends = world.registry.entries[financing.claim_id].expires_on
    world.clock.advance(timedelta(days=336))
    await looked(world)
    assert world.registry.asked == ["look", "look", "extend"]
    assert world.registry.entries[financing.claim_id].expires_on > ends
    assert await state(world, financing.claim_id) is S.EXTENDED
    assert (await records(world))[-1] == "registration.extended"


async def test_an_objection_is_noted_once(world: LendingWorld) -> None:
    claim_id = await registered(world)
    world.registry.object_to(claim_id, "主债权已清偿")
    await looked(world)
    found = await row(world, claim_id)
    assert (found.state, found.objection) == (S.OBJECTED, "主债权已清偿")
    world.clock.advance(timedelta(days=1))
    await looked(world)
    assert await records(world) == ["registration.registered", "registration.objected"]


async def row(world: LendingWorld, claim_id: str) -> Registration:
    found = await stored_registrations.find(claim_id)
    assert found is not None
    return found


async def registered(world: LendingWorld) -> str:
    """A paid-out financing; its claim's id, with the register's diary empty."""
    claim_id = (await world.disbursed()).claim_id
    assert claim_id is not None
    world.registry.asked.clear()
    return claim_id


async def paid_in_part(world: LendingWorld, fen: int = 20_000) -> None:
    await world.fund(BUYER, fen)
    move_to(world.clock, DUE)
    receivable = (await world.trade.service.get_certificate("certificate-1")).receivable_id
    await world.run(lambda: world.service.part_payments.pay_own(BUYER, "payment-1", receivable, fen))


@ON_BOTH
async def test_a_part_payment_is_amended_at_once_and_once(world: LendingWorld) -> None:
    claim_id = await registered(world)
    at = world.registry.entries[claim_id].registered_at
    await paid_in_part(world)
    await world.settle_outbox()
    entry, ours = world.registry.entries[claim_id], await row(world, claim_id)
    assert (entry.amount_fen, entry.status, entry.registered_at) == (30_020, "AMENDED", at)
    assert (ours.state, ours.invoice.amount_fen, ours.registered_at) == (S.AMENDED, 30_020, at)
    assert world.registry.asked == ["look", "amend"]
    await looked(world)
    assert world.registry.asked == ["look", "amend", "look"]
    assert (await records(world))[-1] == "registration.amended"


async def test_a_renamed_party_is_amended_by_the_daily_look(world: LendingWorld) -> None:
    world.names[SUPPLIER] = "沙盒通达精密零件有限公司"
    claim_id = await registered(world)
    assert world.registry.entries[claim_id].names == PartyNames("沙盒通达精密零件有限公司", "")
    world.names |= {SUPPLIER: "沙盒通达重工有限公司", BUYER: "沙盒核心企业"}
    await looked(world)
    assert world.registry.entries[claim_id].names == PartyNames("沙盒通达重工有限公司", "沙盒核心企业")
    assert (await row(world, claim_id)).names.grantor == "沙盒通达重工有限公司"
    # A directory that forgets a name takes none away from the register.
    world.names.clear()
    world.clock.advance(timedelta(days=1))
    await looked(world)
    assert (await row(world, claim_id)).names.debtor == "沙盒核心企业"


async def ran_out(world: LendingWorld, *, other: bool = False) -> str:
    """Nobody looked for longer than a year; perhaps another bank registered meanwhile."""
    claim_id = await registered(world)
    invoice = (await row(world, claim_id)).invoice
    world.clock.advance(timedelta(days=366))
    if other:
        world.registry.put("other-0001", invoice, FAR, OTHER)
    return claim_id


async def test_what_ran_out_is_searched_and_registered_anew(world: LendingWorld) -> None:
    claim_id = await ran_out(world)
    await looked(world)
    assert world.registry.asked == ["look", "search", "register", "search"]
    ours = await row(world, claim_id)
    assert (ours.state, ours.attempt, ours.outranked) == (S.REGISTERED, 2, False)
    assert world.registry.live() == [f"{claim_id}-r2"] == [ours.register_id]
    assert (await records(world))[-2:] == ["registration.expired", "registration.renewed"]
    assert await world.service.registrations.stands(claim_id) is True


async def test_outranked_meanwhile_it_is_registered_behind_and_carries_no_new_money(world: LendingWorld) -> None:
    claim_id = await ran_out(world, other=True)
    await looked(world)
    ours = await row(world, claim_id)
    assert (ours.state, ours.outranked) == (S.REGISTERED, True)
    assert world.registry.live() == ["other-0001", ours.register_id]
    assert (await records(world))[-1] == "registration.outranked"
    # The claim on the chain stays ours, for a loan rests on it, and says no to another.
    assert world.chain.released == []
    locks = world.service._claims
    assert await world.run(lambda: locks.state(claim_id)) == "REFUSED"
    assert (await locks.refusal(claim_id)).code == "REGISTRATION_CONFLICT"


async def test_no_new_money_while_it_is_registered_anew(world: LendingWorld) -> None:
    claim_id = await ran_out(world)
    await world.service.registrations.look(Message("", "", {"claim_id": claim_id}))
    assert await state(world, claim_id) is S.REQUESTED
    assert await world.run(lambda: world.service._claims.state(claim_id)) == "PENDING"
    await world.settle_outbox()
    assert await world.run(lambda: world.service._claims.state(claim_id)) == "FINANCED"


async def test_given_up_while_it_was_registered_anew_nothing_stays(world: LendingWorld) -> None:
    claim_id = await ran_out(world)
    await world.service.registrations.look(Message("", "", {"claim_id": claim_id}))
    await world.run(lambda: world.service.registrations.release(claim_id))
    await world.settle_outbox()
    assert (world.registry.live(), await state(world, claim_id)) == ([], S.DEREGISTERED)


def handler(world: LendingWorld, name: str) -> Callable[[Message], Awaitable[None]]:
    found: Callable[[Message], Awaitable[None]] = getattr(world.service.registrations, name)
    return found


async def to_amend(world: LendingWorld) -> str:
    claim_id = await registered(world)
    await paid_in_part(world)
    return claim_id


async def to_extend(world: LendingWorld) -> str:
    claim_id = await registered(world)
    world.clock.advance(timedelta(days=340))
    world.registry.object_to(claim_id, "异议")
    return claim_id


async def to_renew(world: LendingWorld) -> str:
    claim_id = await ran_out(world)
    await world.service.registrations.look(Message("", "", {"claim_id": claim_id}))
    return claim_id


async def to_release(world: LendingWorld) -> str:
    claim_id = await registered(world)
    await world.run(lambda: world.service.registrations.release(claim_id))
    return claim_id


@ON_BOTH
@pytest.mark.parametrize(
    ("prepare", "name", "after"),
    [
        (to_amend, "look", (S.AMENDED, "AMENDED", 30_020)),
        (to_extend, "look", (S.EXTENDED, "EXTENDED", 50_020)),
        (ran_out, "look", (S.REQUESTED, "EXPIRED", 50_020)),
        (to_renew, "register", (S.REGISTERED, "REGISTERED", 50_020)),
        (to_release, "deregister", (S.DEREGISTERED, "DEREGISTERED", 50_020)),
    ],
    ids=["amend", "extend-and-object", "expire", "renew", "deregister"],
)
async def test_broken_at_each_statement_and_done_once(
    world: LendingWorld,
    prepare: Callable[[LendingWorld], Awaitable[str]],
    name: str,
    after: tuple[RegistrationState, str, int],
) -> None:
    claim_id = await prepare(world)
    message, before = Message("", "", {"claim_id": claim_id}), await records(world)
    at = world.registry.entries[claim_id].registered_at
    async for _ in break_at_each_statement(world.database, lambda: handler(world, name)(message)):
        # What the hub wrote down it wrote down as a whole, with its record; the register may be ahead of it.
        assert len(world.registry.live()) <= 1
        assert await row(world, claim_id)
    ours = await row(world, claim_id)
    entry = world.registry.entries[ours.register_id if name == "register" else claim_id]
    assert (ours.state, world.registry._seen(entry).status, entry.amount_fen) == after
    assert world.registry.entries[claim_id].registered_at == at
    done = await records(world)
    await handler(world, name)(message)
    assert await records(world) == done and len(done) > len(before)
    await world.check_books()


async def test_an_orders_registration_is_over_what_is_still_to_come(world: LendingWorld) -> None:
    await orders.paid_out(world)
    claim_id = (await orders.seen(world)).application.claim_id
    assert claim_id is not None
    before_fen = sum(line.open_fen for line in (await orders.seen(world)).lines)
    assert (await row(world, claim_id)).invoice.amount_fen == before_fen
    await orders.delivered(world, steel="40")
    await world.settle_outbox()
    left_fen = sum(line.open_fen for line in (await orders.seen(world)).lines)
    assert 0 < left_fen < before_fen
    ours = await row(world, claim_id)
    assert (ours.state, ours.invoice.amount_fen) == (S.AMENDED, left_fen)
    assert world.registry.entries[claim_id].amount_fen == left_fen
    await looked(world)
    assert (await row(world, claim_id)).revision == ours.revision


async def test_a_settled_receivable_is_deregistered_though_a_loan_on_it_is_open(world: LendingWorld) -> None:
    receivable, loan_id = await impairments.lent_on(world)
    claim_id = (await world.service.loans.find(loan_id)).record.claim_id
    assert claim_id is not None and (await row(world, claim_id)).state is S.REGISTERED
    world.trade.erps.put(trade.credit("credit-1", receivable.invoice_document_id, steel="30"))
    await world.trade.sync()
    await impairments.confirmed_anew(world, receivable)
    # The buyer owes less than was lent, and pays it: nothing secures the rest of the loan any more.
    move_to(world.clock, DUE)
    await world.fund(BUYER, 60_000)
    await world.service.clearing.run()
    await world.settle_outbox()
    assert (await impairments.receivable_of(world, receivable)).state is ReceivableState.SETTLED
    assert not (await world.service.loans.find(loan_id)).record.closed
    assert (await row(world, claim_id)).state is S.DEREGISTERED
    # Nobody is to lend on an invoice that is paid: on the chain it stays ours.
    assert claim_id in world.chain.locked.values() and claim_id not in world.chain.released
    await world.check_books()
