"""Nothing is disbursed unregistered: search, register, disburse; conflicts, outages, crashes, the end of a loan."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hub.lending.financings.claim_locks import invoice_identity
from hub.lending.ports import PartyNames
from hub.lending.registrations import stored as stored_registrations
from hub.lending.registrations.states import RegistrationState
from hub.lending.rules import FinancingState
from hub.platform.legal_rules import QUERY_FIRST
from hub.platform.outbox import Message
from hub.receivables.service import CertificateState
from ledger.registry.invoices import InvoiceIdentity
from tests.support.breaking import Broken, break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.lending.fake_registry import OTHER
from tests.unit.hub.lending.test_clearing import DUE
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, move_to, refused

pytestmark = ON_SQLITE

S = RegistrationState
FAR = date(2030, 1, 1)


async def signed(world: LendingWorld) -> str:
    """A contract that waits for its claim; the claim's id."""
    await world.held()
    await world.offered()
    claim_id = (await world.signed()).claim_id
    assert claim_id is not None
    return claim_id


async def invoice_of(world: LendingWorld) -> InvoiceIdentity:
    certificate = await world.trade.service.get_certificate("certificate-1")
    return invoice_identity(await world.trade.service.get_receivable(certificate.receivable_id))


async def state(world: LendingWorld, claim_id: str) -> RegistrationState:
    found = await stored_registrations.find(claim_id)
    assert found is not None
    return found.state


async def records(world: LendingWorld) -> list[str]:
    return [kind for kind, _, _ in (await world.trade.records()).values() if kind.startswith("registration.")]


async def test_searched_registered_disbursed(world: LendingWorld) -> None:
    claim_id = await signed(world)
    assert world.registry.asked == []
    await world.settle_outbox()
    assert world.registry.asked == ["search", "register", "search"]
    assert (await world.financing()).state is FinancingState.DISBURSED
    assert (world.registry.live(), await state(world, claim_id)) == ([claim_id], S.REGISTERED)
    assert await records(world) == ["registration.registered"]


async def test_a_prior_registration_of_another_stops_the_money(world: LendingWorld) -> None:
    claim_id = await signed(world)
    world.registry.put("other-0001", await invoice_of(world), FAR, OTHER)
    await world.settle_outbox()
    financing = await world.financing()
    assert (financing.state, financing.reasons[-1].code) == (FinancingState.REJECTED, "REGISTRATION_CONFLICT")
    assert "登记" in financing.reasons[-1].text_zh
    assert await state(world, claim_id) is S.CONFLICTED
    assert world.chain.released == [claim_id]
    assert (await world.trade.service.get_certificate("certificate-1")).state is CertificateState.HELD
    assert (await world.service.limits.get(f"receivable-loan:{BUYER}")).blocked_fen == 0
    assert world.registry.live() == ["other-0001"]
    assert (await world.service._claims.refusal(claim_id)).params["rule"] == QUERY_FIRST


async def test_who_registers_between_search_and_registration_is_first(world: LendingWorld) -> None:
    claim_id = await signed(world)
    invoice = await invoice_of(world)
    register = world.registry.register

    async def late(registration_id: str, wanted: InvoiceIdentity, expires_on: date, names: PartyNames) -> object:
        world.registry.put("other-0001", invoice, FAR, OTHER)
        return await register(registration_id, wanted, expires_on, names)

    world.registry.register = late  # type: ignore[method-assign, assignment]
    await world.settle_outbox()
    assert (await world.financing()).reasons[-1].code == "REGISTRATION_CONFLICT"
    assert await state(world, claim_id) is S.CONFLICTED
    assert world.registry.live() == ["other-0001"]


async def test_while_the_register_is_away_nothing_is_paid(world: LendingWorld) -> None:
    await signed(world)
    world.registry.away = True
    for _ in range(3):
        await world.settle_outbox()
        world.clock.advance(timedelta(minutes=1))
    assert (await world.financing()).state is FinancingState.SIGNED
    await refused("NOT_FOUND", world.service.loans.find("financing-1"))
    world.registry.away = False
    await world.settle_outbox()
    assert (await world.financing()).state is FinancingState.DISBURSED


async def test_too_late_and_the_contract_ends_and_what_was_under_way_is_undone(world: LendingWorld) -> None:
    claim_id = await signed(world)
    world.registry.away = True
    await world.settle_outbox()
    move_to(world.clock, DUE)
    await world.service.financings.expire()
    assert (await world.financing()).state is FinancingState.EXPIRED
    world.registry.away = False
    world.clock.advance(timedelta(minutes=1))
    await world.settle_outbox()
    assert world.registry.live() == []
    assert await state(world, claim_id) is S.DEREGISTERED


async def test_a_release_that_overtakes_a_registration_still_ends_it(world: LendingWorld) -> None:
    claim_id = await signed(world)
    await world.run(lambda: world.service._claims.decided(claim_id, "FINANCED"))
    register = world.registry.register

    async def overtaken(registration_id: str, invoice: InvoiceIdentity, expires_on: date, names: PartyNames) -> object:
        await world.run(lambda: world.service.registrations.release(claim_id))
        await world.service.registrations.deregister(Message("", "", {"claim_id": claim_id}))
        return await register(registration_id, invoice, expires_on, names)

    world.registry.register = overtaken  # type: ignore[method-assign, assignment]
    await world.service.registrations.register(Message("", "", {"claim_id": claim_id}))
    assert world.registry.live() == [claim_id]
    await world.settle_outbox()
    assert world.registry.live() == []


@ON_BOTH
async def test_broken_at_each_statement_it_is_registered_once_and_paid_once(world: LendingWorld) -> None:
    claim_id = await signed(world)
    await world.run(lambda: world.service._claims.decided(claim_id, "FINANCED"))
    message = Message("", "", {"claim_id": claim_id})
    async for _ in break_at_each_statement(world.database, lambda: world.service.registrations.register(message)):
        assert (await world.financing()).state is FinancingState.SIGNED
        assert len(world.registry.entries) <= 1
    assert world.registry.live() == [claim_id]
    await world.settle_outbox()
    assert (await world.financing()).state is FinancingState.DISBURSED
    assert world.registry.live() == [claim_id]
    await world.check_books()


@ON_BOTH
async def test_a_process_that_dies_behind_the_register_registers_nothing_twice(world: LendingWorld) -> None:
    claim_id = await signed(world)
    await world.run(lambda: world.service._claims.decided(claim_id, "FINANCED"))
    search, calls = world.registry.search, [0]

    async def dying(invoice: InvoiceIdentity) -> object:
        calls[0] += 1
        if calls[0] == 2:
            raise Broken
        return await search(invoice)

    world.registry.search = dying  # type: ignore[method-assign, assignment]
    with pytest.raises(Broken):
        await world.service.registrations.register(Message("", "", {"claim_id": claim_id}))
    assert (world.registry.live(), await state(world, claim_id)) == ([claim_id], S.QUERIED)
    await world.settle_outbox()
    assert (await world.financing()).state is FinancingState.DISBURSED
    assert list(world.registry.entries) == [claim_id]


async def test_a_repaid_loan_is_deregistered(world: LendingWorld) -> None:
    financing = await world.disbursed()
    await world.fund(SUPPLIER, 100_000)
    owed = await world.service.loans.payoff(SUPPLIER, "financing-1")
    await world.repay(SUPPLIER, int(owed.total_fen), "financing-1")
    await world.settle_outbox()
    assert financing.claim_id is not None
    assert (world.registry.live(), await state(world, financing.claim_id)) == ([], S.DEREGISTERED)
    assert (await records(world))[-1] == "registration.deregistered"


async def test_a_deregistration_waits_for_the_register(world: LendingWorld) -> None:
    financing = await world.disbursed()
    world.registry.away = True
    await world.fund(SUPPLIER, 100_000)
    owed = await world.service.loans.payoff(SUPPLIER, "financing-1")
    await world.repay(SUPPLIER, int(owed.total_fen), "financing-1")
    await world.settle_outbox()
    assert financing.claim_id is not None
    assert await state(world, financing.claim_id) is S.RELEASING
    world.registry.away = False
    world.clock.advance(timedelta(minutes=1))
    await world.settle_outbox()
    assert await state(world, financing.claim_id) is S.DEREGISTERED
