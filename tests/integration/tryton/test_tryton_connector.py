"""The connector against a real Tryton: pages, faults, cancellations, rights, health."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import aiohttp
import pytest

from connectors.core_enterprise.tryton.connector import ErpDescription, TrytonConnector
from connectors.core_enterprise.tryton.jsonrpc import TrytonRefused
from connectors.core_enterprise.tryton.manifest import manifest
from connectors.core_enterprise.tryton.process import TrytonProcess
from connectors.core_enterprise.tryton.queries import Kind
from connectors.core_enterprise.tryton.sandbox import Goods, TradeRecord
from connectors.core_enterprise.tryton.sandbox_setup import CONNECTOR_USER, set_up_company
from connectors.kit.contract import CheckOutcome
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SUPPLIER

from .conftest import Erp, client_of

GOODS = (Goods("BRG-1", "轴承", Decimal(10), Decimal(12_500)),)
DAY = date(2026, 1, 5)


async def order(erp: Erp) -> TradeRecord:
    return await erp.staff.order(SUPPLIER, GOODS, ordered_on=DAY)


async def test_describes_the_enterprise(erp: Erp) -> None:
    assert await erp.connector.describe() == ErpDescription(
        CORE_ENTERPRISE.uscc, CORE_ENTERPRISE.name_zh, "Tryton", "8.2"
    )


async def test_pages_of_one_add_up_to_the_whole(erp: Erp) -> None:
    start = await erp.end()
    for _ in range(3):
        await erp.staff.receive(await order(erp), received_on=DAY, delivery_note="DN")
    whole = [document.content for document in (await erp.since(start)).documents]
    assert len(whole) == 6
    pieces, cursor, has_more = [], start, True
    while has_more:
        page = await erp.connector.list_trade_documents(cursor, 1)
        assert len(page.documents) == 1
        pieces.append(page.documents[0].content)
        cursor, has_more = page.next_cursor, page.has_more
    assert pieces == whole
    assert [content["version"] for content in whole] == sorted(content["version"] for content in whole)
    again = await erp.connector.list_trade_documents(cursor, 1)
    assert (again.documents, again.next_cursor, again.has_more) == ((), cursor, False)


async def test_what_is_not_decided_yet_is_not_told(erp: Erp) -> None:
    start = await erp.end()
    bought = await order(erp)
    copies = await erp.admin.call("model.purchase.purchase.copy", [bought.row_id])
    await erp.staff.receive(bought, received_on=DAY, delivery_note="DN")  # drafts an invoice, which is not posted
    await erp.admin.write("purchase.purchase", copies, {"purchase_date": DAY})
    await erp.admin.press("purchase.purchase", "quote", copies)
    kinds = [(document.kind, document.content["document_id"]) for document in (await erp.since(start)).documents]
    assert sorted(kind for kind, _ in kinds) == [Kind.ORDER, Kind.RECEIPT]
    assert (Kind.ORDER, bought.document_id) in kinds


async def test_bad_row_is_named_and_does_not_hold_up_the_rest(erp: Erp) -> None:
    start = await erp.end()
    one, two = await order(erp), await order(erp)
    nobody = await erp.admin.create("party.party", {"name": "无码供应商", "addresses": [["create", [{"street": "x"}]]]})
    address = (await erp.admin.search_read("party.address", [["party", "=", nobody]], ["id"]))[0]["id"]
    copy = (await erp.admin.call("model.purchase.purchase.copy", [one.row_id]))[0]
    stranger = {"party": nobody, "invoice_address": address, "purchase_date": DAY}
    await erp.admin.write("purchase.purchase", [copy], stranger)
    for button in ("quote", "confirm"):
        await erp.admin.press("purchase.purchase", button, [copy])
    page = await erp.since(start)
    assert [(fault.kind, fault.document_id) for fault in page.faults] == [(Kind.ORDER, f"order-{copy}")]
    assert page.faults[0].detail == "seller_supplier_party.company_id breaks the schema"
    assert {document.content["document_id"] for document in page.documents} == {one.document_id, two.document_id}


async def test_cancelled_receipt_and_invoice_are_told(erp: Erp) -> None:
    bought = await order(erp)
    receipt = await erp.staff.receive(bought, received_on=DAY, delivery_note="DN")
    invoice = await erp.staff.invoice(bought, invoice_number="26449900000000000041", issued_on=DAY)
    start = await erp.end()
    await erp.admin.press("account.invoice", "cancel", [invoice.row_id])
    await erp.admin.press("stock.shipment.in", "cancel", [receipt.row_id])
    states = {x.content["document_id"]: x.content["erp_state"] for x in (await erp.since(start)).documents}
    assert states[invoice.document_id] == "cancelled"
    assert states[receipt.document_id] == "cancelled"


async def test_connectors_user_may_read_and_nothing_else(erp: Erp) -> None:
    bought = await order(erp)
    await erp.staff.receive(bought, received_on=DAY, delivery_note="DN")
    await erp.staff.invoice(bought, invoice_number="26449900000000000051", issued_on=DAY)
    for model in manifest().reads:
        # Rights are asked before rows: a model of which nothing was made yet is closed, too.
        rows = await erp.reader.search_read(model, [], ["id"], limit=1)
        row = rows[0]["id"] if rows else 1
        with pytest.raises(TrytonRefused, match="not allowed"):
            await erp.reader.write(model, [row], {"create_uid": None})
        with pytest.raises(TrytonRefused, match="not allowed"):
            await erp.reader.call(f"model.{model}.delete", [row])


async def test_set_up_again_changes_nothing(erp: Erp) -> None:
    async def census() -> list[int]:
        models = ("party.party", "company.company", "account.account", "account.tax", "res.user", "ir.model.access")
        return [await erp.admin.call(f"model.{model}.search_count", []) for model in models]

    before = await census()
    await set_up_company(erp.admin, CORE_ENTERPRISE)
    assert await census() == before


async def test_tryton_itself_refuses_a_wrong_credit_code(erp: Erp) -> None:
    wrong = replace(SUPPLIER, uscc=SUPPLIER.uscc[:-1] + "0")
    with pytest.raises(TrytonRefused):
        await erp.staff.order(wrong, GOODS, ordered_on=DAY)


async def test_check_tells_what_an_operator_can_do(erp: Erp, tryton: TrytonProcess) -> None:
    assert (await erp.connector.check()).outcome is CheckOutcome.READY
    async with aiohttp.ClientSession() as http:
        locked_out = TrytonConnector(client_of(http, tryton.base_url, CONNECTOR_USER, "wrong"), manifest())
        assert (await locked_out.check()).outcome is CheckOutcome.REAUTHENTICATE
        away = TrytonConnector(client_of(http, "http://127.0.0.1:1", CONNECTOR_USER, "x"), manifest())
        assert (await away.check()).outcome is CheckOutcome.RETRY
    newer = TrytonConnector(erp.reader, manifest().model_copy(update={"erp_versions": ("9.0",)}))
    assert (await newer.check()).outcome is CheckOutcome.GIVE_UP
