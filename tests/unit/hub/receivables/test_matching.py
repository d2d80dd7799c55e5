"""Three-way match: every departure from order and receipt is named, and nothing is billed that did not arrive."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.receivables.matching.mismatches import Mismatch, Tolerances
from hub.receivables.matching.rules import TradeFile, match_invoice
from hub.receivables.trade.model import TradeDocument
from tests.unit.hub.receivables import trade

EXACT = Tolerances()


def found(
    invoice: TradeDocument,
    *,
    order: TradeDocument | None = None,
    receipts: tuple[TradeDocument, ...] | None = None,
    others: tuple[TradeDocument, ...] = (),
    tolerances: Tolerances = EXACT,
) -> list[tuple[Mismatch, int]]:
    """The mismatches of an invoice against one order, by default received in full."""
    complete = (trade.receipt("shipment-1", steel="100", bolts="1000"),)
    file = TradeFile((order or trade.order(),), complete if receipts is None else receipts, others)
    return [(reason.mismatch, reason.line) for reason in match_invoice(invoice, file, tolerances)]


def test_an_invoice_over_what_was_received_matches() -> None:
    assert found(trade.invoice("invoice-1", steel="100", bolts="1000", tax_fen=13_000)) == []


def test_partial_deliveries_are_billed_one_by_one() -> None:
    first, second = trade.receipt("shipment-1", steel="40"), trade.receipt("shipment-2", steel="60")
    billed = trade.invoice("invoice-1", steel="40")
    assert found(billed, receipts=(first,)) == []
    rest = trade.invoice("invoice-2", steel="60")
    assert found(rest, receipts=(first,), others=(billed,)) == [(Mismatch.ABOVE_RECEIVED, 1)]
    assert found(rest, receipts=(first, second), others=(billed,)) == []


def test_more_than_was_received_never_matches_whatever_is_tolerated() -> None:
    lavish = Tolerances(unit_price_rate=Decimal(1), over_delivery_rate=Decimal(1), line_amount_fen=10**9)
    invoice = trade.invoice("invoice-1", steel="40.000001")
    assert found(invoice, receipts=(trade.receipt("shipment-1", steel="40"),), tolerances=lavish) == [
        (Mismatch.ABOVE_RECEIVED, 1)
    ]


def test_more_than_was_ordered_needs_the_tolerance() -> None:
    delivered = (trade.receipt("shipment-1", steel="105"),)
    invoice = trade.invoice("invoice-1", steel="105")
    assert found(invoice, receipts=delivered) == [(Mismatch.ABOVE_ORDERED, 1)]
    assert found(invoice, receipts=delivered, tolerances=Tolerances(over_delivery_rate=Decimal("0.05"))) == []


def test_the_same_goods_twice_in_one_invoice_count_twice() -> None:
    one = trade.invoice("invoice-1", steel="60")
    twice = replace(one, lines=one.lines * 2, payable_amount_fen=2 * one.payable_amount_fen)
    assert found(twice) == [(Mismatch.ABOVE_RECEIVED, 2), (Mismatch.ABOVE_ORDERED, 2)]


def test_a_dearer_price_is_named_and_a_tolerated_one_passes() -> None:
    dear = trade.with_line(
        trade.invoice("invoice-1", bolts="10"), 1, unit_price_fen=Decimal(81), line_extension_amount_fen=810
    )
    dear = replace(dear, payable_amount_fen=810)
    assert found(dear) == [(Mismatch.PRICE_DIFFERS, 1)]
    assert found(dear, tolerances=Tolerances(unit_price_rate=Decimal("0.0125"))) == []


def test_a_cheaper_price_is_a_difference_too() -> None:
    cheap = trade.with_line(
        trade.invoice("invoice-1", bolts="10"), 1, unit_price_fen=Decimal(79), line_extension_amount_fen=790
    )
    assert found(replace(cheap, payable_amount_fen=790)) == [(Mismatch.PRICE_DIFFERS, 1)]


@pytest.mark.parametrize(
    ("change", "mismatch"),
    [
        ({"item_name": "铜板"}, Mismatch.ITEM_DIFFERS),
        ({"order_line_id": "purchase.line,99"}, Mismatch.ORDER_LINE_UNKNOWN),
        ({"order_line_id": ""}, Mismatch.ORDER_LINE_UNKNOWN),
    ],
)
def test_a_line_that_is_not_the_ordered_one_is_named(change: dict[str, str], mismatch: Mismatch) -> None:
    assert found(trade.with_line(trade.invoice("invoice-1", steel="1"), 1, **change)) == [(mismatch, 1)]


def test_another_unit_is_named() -> None:
    assert found(trade.with_line(trade.invoice("invoice-1", steel="1"), 1, unit_code="TNE")) == [
        (Mismatch.UNIT_DIFFERS, 1)
    ]


def test_goods_received_in_another_unit_do_not_count() -> None:
    tonnes = trade.with_line(trade.receipt("shipment-1", steel="100"), 1, unit_code="TNE")
    assert found(trade.invoice("invoice-1", steel="1"), receipts=(tonnes,)) == [(Mismatch.ABOVE_RECEIVED, 1)]


def test_an_inflated_line_amount_is_named() -> None:
    inflated = trade.with_line(trade.invoice("invoice-1", bolts="10"), 1, line_extension_amount_fen=900)
    assert found(replace(inflated, payable_amount_fen=900)) == [(Mismatch.AMOUNT_DIFFERS, 1)]


@pytest.mark.parametrize(("rounding_fen", "matches"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_line_amount_may_differ_by_one_fen_of_rounding(rounding_fen: int, matches: bool) -> None:
    invoice = trade.with_line(trade.invoice("invoice-1", bolts="10"), 1, line_extension_amount_fen=800 + rounding_fen)
    assert (found(replace(invoice, payable_amount_fen=800 + rounding_fen)) == []) is matches


@pytest.mark.parametrize("difference_fen", [-1, 1])
def test_a_total_that_is_not_the_sum_is_named_to_the_fen(difference_fen: int) -> None:
    invoice = trade.invoice("invoice-1", steel="1", tax_fen=163)
    wrong = replace(invoice, payable_amount_fen=invoice.payable_amount_fen + difference_fen)
    assert found(wrong) == [(Mismatch.TOTAL_DIFFERS, 0)]


def test_an_invoice_without_its_order_does_not_match() -> None:
    lone = trade.invoice("invoice-1", order_id="purchase-9", steel="1")
    assert found(lone) == [(Mismatch.ORDER_MISSING, 0), (Mismatch.ORDER_LINE_UNKNOWN, 1)]
    assert found(replace(lone, order_document_ids=()))[0] == (Mismatch.ORDER_MISSING, 0)


def test_an_invoice_by_another_supplier_than_the_orders_does_not_match() -> None:
    assert found(replace(trade.invoice("invoice-1", steel="1"), supplier_uscc=trade.DEALER)) == [
        (Mismatch.PARTY_DIFFERS, 0)
    ]


@given(
    ordered=st.integers(1, 1_000),
    deliveries=st.lists(st.integers(1, 400), max_size=6),
    bills=st.lists(st.integers(1, 400), max_size=6),
)
def test_matched_invoices_never_exceed_orders_or_receipts(
    ordered: int, deliveries: list[int], bills: list[int]
) -> None:
    order = trade.order(steel=str(ordered))
    receipts = tuple(trade.receipt(f"shipment-{i}", steel=str(quantity)) for i, quantity in enumerate(deliveries))
    matched: tuple[TradeDocument, ...] = ()
    for i, quantity in enumerate(bills):
        invoice = trade.invoice(f"invoice-{i}", steel=str(quantity))
        mismatches = found(invoice, order=order, receipts=receipts, others=matched)
        billed = sum(int(other.lines[0].quantity) for other in matched) + quantity
        assert (mismatches == []) is (billed <= min(ordered, sum(deliveries)))
        matched += () if mismatches else (invoice,)


@given(
    received=st.lists(st.integers(1, 120), max_size=4),
    returned=st.lists(st.integers(1, 60), max_size=3),
    bills=st.lists(st.tuples(st.integers(1, 120), st.integers(0, 130), st.booleans()), min_size=1, max_size=5),
)
def test_matched_invoices_never_exceed_what_was_received_and_kept(
    received: list[int], returned: list[int], bills: list[tuple[int, int, bool]]
) -> None:
    """Each bill is (kilograms, kilograms credited, whether the note only lowers the price)."""
    receipts = tuple(trade.receipt(f"shipment-{i}", steel=str(quantity)) for i, quantity in enumerate(received))
    returns = tuple(trade.returned(f"return-{i}", steel=str(quantity)) for i, quantity in enumerate(returned))
    kept, counted = sum(received) - sum(returned), 0
    others: tuple[TradeDocument, ...] = ()
    other_notes: tuple[TradeDocument, ...] = ()
    for i, (quantity, credited, is_allowance) in enumerate(bills):
        invoice = trade.invoice(f"invoice-{i}", steel=str(quantity))
        note = trade.credit(f"credit-{i}", f"invoice-{i}", steel=str(credited or 1))
        if is_allowance:
            note = trade.allowance(f"credit-{i}", f"invoice-{i}", "steel", str(credited or 1), "1")
        notes = (note,) if credited else ()
        file = TradeFile((trade.order(steel="500"),), receipts, others, returns, notes, other_notes)
        net = quantity - (0 if is_allowance else credited)
        owed_fen = invoice.payable_amount_fen - sum(one.payable_amount_fen for one in notes)
        is_right = owed_fen > 0 and net >= 0 and counted + net <= min(kept, 500)
        assert (match_invoice(invoice, file, EXACT) == ()) is is_right
        if is_right:
            others, other_notes, counted = (*others, invoice), (*other_notes, *notes), counted + net
            assert counted <= kept
