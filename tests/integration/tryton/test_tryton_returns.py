"""Goods sent back and credited in a real Tryton, pulled by the connector, and what the hub makes of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from connectors.core_enterprise.tryton.queries import Kind
from connectors.core_enterprise.tryton.sandbox import Goods, TradeRecord
from connectors.core_enterprise.tryton.sandbox_returns import SandboxReturns
from connectors.core_enterprise.tryton.wire import to_message
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SUPPLIER
from hub.receivables.matching.mismatches import Tolerances
from hub.receivables.matching.rules import TradeFile, match_invoice
from hub.receivables.trade.client import pulled
from hub.receivables.trade.model import DocumentKind, TradeDocument, check_document

from .conftest import Erp

BEARINGS = Goods("BRG-1", "轴承", Decimal(100), Decimal(12_500))
STEEL = Goods("STL-2", "钢板", Decimal("12.5"), Decimal("33050.5"), "kg")
ORDERED, RECEIVED, INVOICED = date(2026, 1, 5), date(2026, 1, 20), date(2026, 1, 22)
RETURNED, CREDITED = date(2026, 1, 25), date(2026, 1, 26)


async def billed(erp: Erp, number: str) -> tuple[TradeRecord, TradeRecord]:
    order = await erp.staff.order(SUPPLIER, [BEARINGS, STEEL], ordered_on=ORDERED)
    await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN")
    return order, await erp.staff.invoice(order, invoice_number=number, issued_on=INVOICED)


async def at_the_hub(erp: Erp, start: str) -> dict[DocumentKind, TradeDocument]:
    """What changed since, by kind, as the hub reads it off the wire; every document is sound."""
    page = await erp.since(start)
    assert page.faults == ()
    found = {}
    for document in page.documents:
        item = pulled(to_message(document))
        assert item.document is not None, item.fault
        check_document(item.document)
        found[item.document.kind] = item.document
    return found


async def test_a_return_and_its_credit_note_name_the_order_and_match(erp: Erp) -> None:
    start = await erp.end()
    order, _ = await billed(erp, "26449900000000000061")
    returns = SandboxReturns(erp.staff)
    back, shipment = await returns.send_back(order, {"BRG-1": Decimal(10)}, returned_on=RETURNED)
    raw = {document.kind: document.content for document in (await erp.since(start)).documents}
    assert (raw[Kind.RETURN]["id"], raw[Kind.RETURN]["issue_date"]) == (shipment.number, "2026-01-25")
    assert shipment.number.startswith("RT")
    assert raw[Kind.RETURN]["despatch_customer_party"]["company_id"] == CORE_ENTERPRISE.uscc
    found = await at_the_hub(erp, start)
    file = TradeFile(
        (found[DocumentKind.ORDER],),
        (found[DocumentKind.RECEIPT_ADVICE],),
        (),
        (found[DocumentKind.DESPATCH_ADVICE],),
    )
    invoice = found[DocumentKind.INVOICE]
    assert [reason.mismatch for reason in match_invoice(invoice, file, Tolerances())] == ["ABOVE_RECEIVED"]

    await returns.credit_return(back, number="26449900000000000062", issued_on=CREDITED)
    note = (await at_the_hub(erp, start))[DocumentKind.CREDIT_NOTE]
    assert (note.number, note.order_document_ids, note.billing_document_ids) == (
        "26449900000000000062",
        (order.document_id,),
        (),
    )
    # Ten bearings at 125 yuan with 13 % VAT.
    assert (note.tax_amount_fen, note.payable_amount_fen) == (16_250, 141_250)
    credited = TradeFile(file.orders, file.receipts, (), file.returns, (note,))
    assert match_invoice(invoice, credited, Tolerances()) == ()


async def test_an_invoice_that_is_credited_by_itself_is_named(erp: Erp) -> None:
    start = await erp.end()
    order, invoice = await billed(erp, "26449900000000000071")
    returns = SandboxReturns(erp.staff)
    note = await returns.credit_invoice(
        invoice, {"STL-2": Decimal("2.5")}, number="26449900000000000072", issued_on=CREDITED
    )
    found = (await at_the_hub(erp, start))[DocumentKind.CREDIT_NOTE]
    assert (found.document_id, found.issue_date) == (note.document_id, CREDITED)
    assert (found.order_document_ids, found.billing_document_ids) == ((order.document_id,), (invoice.document_id,))
    (line,) = found.lines
    assert (line.quantity, line.unit_price_fen, line.line_extension_amount_fen) == (
        Decimal("2.5"),
        Decimal("33050.5"),
        82_626,
    )
    # A cancelled credit note takes nothing off any more, and the hub is told.
    middle = await erp.end()
    await erp.admin.press("account.invoice", "cancel", [note.row_id])
    (gone,) = [item for item in (await erp.since(middle)).documents if item.kind is Kind.CREDIT_NOTE]
    assert (gone.content["document_id"], gone.content["erp_state"]) == (note.document_id, "cancelled")


async def test_two_lines_of_one_article_leave_open_which_went_back(erp: Erp) -> None:
    start = await erp.end()
    twice = [BEARINGS, Goods("BRG-1", "轴承", Decimal(50), Decimal(12_000))]
    order = await erp.staff.order(SUPPLIER, twice, ordered_on=ORDERED)
    await erp.staff.receive(order, received_on=RECEIVED, delivery_note="DN")
    await SandboxReturns(erp.staff).send_back(order, {"BRG-1": Decimal(5)}, returned_on=RETURNED)
    raw = {document.kind: document.content for document in (await erp.since(start)).documents}
    assert raw[Kind.RETURN]["order_reference"] == [{"id": order.document_id}]
    assert {line["order_line_reference"] for line in raw[Kind.RETURN]["despatch_line"]} == {""}
