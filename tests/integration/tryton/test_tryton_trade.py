"""Trade in a real Tryton, pulled by the connector: what comes out is what staff put in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from huilian_protocol.errors import HuilianError

from connectors.core_enterprise.tryton.connector import Page
from connectors.core_enterprise.tryton.jsonrpc import TrytonWarning
from connectors.core_enterprise.tryton.mapping import Document
from connectors.core_enterprise.tryton.payments import Payment, PaymentDesk
from connectors.core_enterprise.tryton.queries import Kind
from connectors.core_enterprise.tryton.sandbox import Goods, TradeRecord
from connectors.core_enterprise.tryton.sandbox_setup import find_one
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SUPPLIER

from .conftest import Erp

BEARINGS = Goods("BRG-1", "轴承", Decimal(100), Decimal(12_500))
STEEL = Goods("STL-2", "钢板", Decimal("12.5"), Decimal("33050.5"), "kg")
ORDERED, RECEIVED, INVOICED = date(2026, 1, 5), date(2026, 1, 20), date(2026, 1, 22)


def by_id(page: Page) -> dict[str, Document]:
    """The page's documents by id; no document may come twice in one page."""
    found = {document.content["document_id"]: document.content for document in page.documents}
    assert len(found) == len(page.documents)
    return found


async def trade(erp: Erp, *goods: Goods) -> TradeRecord:
    return await erp.staff.order(SUPPLIER, goods or (BEARINGS,), ordered_on=ORDERED)


async def test_order_receipt_and_invoice_come_out_as_they_went_in(erp: Erp) -> None:
    start = await erp.end()
    order = await trade(erp, BEARINGS, STEEL)
    receipt = await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN-1")
    invoice = await erp.staff.invoice(order, invoice_number="26449900000000000001", issued_on=INVOICED)
    page = await erp.since(start)
    assert page.faults == ()
    documents = by_id(page)
    assert set(documents) == {order.document_id, receipt.document_id, invoice.document_id}
    buyer = {"company_id": CORE_ENTERPRISE.uscc, "registration_name": CORE_ENTERPRISE.name_zh}
    supplier = {"company_id": SUPPLIER.uscc, "registration_name": SUPPLIER.name_zh}

    ordered = documents[order.document_id]
    assert (ordered["id"], ordered["issue_date"], ordered["erp_state"]) == (order.number, "2026-01-05", "processing")
    assert (ordered["buyer_customer_party"], ordered["seller_supplier_party"]) == (buyer, supplier)
    lines = [(x["quantity"], x["unit_code"], x["price_amount_fen"]) for x in ordered["order_line"]]
    assert lines == [("100", "C62", "12500"), ("12.5", "KGM", "33050.5")]
    assert ordered["anticipated_monetary_total"]["line_extension_amount_fen"] == 1_250_000 + 413_131

    received = documents[receipt.document_id]
    assert (received["id"], received["issue_date"], received["erp_state"]) == (receipt.number, "2026-01-20", "done")
    assert received["order_reference"] == [{"id": order.document_id}]
    assert (received["delivery_customer_party"], received["despatch_supplier_party"]) == (buyer, supplier)
    order_lines = [line["id"] for line in ordered["order_line"]]
    arrived = {line["order_line_reference"]: line["received_quantity"] for line in received["receipt_line"]}
    assert arrived == dict(zip(order_lines, ("100", "12.5"), strict=True))

    billed = documents[invoice.document_id]
    assert (billed["id"], billed["erp_state"]) == ("26449900000000000001", "posted")
    assert (billed["issue_date"], billed["due_date"]) == ("2026-01-22", "2026-04-22")
    assert billed["order_reference"] == [{"id": order.document_id}]
    # 13 % VAT on 16,631.31 yuan, rounded to the fen by line as Tryton does.
    assert billed["tax_total"] == ordered["tax_total"] == {"tax_amount_fen": 216_207}
    assert billed["legal_monetary_total"] == {
        "line_extension_amount_fen": 1_663_131,
        "payable_amount_fen": 1_879_338,
    }


async def test_partial_delivery_is_invoiced_alone_and_the_rest_later(erp: Erp) -> None:
    start = await erp.end()
    order = await trade(erp)
    await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN-1", quantities={"BRG-1": Decimal(60)})
    await erp.staff.invoice(order, invoice_number="26449900000000000011", issued_on=INVOICED)
    middle = await erp.end()
    first = {x.kind: x.content for x in (await erp.since(start)).documents}
    await erp.staff.receive(order, received_on=date(2026, 2, 1), delivery_note="DN-2")
    await erp.staff.invoice(order, invoice_number="26449900000000000012", issued_on=date(2026, 2, 2))
    second = {x.kind: x.content for x in (await erp.since(middle)).documents}
    assert [first[Kind.RECEIPT]["receipt_line"][0]["received_quantity"]] == ["60"]
    assert second[Kind.RECEIPT]["receipt_line"][0]["received_quantity"] == "40"
    totals = [part[Kind.INVOICE]["legal_monetary_total"]["line_extension_amount_fen"] for part in (first, second)]
    assert totals == [750_000, 500_000]
    # The order changed with every delivery, so it came again, unchanged but for its version.
    assert second[Kind.ORDER]["version"] > first[Kind.ORDER]["version"]
    assert {**second[Kind.ORDER], "version": 0} == {**first[Kind.ORDER], "version": 0}


async def test_nothing_left_to_receive_or_to_invoice_is_said(erp: Erp) -> None:
    order = await trade(erp)
    with pytest.raises(ValueError, match="waits for its invoice"):
        await erp.staff.invoice(order, invoice_number="1", issued_on=INVOICED)
    with pytest.raises(ValueError, match="waits for its invoice"):
        await erp.staff.add_charge(order, "运费附加", 5_000)
    await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN")
    with pytest.raises(ValueError, match="still expected"):
        await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN")


async def test_invoices_that_do_not_match_come_out_as_they_are(erp: Erp) -> None:
    start = await erp.end()
    order = await trade(erp, BEARINGS, STEEL)
    await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN-1")
    await erp.staff.add_charge(order, "运费附加", 5_000)
    invoice = await erp.staff.invoice(
        order,
        invoice_number="26449900000000000021",
        issued_on=INVOICED,
        unit_prices_fen={"BRG-1": Decimal(13_000)},
        quantities={"STL-2": Decimal(20)},
    )
    document = by_id(await erp.since(start))[invoice.document_id]
    lines = {line["item"]["name"]: line for line in document["invoice_line"]}
    assert lines["轴承"]["price_amount_fen"] == "13000"
    assert lines["钢板"]["invoiced_quantity"] == "20"
    assert (lines["运费附加"]["order_line_reference"], lines["运费附加"]["line_extension_amount_fen"]) == ("", 5_000)
    assert document["legal_monetary_total"]["line_extension_amount_fen"] == 1_300_000 + 661_010 + 5_000


async def test_one_invoice_number_on_two_invoices(erp: Erp) -> None:
    start = await erp.end()
    invoices = []
    for note in ("DN-1", "DN-2"):
        order = await trade(erp)
        await erp.staff.receive(order, received_on=RECEIVED, delivery_note=note)
        invoices.append(await erp.staff.invoice(order, invoice_number="26449900000000000031", issued_on=INVOICED))
    documents = by_id(await erp.since(start))
    assert [documents[invoice.document_id]["id"] for invoice in invoices] == ["26449900000000000031"] * 2


async def test_payment_term_sets_the_due_date(erp: Erp) -> None:
    start = await erp.end()
    order = await erp.staff.order(SUPPLIER, [BEARINGS], ordered_on=date(2027, 6, 1), payment_days=30)
    await erp.staff.receive(order, received_on=date(2027, 6, 2), delivery_note="DN")
    invoice = await erp.staff.invoice(order, invoice_number="27449900000000000001", issued_on=date(2027, 6, 3))
    assert by_id(await erp.since(start))[invoice.document_id]["due_date"] == "2027-07-03"


async def test_a_payment_is_posted_once_and_read_back(erp: Erp) -> None:
    """In parts, until the invoice is paid; asked again, lost or not, nothing is posted twice."""
    order = await trade(erp)
    await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN-P")
    invoice = await erp.staff.invoice(order, invoice_number="26449900000000000031", issued_on=INVOICED)
    desk, ledger = erp.connector.payments, erp.connector.ledger
    part = Payment("part-1", invoice.document_id, 40_000, date(2026, 4, 22))
    first = await desk.record(part)
    again = await desk.record(part)
    assert (first.before, again.before, again.entry_number) == (False, True, first.entry_number)
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        await desk.record(replace(part, amount_fen=40_001))
    with pytest.raises(HuilianError, match="STATE_CONFLICT") as too_much:
        await desk.record(Payment("part-2", invoice.document_id, 1_372_501, date(2026, 4, 22)))
    assert too_much.value.params["state"] == "ERP_REFUSED"
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await desk.record(replace(part, payment_id="part-3", invoice_document_id="invoice-999999"))
    await desk.record(Payment("part-2", invoice.document_id, 1_372_500, date(2026, 4, 23)))
    entries = await ledger.entries([invoice.document_id, "invoice-999999"])
    assert [(one.payment_id, one.debit_fen, one.credit_fen) for one in entries] == [
        ("", 0, 1_412_500),
        ("part-1", 40_000, 0),
        ("part-2", 1_372_500, 0),
    ]
    rows = await erp.admin.read("account.invoice", [invoice.row_id], ["state"])
    assert rows[0]["state"] == "paid"
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        await desk.record(replace(part, payment_id="part-4"))
    # The payment itself asks for no more rights than Tryton's own accountants have, and the reader has fewer.
    with pytest.raises(HuilianError, match="STATE_CONFLICT") as off:
        await PaymentDesk(None).record(part)
    assert off.value.params["state"] == "PAYMENTS_OFF"


async def test_a_payment_that_was_taken_back_shows(erp: Erp) -> None:
    order = await trade(erp)
    await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN-B")
    invoice = await erp.staff.invoice(order, invoice_number="26449900000000000032", issued_on=INVOICED)
    await erp.connector.payments.record(Payment("back-1", invoice.document_id, 100, date(2026, 4, 22)))
    domain = [["description", "=", "HUILIAN:back-1"]]
    move = (await erp.admin.search_read("account.move", domain, ["id"]))[0]["id"]
    session = (await erp.admin.call("wizard.account.move.cancel.create"))[0]
    context = {"active_model": "account.move", "active_id": move, "active_ids": [move]}
    arguments = (session, {"default": {"reversal": True}}, "cancel")
    with pytest.raises(TrytonWarning) as warning:
        await erp.admin.call("wizard.account.move.cancel.execute", *arguments, context=context)
    user = await find_one(erp.admin, "res.user", [["login", "=", erp.admin.user]])
    await erp.admin.create("res.user.warning", {"user": user, "name": warning.value.name, "always": False})
    await erp.admin.call("wizard.account.move.cancel.execute", *arguments, context=context)
    cancel = await erp.admin.search_read("account.move", [["origin", "=", f"account.move,{move}"]], ["id", "state"])
    if cancel[0]["state"] == "draft":
        await erp.admin.press("account.move", "post", [cancel[0]["id"]])
    entries = await erp.connector.ledger.entries([invoice.document_id])
    taken_back = [(one.debit_fen, one.credit_fen) for one in entries if one.payment_id == "back-1"]
    assert sum(debit - credit for debit, credit in taken_back) == 0
    assert len(taken_back) == 2
