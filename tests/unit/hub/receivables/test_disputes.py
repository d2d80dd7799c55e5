"""Disputes and dilution: who may, until when, and what the law keeps from a buyer who confirmed."""

from __future__ import annotations

import pytest

from hub.platform.legal_rules import FABRICATED
from hub.receivables.disputes.desk import Ground, Impairment
from hub.receivables.model import Receivable
from hub.receivables.states import ReceivableState
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused

S = ReceivableState


async def disputed(world: World, receivable: Receivable, ground: Ground = Ground.QUALITY) -> Receivable:
    return await world.run(
        lambda: world.service.disputes.dispute(trade.BUYER, receivable.receivable_id, ground, "表面锈蚀")
    )


async def reinstated(world: World, receivable: Receivable, by: str = trade.BUYER) -> Receivable:
    return await world.run(lambda: world.service.disputes.reinstate(by, receivable.receivable_id))


@pytest.mark.parametrize("confirmed", [False, True])
async def test_the_buyer_disputes_before_and_after_it_confirmed(world: World, confirmed: bool) -> None:
    receivable = await (world.confirmed() if confirmed else world.matched())
    assert (await disputed(world, receivable)).state is S.DISPUTED
    records = await world.records()
    found = [content for kind, content, _ in records.values() if kind == "receivable.disputed"]
    assert [(item["ground"], item["by"]) for item in found] == [("QUALITY", trade.BUYER)]
    await refused("STATE_CONFLICT", disputed(world, receivable))


async def test_only_the_buyer_disputes_and_strangers_see_nothing(world: World) -> None:
    receivable = await world.confirmed()
    dispute = world.service.disputes.dispute
    identity = receivable.receivable_id
    await refused("PERMISSION_DENIED", world.run(lambda: dispute(trade.SUPPLIER, identity, Ground.PRICE, "")))
    await refused("NOT_FOUND", world.run(lambda: dispute(trade.SECOND_TIER, identity, Ground.PRICE, "")))


async def test_a_certificate_is_never_disputed_away(world: World) -> None:
    certificate = await world.held()
    receivable = await world.service.get_receivable(certificate.receivable_id)
    error = await refused("STATE_CONFLICT", disputed(world, receivable))
    assert error.params["state"] == S.CERTIFICATED


@pytest.mark.parametrize("lend", ["pledge", "assign"])
async def test_towards_a_lender_the_trade_was_real(world: World, lend: str) -> None:
    receivable = await world.confirmed()
    await world.run(lambda: getattr(world.service, lend)(receivable.receivable_id, "loan-0001"))
    error = await refused("STATE_CONFLICT", disputed(world, receivable, Ground.NOT_REAL))
    assert error.params["rule"] == FABRICATED
    told: list[Impairment] = []

    async def tell(_: Receivable, impairment: Impairment) -> None:
        told.append(impairment)

    world.service.when_impaired(tell)
    await disputed(world, receivable)
    assert told == [Impairment.DISPUTED]


@pytest.mark.parametrize("by", [trade.BUYER, trade.SUPPLIER])
async def test_who_came_to_terms_confirms_anew(world: World, by: str) -> None:
    receivable = await world.confirmed()
    await disputed(world, receivable)
    again = await reinstated(world, receivable, by)
    assert (again.state, again.confirmed_at) == (S.MATCHED, None)
    prepared = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    assert prepared.amount_fen == receivable.amount_fen


async def test_a_dispute_over_changed_documents_ends_in_a_draft_with_reasons(world: World) -> None:
    receivable = await world.matched()
    await disputed(world, receivable)
    world.erps.put(trade.receipt("shipment-1", "purchase-1", steel="30"), version=99)
    await world.sync()
    again = await reinstated(world, receivable)
    assert again.state is S.DRAFT
    assert [reason.code for reason in again.reasons] == ["ABOVE_RECEIVED"]


async def test_only_the_supplier_gives_up_and_then_the_invoice_is_free(world: World) -> None:
    receivable = await world.confirmed()
    give_up = world.service.disputes.give_up
    identity = receivable.receivable_id
    await refused("STATE_CONFLICT", world.run(lambda: give_up(trade.SUPPLIER, identity)))
    await disputed(world, receivable)
    await refused("PERMISSION_DENIED", world.run(lambda: give_up(trade.BUYER, identity)))
    assert (await world.run(lambda: give_up(trade.SUPPLIER, identity))).state is S.VOID
    await refused("STATE_CONFLICT", reinstated(world, receivable))


async def test_both_parties_read_what_was_said_and_who_ended_it(world: World) -> None:
    receivable = await world.confirmed()
    await disputed(world, receivable)
    await reinstated(world, receivable, trade.SUPPLIER)
    list_of = world.service.disputes.list_of
    for caller in (trade.BUYER, trade.SUPPLIER):
        (said,) = await list_of(caller, receivable.receivable_id)
        assert (said.ground, said.statement, said.ended_by) == ("QUALITY", "表面锈蚀", trade.SUPPLIER)
    await refused("NOT_FOUND", list_of(trade.SECOND_TIER, receivable.receivable_id))


async def test_a_dispute_is_whole_or_not_there(world: World) -> None:
    receivable = await world.confirmed()
    before = await world.snapshot()
    async for _ in break_at_each_statement(world.database, lambda: disputed(world, receivable)):
        assert await world.snapshot() == before
    assert (await world.service.get_receivable(receivable.receivable_id)).state is S.DISPUTED
    before = await world.snapshot()
    async for _ in break_at_each_statement(world.database, lambda: reinstated(world, receivable)):
        assert await world.snapshot() == before
    assert (await world.service.get_receivable(receivable.receivable_id)).state is S.MATCHED


async def test_confirmed_anew_again_and_again_within_a_second_each_has_its_record(world: World) -> None:
    receivable = await world.confirmed()
    identity = receivable.receivable_id
    for _ in range(3):
        await world.run(lambda: world.service.disputes.dispute(trade.BUYER, identity, Ground.QUALITY, ""))
        await world.run(lambda: world.service.disputes.reinstate(trade.SUPPLIER, identity))
        await world.confirm(await world.service.confirmations.prepare(trade.BUYER, identity))
    at = int(world.clock.now().timestamp())
    made = [name for name in await world.records() if name.startswith("confirmation:")]
    expected = [f"confirmation:{identity}{end}" for end in ("", f":{at}", f":{at}-2", f":{at}-3")]
    assert sorted(made) == sorted(expected)
