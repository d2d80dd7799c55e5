"""What comes in from the ERP becomes receivables: matched ones, and drafts that say why not."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from hub.receivables.model import Receivable
from hub.receivables.ports import PulledDocument
from hub.receivables.reasons import ALREADY_PAID
from hub.receivables.states import ReceivableState
from hub.receivables.trade import desk as trade_documents
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused

pytestmark = ON_SQLITE


def codes(receivable: Receivable) -> list[str]:
    return [reason.code for reason in receivable.reasons]


async def test_order_receipt_and_invoice_make_a_matched_receivable(world: World) -> None:
    receivable = await world.matched()
    assert receivable.state is ReceivableState.MATCHED
    assert (receivable.amount_fen, receivable.supplier_uscc, codes(receivable)) == (50_020, trade.SUPPLIER, [])
    assert receivable.evidence is not None
    assert await world.service.get_visible(trade.SUPPLIER, receivable.receivable_id) == receivable


@ON_BOTH
async def test_a_second_pull_brings_nothing_new(world: World) -> None:
    await world.matched()
    before = await world.snapshot()
    again = await world.sync()
    assert (again.imported, again.receivables, again.rejected) == (0, (), ())
    assert await world.snapshot() == before


async def test_a_slow_erp_is_read_page_by_page_and_never_from_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_documents, "PULL_S", 0.0)
    world.erps.put(trade.order())
    world.erps.put(trade.receipt("shipment-1", steel="40"))
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    assert (await world.sync()).imported == 2 == world.erps.page_size
    assert [one.state for one in (await world.sync()).receivables] == [ReceivableState.MATCHED]
    assert world.erps.calls == 2


@ON_BOTH
async def test_a_pull_from_the_start_again_changes_nothing(world: World) -> None:
    """The connector may forget what it told us: documents are known by id and version."""
    await world.matched()
    before = await world.snapshot()
    pulled = await world.service.trade.pull(trade.BUYER, from_start=True)
    assert len(pulled.documents) == len(world.erps.changes)
    again = await world.run(lambda: world.service.trade.take_in(pulled))
    assert (again.imported, again.receivables) == (0, ())
    assert await world.snapshot() == before


async def test_a_document_that_was_written_down_late_is_found_from_the_start(world: World) -> None:
    world.erps.put(trade.order())
    await world.sync()
    late = PulledDocument("shipment-1", "NO-shipment-1", 1, "done", trade.receipt("shipment-1", steel="40"))
    world.erps.changes.insert(0, late)
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    assert (await world.sync()).receivables[0].state is ReceivableState.DRAFT
    pulled = await world.service.trade.pull(trade.BUYER, from_start=True)
    taken = await world.run(lambda: world.service.trade.take_in(pulled))
    assert [item.state for item in taken.receivables] == [ReceivableState.MATCHED]
    assert (await world.sync()).imported == 0


async def test_documents_may_come_in_any_order(world: World) -> None:
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    (draft,) = (await world.sync()).receivables
    assert (draft.state, codes(draft)) == (ReceivableState.DRAFT, ["ORDER_MISSING", "ORDER_LINE_UNKNOWN"])
    world.erps.put(trade.order())
    (draft,) = (await world.sync()).receivables
    assert codes(draft) == ["ABOVE_RECEIVED"]
    world.erps.put(trade.receipt("shipment-1", steel="40"))
    (matched,) = (await world.sync()).receivables
    assert (matched.state, matched.receivable_id) == (ReceivableState.MATCHED, draft.receivable_id)


async def test_more_than_was_received_stays_a_draft_that_nobody_can_confirm(world: World) -> None:
    world.erps.put(trade.order())
    world.erps.put(trade.receipt("shipment-1", steel="39"))
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    (draft,) = (await world.sync()).receivables
    before = await world.snapshot()
    refusal = await refused("MATCH_FAILED", world.service.confirmations.prepare(trade.BUYER, draft.receivable_id))
    assert "ABOVE_RECEIVED" in refusal.params["reason"]
    assert await world.snapshot() == before


async def test_a_wrong_total_has_its_own_code(world: World) -> None:
    receivable = await world.matched()
    invoice = trade.invoice("invoice-1", steel="40")
    world.erps.put(replace(invoice, payable_amount_fen=invoice.payable_amount_fen + 1))
    (draft,) = (await world.sync()).receivables
    assert (draft.state, draft.receivable_id, codes(draft)) == (
        ReceivableState.DRAFT,
        receivable.receivable_id,
        ["TOTAL_DIFFERS"],
    )
    before = await world.snapshot()
    refusal = await refused("MATCH_FAILED", world.service.confirmations.prepare(trade.BUYER, draft.receivable_id))
    assert refusal.params["reason"] == "TOTAL_DIFFERS"
    assert await world.snapshot() == before


async def test_what_is_wrong_is_said_in_both_languages(world: World) -> None:
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    (draft,) = (await world.sync()).receivables
    assert draft.reasons[1].text_zh.startswith("第1行：")
    assert draft.reasons[1].text_en.startswith("Line 1: ")


@ON_BOTH
async def test_the_same_goods_are_not_billed_twice(world: World) -> None:
    first = await world.matched(steel="40")
    world.erps.put(trade.invoice("invoice-2", steel="1"))
    (second,) = (await world.sync()).receivables
    assert (first.state, second.state) == (ReceivableState.MATCHED, ReceivableState.DRAFT)
    assert codes(second) == ["ABOVE_RECEIVED"]


async def test_goods_sent_back_take_the_match_away(world: World) -> None:
    matched = await world.matched(steel="40")
    world.erps.put(trade.receipt("shipment-1", steel="30"))
    (draft,) = (await world.sync()).receivables
    assert (draft.receivable_id, draft.state, draft.evidence) == (
        matched.receivable_id,
        ReceivableState.DRAFT,
        None,
    )
    world.erps.put(trade.receipt("shipment-1", steel="30"), "cancelled")
    assert codes((await world.sync()).receivables[0]) == ["ABOVE_RECEIVED"]


async def test_when_goods_are_sent_back_the_older_invoice_keeps_its_match(world: World) -> None:
    world.erps.put(trade.order())
    world.erps.put(trade.receipt("shipment-1", steel="80"))
    newer = replace(trade.invoice("invoice-a", steel="40"), issue_date=dt.date(2026, 1, 9))
    world.erps.put(newer)
    world.erps.put(trade.invoice("invoice-b", steel="40"))
    await world.sync()
    world.erps.put(trade.receipt("shipment-1", steel="40"))
    older_again, newer_again = (await world.sync()).receivables
    assert (older_again.invoice_document_id, older_again.state) == ("invoice-b", ReceivableState.MATCHED)
    assert (newer_again.invoice_document_id, codes(newer_again)) == ("invoice-a", ["ABOVE_RECEIVED"])


async def test_a_draft_gives_its_invoice_number_up(world: World) -> None:
    first = await world.matched(steel="40")
    world.erps.put(trade.receipt("shipment-1", steel="30"))
    world.erps.put(replace(trade.invoice("invoice-2", steel="30"), number=first.invoice_number))
    states = {item.invoice_document_id: item.state for item in (await world.sync()).receivables}
    assert states == {"invoice-1": ReceivableState.DRAFT, "invoice-2": ReceivableState.MATCHED}


async def test_another_receipt_renews_the_evidence(world: World) -> None:
    matched = await world.matched(steel="40")
    world.erps.put(trade.receipt("shipment-2", steel="60"))
    (again,) = (await world.sync()).receivables
    assert again.state is ReceivableState.MATCHED
    assert again.evidence != matched.evidence


async def test_what_the_buyer_confirmed_the_erp_cannot_change(world: World) -> None:
    confirmed = await world.confirmed(steel="40")
    for document in (trade.receipt("shipment-1", steel="1"), trade.invoice("invoice-1", steel="1")):
        world.erps.put(document)
    assert (await world.sync()).receivables == ()
    assert await world.service.get_visible(trade.BUYER, confirmed.receivable_id) == confirmed


async def test_shrinking_a_confirmed_invoice_frees_no_goods_for_another(world: World) -> None:
    await world.confirmed(steel="40")
    world.erps.put(trade.invoice("invoice-1", steel="1"))
    world.erps.put(replace(trade.invoice("invoice-1", steel="1"), order_document_ids=()))
    world.erps.put(trade.invoice("invoice-1", steel="1"), "cancelled")
    world.erps.put(trade.invoice("invoice-2", steel="39"))
    (second,) = (await world.sync()).receivables
    assert codes(second) == ["ABOVE_RECEIVED"]


async def test_a_cancelled_invoice_voids_its_receivable_and_frees_its_goods(world: World) -> None:
    await world.matched(steel="40")
    world.erps.put(trade.invoice("invoice-1", steel="40"), "cancelled")
    world.erps.put(trade.invoice("invoice-2", steel="40"))
    voided, second = (await world.sync()).receivables
    assert (voided.state, second.state) == (ReceivableState.VOID, ReceivableState.MATCHED)


async def test_an_invoice_that_is_cancelled_from_the_start_is_nothing(world: World) -> None:
    world.erps.put(trade.invoice("invoice-1", steel="40"), "cancelled")
    assert (await world.sync()).receivables == ()


async def test_a_paid_invoice_is_no_receivable(world: World) -> None:
    await world.matched()
    world.erps.put(trade.invoice("invoice-1", steel="40"), "paid")
    (draft,) = (await world.sync()).receivables
    assert (draft.state, codes(draft)) == (ReceivableState.DRAFT, [ALREADY_PAID])


async def test_one_invoice_number_makes_one_receivable(world: World) -> None:
    first = await world.matched(steel="40")
    world.erps.put(trade.receipt("shipment-2", steel="40"))
    world.erps.put(replace(trade.invoice("invoice-2", steel="40"), number=first.invoice_number))
    second = (await world.sync()).receivables[-1]
    assert (second.state, codes(second)) == (ReceivableState.DRAFT, ["DUPLICATE_INVOICE"])
    world.erps.put(trade.invoice("invoice-1", steel="40"), "cancelled")
    assert [item.state for item in (await world.sync()).receivables] == [ReceivableState.VOID, ReceivableState.MATCHED]


async def test_a_document_that_makes_no_sense_holds_up_nobody(world: World) -> None:
    world.erps.put(trade.with_line(trade.order(document_id="purchase-9"), 1, quantity=Decimal(-1)))
    world.erps.changes.append(PulledDocument("invoice-9", "NO-9", 9, "posted", None, "issue_date: not a date"))
    world.erps.put(replace(trade.order(document_id="purchase-8"), buyer_uscc=trade.DEALER))
    await world.matched()
    receivables = (await world.service.list_own(trade.BUYER, 10, "")).items
    assert [item.state for item in receivables] == [ReceivableState.MATCHED]


async def test_what_was_left_out_is_told(world: World) -> None:
    world.erps.put(replace(trade.order(document_id="purchase-8"), buyer_uscc=trade.DEALER))
    world.erps.put(trade.order())
    taken = await world.sync()
    assert [(item.document_id, item.fault) for item in taken.rejected] == [
        ("purchase-8", "the document belongs to another buyer")
    ]
    assert taken.imported == 1


@ON_BOTH
async def test_one_version_with_two_contents_is_refused(world: World) -> None:
    world.erps.put(trade.order(), version=1)
    world.erps.put(trade.order(steel="999"), version=1)
    taken = await world.sync()
    assert (taken.imported, [item.document_id for item in taken.rejected]) == (1, ["purchase-1"])


async def test_an_older_version_does_not_undo_a_newer(world: World) -> None:
    await world.matched()
    world.erps.put(trade.receipt("shipment-1", steel="1"), version=1)
    taken = await world.sync()
    assert (taken.imported, taken.receivables) == (0, ())


async def test_a_buyer_without_a_connector_is_told(world: World) -> None:
    await refused("NOT_FOUND", world.service.trade.pull(trade.SUPPLIER))


@ON_BOTH
async def test_two_pulls_at_once_import_once(world: World) -> None:
    world.erps.put(trade.order())
    world.erps.put(trade.receipt("shipment-1", steel="40"))
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    first, second = await world.service.trade.pull(trade.BUYER), await world.service.trade.pull(trade.BUYER)
    taken = await world.run(lambda: world.service.trade.take_in(first))
    again = await world.run(lambda: world.service.trade.take_in(second))
    assert (taken.imported, len(taken.receivables), again.imported, again.receivables) == (3, 1, 0, ())
