"""A document's canonical form, and what no document may be."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from huilian_protocol.canonical import canonicalise
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.receivables.trade.model import TradeDocument, check_document, decimal_text, lines_total_fen, parse_document
from tests.unit.hub.receivables import trade

GOLDEN = Path(__file__).parent / "golden"
INVOICE = trade.invoice("invoice-1", steel="40.5", bolts="12", tax_fen=6_600)


def test_the_canonical_form_is_the_golden_file() -> None:
    """What is hashed into a confirmation must never change its form quietly."""
    golden = json.loads((GOLDEN / "invoice.json").read_text("utf-8"))
    assert canonicalise(INVOICE.content()) == canonicalise(golden["content"])
    assert INVOICE.digest().hex() == golden["sha256"]


def test_the_canonical_form_of_a_credit_note_is_the_golden_file() -> None:
    note = trade.credit("credit-1", "invoice-1", steel="10.5", tax_fen=1_707)
    golden = json.loads((GOLDEN / "credit_note.json").read_text("utf-8"))
    assert canonicalise(note.content()) == canonicalise(golden["content"])
    assert note.digest().hex() == golden["sha256"]


TAKEN_BACK = [trade.returned("return-1", steel="3"), trade.credit("credit-1", "invoice-1", "invoice-2", steel="3")]


@pytest.mark.parametrize("document", [INVOICE, trade.order(), trade.receipt("shipment-1", steel="3"), *TAKEN_BACK])
def test_a_document_survives_its_canonical_form(document: TradeDocument) -> None:
    assert parse_document(json.loads(canonicalise(document.content()))) == document


@given(st.decimals(min_value=0, max_value=10**12, places=6))
def test_one_number_has_one_text(value: Decimal) -> None:
    text = decimal_text(value)
    assert Decimal(text) == value
    assert text == decimal_text(value.normalize()) == decimal_text(value * Decimal("1.000"))
    assert "E" not in text and not ("." in text and text.endswith("0"))


def test_the_total_is_lines_and_tax() -> None:
    assert lines_total_fen(INVOICE) == 50_645 + 960 + 6_600


@pytest.mark.parametrize("document", [INVOICE, trade.order(), trade.receipt("shipment-1", steel="3"), *TAKEN_BACK])
def test_sound_documents_pass(document: TradeDocument) -> None:
    check_document(document)


@pytest.mark.parametrize(
    "broken",
    [
        replace(INVOICE, lines=()),
        replace(INVOICE, billing_document_ids=("invoice-2",)),
        replace(TAKEN_BACK[0], order_document_ids=()),
        replace(TAKEN_BACK[1], order_document_ids=(), billing_document_ids=()),
        replace(TAKEN_BACK[1], payable_amount_fen=0),
        replace(TAKEN_BACK[1], currency="USD"),
        replace(TAKEN_BACK[1], billing_document_ids=("x" * 201,)),
        replace(INVOICE, supplier_uscc="91449900MA0H00029X"),
        replace(INVOICE, buyer_uscc=""),
        replace(INVOICE, supplier_uscc=trade.SUPPLIER.lower()),
        replace(INVOICE, supplier_uscc=f" {trade.SUPPLIER}"),
        replace(INVOICE, supplier_name=""),
        replace(INVOICE, supplier_name="x" * 201),
        replace(INVOICE, number="NO\x001"),
        replace(INVOICE, order_document_ids=("",)),
        trade.with_line(INVOICE, 1, item_name="x" * 201),
        replace(INVOICE, supplier_uscc=trade.BUYER),
        replace(INVOICE, currency="USD"),
        replace(INVOICE, due_date=None),
        replace(INVOICE, due_date=INVOICE.issue_date - dt.timedelta(days=1)),
        replace(INVOICE, payable_amount_fen=-1),
        replace(INVOICE, payable_amount_fen=0, tax_amount_fen=0),
        replace(INVOICE, tax_amount_fen=INVOICE.payable_amount_fen + 1),
        replace(INVOICE, number=""),
        trade.with_line(INVOICE, 1, quantity=Decimal(0)),
        trade.with_line(INVOICE, 1, quantity=Decimal(-1)),
        trade.with_line(INVOICE, 1, quantity=Decimal("NaN")),
        trade.with_line(INVOICE, 1, unit_price_fen=Decimal("Infinity")),
        trade.with_line(INVOICE, 2, line_extension_amount_fen=-1),
        trade.with_line(trade.order(), 1, order_line_id=trade.BOLTS),
        trade.with_line(trade.order(), 1, order_line_id=""),
    ],
)
def test_a_senseless_document_is_the_erps_fault(broken: TradeDocument) -> None:
    with pytest.raises(HuilianError) as refusal:
        check_document(broken)
    assert refusal.value.code == "PROVIDER_FAULT"
