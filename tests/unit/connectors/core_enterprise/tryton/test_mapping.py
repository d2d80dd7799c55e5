"""The mapping from Tryton's rows to trade documents, and the schemas that every document has to fit."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.core_enterprise.tryton.manifest import DocumentSchemas, manifest
from connectors.core_enterprise.tryton.mapping import decimal_text, fen, microseconds, to_document
from connectors.core_enterprise.tryton.origins import Answer
from connectors.core_enterprise.tryton.queries import Kind, RawDocument
from connectors.kit.contract import UpstreamMalformed

from .raw_documents import (
    BUYER_USCC,
    CHANGED,
    SUPPLIER_USCC,
    invoice_line,
    move,
    raw_credit_note,
    raw_invoice,
    raw_order,
    raw_receipt,
    raw_return,
)

SCHEMAS = DocumentSchemas(manifest())


def test_order() -> None:
    document = to_document(raw_order())
    SCHEMAS.check(Kind.ORDER, document)
    assert document == {
        "document_id": "order-4",
        "version": 1_767_580_200_250_000,
        "id": "PO000004",
        "issue_date": "2026-01-05",
        "erp_state": "processing",
        "buyer_customer_party": {"company_id": BUYER_USCC, "registration_name": "买方"},
        "seller_supplier_party": {"company_id": SUPPLIER_USCC, "registration_name": "卖方"},
        "document_currency_code": "CNY",
        "order_line": [
            {
                "id": "order-line-3",
                "item": {"name": "钢板", "buyers_item_identification": "STL-2"},
                "quantity": "12.5",
                "unit_code": "KGM",
                "unit_name": "kg",
                "price_amount_fen": "33050.5",
                "line_extension_amount_fen": 413_131,
            }
        ],
        "tax_total": {"tax_amount_fen": 53_707},
        "anticipated_monetary_total": {"line_extension_amount_fen": 413_131, "payable_amount_fen": 466_838},
    }


def test_receipt_names_its_orders_once_and_leaves_out_moves_of_nothing() -> None:
    document = to_document(raw_receipt(move(1, "40"), move(2, "20"), move(3, "0")))
    SCHEMAS.check(Kind.RECEIPT, document)
    assert document["order_reference"] == [{"id": "order-4"}]
    assert [line["received_quantity"] for line in document["receipt_line"]] == ["40", "20"]
    assert {line["order_line_reference"] for line in document["receipt_line"]} == {"order-line-3"}


def test_receipt_is_dated_by_its_last_move_until_the_goods_are_put_away() -> None:
    moves = (move(1, "1", dt.date(2026, 1, 18)), move(2, "1", dt.date(2026, 1, 19)))
    assert to_document(raw_receipt(*moves, effective_date=None))["issue_date"] == "2026-01-19"


def test_invoice_is_due_with_its_last_instalment() -> None:
    document = to_document(raw_invoice(due=(dt.date(2026, 3, 1), dt.date(2026, 5, 1), dt.date(2026, 4, 1))))
    SCHEMAS.check(Kind.INVOICE, document)
    assert document["due_date"] == "2026-05-01"
    assert document["order_reference"] == [{"id": "order-4"}]
    assert document["legal_monetary_total"] == {"line_extension_amount_fen": 750_000, "payable_amount_fen": 847_500}


def test_invoice_line_that_nobody_ordered() -> None:
    charge = invoice_line(9, None, description="运费", **{"product.": None, "unit.": None})
    document = to_document(raw_invoice(charge))
    SCHEMAS.check(Kind.INVOICE, document)
    (line,) = document["invoice_line"]
    assert line["order_line_reference"] == ""
    assert line["item"] == {"name": "运费", "buyers_item_identification": ""}
    assert (line["unit_code"], line["unit_name"]) == ("ZZ", "")


def test_version_grows_when_only_the_supplier_is_renamed() -> None:
    later = CHANGED + dt.timedelta(days=1)
    before = raw_order()
    renamed = {**before.head, "party.": {**before.head["party."], "name": "新名", "write_date": later}}
    after = replace(before, head=renamed)
    assert to_document(after)["version"] > to_document(before)["version"]
    assert to_document(after)["version"] == microseconds(later)


def test_oldest_code_of_a_party_counts() -> None:
    raw = raw_order()
    second = {**raw.identifiers[1], "id": 3, "code": "91449900MA0H00037L"}
    document = to_document(replace(raw, identifiers=(*raw.identifiers, second)))
    assert document["seller_supplier_party"]["company_id"] == SUPPLIER_USCC


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (replace(raw_order(), identifiers=()), "company_id"),
        (raw_order(number=None), "id"),
        (raw_order(total_amount=Decimal("-1")), "payable_amount_fen"),
        (raw_order(**{"currency.": {"id": 2, "code": "USD"}}), "document_currency_code"),
        (raw_order(state="draft"), "erp_state"),
        (replace(raw_order(), lines=()), "order_line"),
        (raw_invoice(reference=None), "id"),
        (raw_invoice(reference="9" * 65), "id"),
        (raw_invoice(due=()), "due_date"),
        (raw_invoice(invoice_date=None), "issue_date"),
        (raw_invoice(invoice_line(8, None, quantity=Decimal("-2"))), "invoiced_quantity"),
        (raw_invoice(total_amount=Decimal(0)), "payable_amount_fen"),
    ],
)
def test_document_that_breaks_its_schema_is_refused_without_quoting_it(raw: RawDocument, where: str) -> None:
    document = to_document(raw)
    with pytest.raises(UpstreamMalformed, match=where) as caught:
        SCHEMAS.check(raw.kind, document)
    assert "9" * 65 not in str(caught.value)


@pytest.mark.parametrize("code", ["91449900MA0H00029X", "91449900ma0h00029r", " 91449900MA0H00029R", ""])
def test_credit_code_must_be_canonical_and_its_check_character_right(code: str) -> None:
    raw = raw_order()
    document = to_document(replace(raw, identifiers=(raw.identifiers[0], {**raw.identifiers[1], "code": code})))
    with pytest.raises(UpstreamMalformed, match=r"seller_supplier_party\.company_id"):
        SCHEMAS.check(Kind.ORDER, document)


def test_field_that_nobody_declared_is_refused() -> None:
    document = {**to_document(raw_order()), "comment": "call me"}
    with pytest.raises(UpstreamMalformed):
        SCHEMAS.check(Kind.ORDER, document)


def test_missing_column_is_named() -> None:
    raw = raw_order()
    head = {name: value for name, value in raw.head.items() if name != "tax_amount"}
    with pytest.raises(UpstreamMalformed, match="lacks tax_amount"):
        to_document(replace(raw, head=head))


def test_fraction_of_a_fen_is_refused() -> None:
    assert fen(Decimal("0.10")) == 10
    with pytest.raises(UpstreamMalformed, match="fraction of a fen"):
        fen(Decimal("0.105"))


@pytest.mark.parametrize(
    ("value", "text"), [("1E+2", "100"), ("12.500", "12.5"), ("0.0", "0"), ("1E-3", "0.001"), ("-3.10", "-3.1")]
)
def test_decimal_text_is_plain(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text


def test_a_return_says_which_ordered_goods_went_back() -> None:
    answers = {1: Answer(4, 3), 2: Answer(4, None)}
    document = to_document(raw_return(move(1, "10"), move(2, "0.5"), answers=answers))
    SCHEMAS.check(Kind.RETURN, document)
    assert (document["document_id"], document["id"], document["issue_date"]) == ("return-7", "RT000007", "2026-01-25")
    assert document["despatch_customer_party"]["company_id"] == BUYER_USCC
    assert document["delivery_supplier_party"]["company_id"] == SUPPLIER_USCC
    assert document["order_reference"] == [{"id": "order-4"}]
    lines = [(line["order_line_reference"], line["delivered_quantity"]) for line in document["despatch_line"]]
    assert lines == [("order-line-3", "10"), ("", "0.5")]


def test_a_credit_note_is_what_is_taken_off() -> None:
    document = to_document(raw_credit_note(answers={8: Answer(4, 3, 6)}))
    SCHEMAS.check(Kind.CREDIT_NOTE, document)
    assert (document["document_id"], document["billing_reference"]) == ("credit_note-9", [{"id": "invoice-6"}])
    (line,) = document["credit_note_line"]
    assert (line["order_line_reference"], line["credited_quantity"], line["price_amount_fen"]) == (
        "order-line-3",
        "10",
        "12500",
    )
    assert line["line_extension_amount_fen"] == 125_000
    assert document["tax_total"] == {"tax_amount_fen": 16_250}
    assert document["legal_monetary_total"] == {"line_extension_amount_fen": 125_000, "payable_amount_fen": 141_250}


def test_a_credit_note_without_the_suppliers_number_has_trytons() -> None:
    assert to_document(raw_credit_note(answers={8: Answer()}, reference=None))["id"] == "3"


def test_a_credit_note_with_a_line_that_adds_is_a_fault() -> None:
    document = to_document(raw_credit_note(invoice_line(8, None), answers={8: Answer()}))
    with pytest.raises(UpstreamMalformed, match="credit_note_line"):
        SCHEMAS.check(Kind.CREDIT_NOTE, document)
