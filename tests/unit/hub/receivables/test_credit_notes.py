"""Returns and credit notes: matched net before the buyer signs, diluting what it signed after."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.receivables.disputes.desk import Ground, Impairment
from hub.receivables.model import Receivable
from hub.receivables.service import FrozenKind
from hub.receivables.states import ReceivableState
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused

# What is tested are rules; their statements run on PostgreSQL in the histories of tests/soak/trade_histories.py.
pytestmark = pytest.mark.parametrize("database_maker", ["sqlite"], indirect=True)

S = ReceivableState
WHOLE_FEN, TEN_KG_FEN = 50_020, 12_505


def codes(receivable: Receivable) -> list[str]:
    return [reason.code for reason in receivable.reasons]


async def told(world: World, *documents: trade.TradeDocument, erp_state: str = "posted") -> Receivable:
    """The documents come in; the one receivable that they change."""
    for document in documents:
        world.erps.put(document, erp_state)
    (changed,) = (await world.sync()).receivables
    return changed


async def now(world: World, receivable: Receivable) -> Receivable:
    return await world.service.get_receivable(receivable.receivable_id)


async def reinstated(world: World, receivable: Receivable) -> Receivable:
    return await world.run(lambda: world.service.disputes.reinstate(trade.BUYER, receivable.receivable_id))


async def test_a_return_takes_the_match_away_and_the_credit_note_gives_it_back_for_what_is_left(world: World) -> None:
    matched = await world.matched(steel="40")
    draft = await told(world, trade.returned("return-1", steel="10"))
    assert (draft.receivable_id, draft.state, codes(draft)) == (matched.receivable_id, S.DRAFT, ["ABOVE_RECEIVED"])
    again = await told(world, trade.credit("credit-1", "invoice-1", steel="10"))
    assert (again.state, again.amount_fen, again.credited_fen) == (S.MATCHED, WHOLE_FEN - TEN_KG_FEN, TEN_KG_FEN)
    assert again.invoiced_fen == WHOLE_FEN
    assert again.evidence is not None
    assert [len(again.evidence[kind]) for kind in ("returns", "credit_notes")] == [1, 1]
    prepared = await world.service.confirmations.prepare(trade.BUYER, again.receivable_id)
    assert prepared.amount_fen == WHOLE_FEN - TEN_KG_FEN
    assert (await world.confirm(prepared)).state is S.CONFIRMED


async def test_a_return_that_is_withdrawn_counts_no_longer(world: World) -> None:
    await world.matched(steel="40")
    await told(world, trade.returned("return-1", steel="10"))
    again = await told(world, trade.returned("return-1", steel="10"), erp_state="cancelled")
    assert (again.state, again.amount_fen) == (S.MATCHED, WHOLE_FEN)


async def test_a_credit_note_may_come_before_everything_else(world: World) -> None:
    world.erps.put(trade.credit("credit-1", "invoice-1", steel="10"))
    await world.sync()
    assert (await world.matched(steel="40")).amount_fen == WHOLE_FEN - TEN_KG_FEN


async def test_a_credit_note_in_full_leaves_nothing_owed(world: World) -> None:
    await world.matched(steel="40")
    draft = await told(world, trade.credit("credit-1", "invoice-1", steel="40"))
    assert (draft.state, codes(draft)) == (S.DRAFT, ["CREDITED_IN_FULL"])


@pytest.mark.parametrize("steel", ["40.01", "41", "100"])
async def test_credit_notes_for_more_than_was_invoiced_are_refused(world: World, steel: str) -> None:
    await world.matched(steel="40")
    draft = await told(world, trade.credit("credit-1", "invoice-1", steel=steel))
    assert draft.state is S.DRAFT
    assert set(codes(draft)) == {"CREDIT_ABOVE_INVOICE"}
    await refused("MATCH_FAILED", world.service.confirmations.prepare(trade.BUYER, draft.receivable_id))


async def test_two_credit_notes_add_up(world: World) -> None:
    await world.matched(steel="40")
    await told(world, trade.credit("credit-1", "invoice-1", steel="30"))
    draft = await told(world, trade.credit("credit-2", "invoice-1", steel="11"))
    assert set(codes(draft)) == {"CREDIT_ABOVE_INVOICE"}


async def test_an_allowance_lowers_the_amount_and_frees_no_goods(world: World) -> None:
    await world.matched(steel="40")
    lower = await told(world, trade.allowance("credit-1", "invoice-1", "steel", "40", "100"))
    assert (lower.state, lower.amount_fen) == (S.MATCHED, WHOLE_FEN - 4_000)
    second = await told(world, trade.invoice("invoice-2", steel="1"))
    assert codes(second) == ["ABOVE_RECEIVED"]


async def test_credited_goods_may_be_billed_again_once_they_come_again(world: World) -> None:
    await world.matched(steel="40")
    await told(world, trade.returned("return-1", steel="10"))
    await told(world, trade.credit("credit-1", "invoice-1", steel="10"))
    world.erps.put(trade.receipt("shipment-2", steel="10"))
    world.erps.put(trade.invoice("invoice-2", steel="10"))
    found = {one.invoice_document_id: one for one in (await world.sync()).receivables}
    assert (found["invoice-2"].state, found["invoice-2"].amount_fen) == (S.MATCHED, TEN_KG_FEN)
    order = await world.service.find_order(trade.BUYER, "purchase-1")
    assert order.open_fen[trade.STEEL] == 60 * 1250.5


async def test_a_credit_note_without_an_invoice_belongs_to_the_only_one(world: World) -> None:
    await world.matched(steel="40")
    assert (await told(world, trade.credit("credit-1", steel="10"))).amount_fen == WHOLE_FEN - TEN_KG_FEN
    world.erps.put(trade.receipt("shipment-2", steel="10"))
    world.erps.put(trade.invoice("invoice-2", steel="10"))
    changed = (await world.sync()).receivables
    assert [codes(one) for one in changed] == [["CREDIT_UNALLOCATED"], ["CREDIT_UNALLOCATED"]]
    named = replace(trade.credit("credit-1", "invoice-1", steel="10"), number="NO-credit-1")
    world.erps.put(named)
    found = {one.invoice_document_id: one for one in (await world.sync()).receivables}
    assert found["invoice-1"].amount_fen == WHOLE_FEN - TEN_KG_FEN
    assert found["invoice-2"].amount_fen == TEN_KG_FEN


async def test_a_return_that_does_not_say_what_went_back_holds_the_order_up(world: World) -> None:
    await world.matched(steel="40")
    vague = trade.with_line(trade.returned("return-1", steel="1"), 1, order_line_id="")
    assert codes(await told(world, vague)) == ["RETURN_UNALLOCATED"]


async def test_a_credit_note_older_than_its_invoice_blocks(world: World) -> None:
    matched = await world.matched(steel="40")
    early = replace(trade.credit("credit-1", "invoice-1", steel="10"), issue_date=matched.issue_date.replace(day=1))
    assert codes(await told(world, early)) == ["CREDIT_PREDATES_INVOICE"]


async def test_a_strangers_credit_note_takes_nothing_off_and_is_told(world: World) -> None:
    matched = await world.matched(steel="40")
    world.erps.put(replace(trade.credit("credit-1", "invoice-1", steel="10"), supplier_uscc=trade.SECOND_TIER))
    world.erps.put(replace(trade.credit("credit-2", steel="10"), order_document_ids=()))
    world.erps.put(replace(trade.returned("return-1", steel="10"), order_document_ids=()))
    taken = await world.sync()
    assert [one.document_id for one in taken.rejected] == ["credit-1", "credit-2", "return-1"]
    assert taken.receivables == ()
    assert await now(world, matched) == matched


async def test_a_strangers_credit_note_that_came_first_takes_nothing_off(world: World) -> None:
    world.erps.put(replace(trade.credit("credit-1", "invoice-1", steel="10"), supplier_uscc=trade.SECOND_TIER))
    assert (await world.matched(steel="40")).amount_fen == WHOLE_FEN


async def test_a_late_credit_note_dilutes_and_what_is_left_is_confirmed_anew(world: World) -> None:
    receivable = await world.confirmed(steel="40")
    told_of: list[Impairment] = []

    async def tell(_: Receivable, impairment: Impairment) -> None:
        told_of.append(impairment)

    world.service.when_impaired(tell)
    await world.run(lambda: world.service.pledge(receivable.receivable_id, "loan-0001"))
    diluted = await told(world, trade.credit("credit-1", "invoice-1", steel="10"))
    assert (diluted.state, told_of) == (S.DILUTED, [Impairment.DILUTED])
    (said,) = [content for kind, content, _ in (await world.records()).values() if kind == "receivable.diluted"]
    assert (said["document_ids"], said["credited_fen"]) == (["credit-1"], TEN_KG_FEN)
    again = await reinstated(world, receivable)
    assert (again.state, again.amount_fen) == (S.MATCHED, WHOLE_FEN - TEN_KG_FEN)
    confirmed = await world.confirm(await world.service.confirmations.prepare(trade.BUYER, again.receivable_id))
    assert confirmed.state is S.CONFIRMED
    world.erps.put(trade.receipt("shipment-2", steel="1"))
    assert (await world.sync()).receivables == ()


async def part_paid_and_disputed(world: World, paid_fen: int) -> Receivable:
    receivable = await world.confirmed(steel="40")
    world.clock.advance(timedelta(days=40))
    await world.run(lambda: world.service.pay_direct(receivable.receivable_id, paid_fen))
    dispute = world.service.disputes.dispute
    return await world.run(lambda: dispute(trade.BUYER, receivable.receivable_id, Ground.QUALITY, ""))


async def test_what_was_paid_before_a_dispute_is_paid_after_it(world: World) -> None:
    disputed = await part_paid_and_disputed(world, 10_000)
    again = await reinstated(world, disputed)
    assert (again.state, again.direct_fen, again.unpaid_fen) == (S.MATCHED, 10_000, WHOLE_FEN - 10_000)
    confirmed = await world.confirm(await world.service.confirmations.prepare(trade.BUYER, again.receivable_id))
    assert (await now(world, confirmed)).unpaid_fen == WHOLE_FEN - 10_000


@pytest.mark.parametrize("more_fen", [0, 1, 30_000])
async def test_credited_down_to_what_was_paid_nothing_is_owed(world: World, more_fen: int) -> None:
    disputed = await part_paid_and_disputed(world, WHOLE_FEN - TEN_KG_FEN + min(more_fen, TEN_KG_FEN))
    world.erps.put(trade.credit("credit-1", "invoice-1", steel="10"))
    await world.sync()
    again = await reinstated(world, disputed)
    assert (again.state, codes(again), again.direct_fen) == (S.DRAFT, ["CREDITED_IN_FULL"], disputed.direct_fen)


async def test_a_return_after_the_confirmation_dilutes_by_what_the_goods_are_worth(world: World) -> None:
    receivable = await world.confirmed(steel="40")
    assert (await told(world, trade.returned("return-1", steel="10"))).state is S.DILUTED
    (said,) = [content for kind, content, _ in (await world.records()).values() if kind == "receivable.diluted"]
    assert said["credited_fen"] == TEN_KG_FEN
    again = await reinstated(world, receivable)
    assert (again.state, codes(again)) == (S.DRAFT, ["ABOVE_RECEIVED"])
    again = await told(world, trade.credit("credit-1", "invoice-1", steel="10"))
    assert (again.state, again.amount_fen) == (S.MATCHED, WHOLE_FEN - TEN_KG_FEN)


async def test_a_return_of_goods_that_nobody_billed_dilutes_nothing(world: World) -> None:
    receivable = await world.confirmed(steel="40")
    world.erps.put(trade.receipt("shipment-2", steel="10"))
    world.erps.put(trade.returned("return-1", steel="10"))
    assert (await world.sync()).receivables == ()
    assert await now(world, receivable) == receivable


async def test_of_two_invoices_the_newer_bills_what_went_back(world: World) -> None:
    world.erps.put(trade.order())
    older = await world.matched_on("purchase-1", "1", steel="40")
    newer = await world.matched_on("purchase-1", "2", steel="30")
    for one in (older, newer):
        await world.confirm(await world.service.confirmations.prepare(trade.BUYER, one.receivable_id))
    diluted = await told(world, trade.returned("return-1", steel="10"))
    assert (diluted.receivable_id, diluted.state) == (newer.receivable_id, S.DILUTED)
    assert (await now(world, older)).state is S.CONFIRMED


async def test_a_credit_note_again_and_a_pull_from_the_start_change_nothing(world: World) -> None:
    await world.confirmed(steel="40")
    note = trade.credit("credit-1", "invoice-1", steel="10")
    await told(world, note)
    before = await world.snapshot()
    pulled = await world.service.trade.pull(trade.BUYER, from_start=True)
    assert (await world.run(lambda: world.service.trade.take_in(pulled))).receivables == ()
    assert await world.snapshot() == before
    world.erps.put(note)
    assert (await world.sync()).receivables == ()


async def test_certificates_are_owed_as_they_were_issued(world: World) -> None:
    certificate = await world.held(amount_fen=WHOLE_FEN - 5_000)
    reduced = await told(world, trade.credit("credit-1", "invoice-1", steel="10"))
    assert (reduced.state, reduced.amount_fen, reduced.credited_fen) == (S.CERTIFICATED, WHOLE_FEN - 5_000, 5_000)
    assert (await world.service.get_certificate(certificate.certificate_id)) == certificate
    issue = world.service.certificates.issue
    await refused(
        "AMOUNT_EXCEEDS_RECEIVABLE", world.run(lambda: issue(trade.BUYER, "more-1", reduced.receivable_id, 1))
    )


async def test_what_was_credited_while_an_offer_stood_comes_off_when_it_is_refused(world: World) -> None:
    receivable = await world.confirmed(steel="40")
    issue, refuse = world.service.certificates.issue, world.service.certificates.refuse
    await world.run(lambda: issue(trade.BUYER, "root-1", receivable.receivable_id, 100))
    await world.run(lambda: issue(trade.BUYER, "root-2", receivable.receivable_id, WHOLE_FEN - 100))
    world.erps.put(trade.credit("credit-1", "invoice-1", steel="10"))
    assert (await world.sync()).receivables == ()
    await world.run(lambda: refuse(trade.SUPPLIER, "root-1"))
    left = await now(world, receivable)
    assert (left.state, left.amount_fen, left.credited_fen) == (S.CERTIFICATED, WHOLE_FEN - 100, 100)
    before = await world.snapshot()
    async for _ in break_at_each_statement(
        world.database, lambda: world.run(lambda: refuse(trade.SUPPLIER, "root-2")), most=100
    ):
        assert await world.snapshot() == before
    assert (await now(world, receivable)).state is S.DILUTED
    again = await reinstated(world, receivable)
    assert (again.state, again.amount_fen) == (S.MATCHED, WHOLE_FEN - TEN_KG_FEN)


async def test_nothing_is_credited_away_while_a_court_freezes_it(world: World) -> None:
    receivable = await world.confirmed(steel="40")
    identity, freezes = receivable.receivable_id, world.service.freezes
    number, court = "(2026)沪01执1号", "沙盒市中级人民法院"
    await world.run(lambda: freezes.freeze("freeze-1", FrozenKind.RECEIVABLE, identity, number, court))
    world.erps.put(trade.credit("credit-1", "invoice-1", steel="10"))
    assert (await world.sync()).receivables == ()
    assert await now(world, receivable) == receivable
    before = await world.snapshot()
    async for _ in break_at_each_statement(
        world.database, lambda: world.run(lambda: freezes.unfreeze("freeze-1", "(2026)沪01执1号之一"))
    ):
        assert await world.snapshot() == before
    assert (await now(world, receivable)).state is S.DILUTED


@pytest.mark.parametrize("certificated", [False, True])
async def test_a_dilution_is_whole_or_not_there(world: World, certificated: bool) -> None:
    receivable = await now(world, await world.confirmed(steel="40"))
    if certificated:
        issue = world.service.certificates.issue
        await world.run(lambda: issue(trade.BUYER, "root-1", receivable.receivable_id, 100))
    world.erps.put(trade.returned("return-1", steel="10"))
    world.erps.put(trade.credit("credit-1", "invoice-1", steel="10"))
    pulled = await world.service.trade.pull(trade.BUYER)
    before = await world.snapshot()
    async for _ in break_at_each_statement(
        world.database, lambda: world.run(lambda: world.service.trade.take_in(pulled)), most=400
    ):
        assert await world.snapshot() == before
    after = await now(world, receivable)
    expected = (S.CERTIFICATED, WHOLE_FEN - TEN_KG_FEN) if certificated else (S.DILUTED, WHOLE_FEN)
    assert (after.state, after.amount_fen) == expected
