"""Half a year of sales to a dealer in a real Tryton, read page by page as the bank reads them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import pytest_asyncio
from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian_protocol.errors import HuilianError

from connectors.core_enterprise.tryton.rpc import ErpConnectorServicer
from connectors.core_enterprise.tryton.sandbox_sales import SandboxSale, SandboxSales
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, DEALER

from .conftest import Erp

MONTHS = [date(2025 + (month // 12), month % 12 + 1, 6) for month in range(9, 15)]
PAID_AFTER = {0: timedelta(days=25), 2: timedelta(days=51), 4: timedelta(days=30)}
"""Five days before it is due, three weeks late, on the day; the other months are still owed."""
UNPAID, PAGE = 5, 4


def half_a_year() -> list[SandboxSale]:
    """One sale a month, each larger than the last."""
    paid = {number: MONTHS[number] + after for number, after in PAID_AFTER.items()}
    return [SandboxSale(day, 100_000 * (number + 1), paid.get(number)) for number, day in enumerate(MONTHS)]


@pytest_asyncio.fixture
async def bank(erp: Erp) -> ErpConnectorServicer:
    """What the bank calls."""
    return ErpConnectorServicer(erp.connector)


async def pages(bank: ErpConnectorServicer, cursor: str = "") -> list[pb.ListSalesResponse]:
    found = [await bank.ListSales(pb.ListSalesRequest(cursor=cursor, page_size=PAGE), None)]
    while found[-1].has_more:
        found.append(await bank.ListSales(pb.ListSalesRequest(cursor=found[-1].next_cursor, page_size=PAGE), None))
    return found


async def test_half_a_year_of_sales_comes_out_page_by_page_as_booked(erp: Erp, bank: ErpConnectorServicer) -> None:
    start = (await pages(bank))[-1].next_cursor
    staff = SandboxSales(erp.staff)
    rows = await staff.sell(DEALER, half_a_year())
    found = await pages(bank, start)
    assert [len(page.sales) for page in found] == [4, 2]
    assert not any(page.faults for page in found)
    sales = [sale for page in found for sale in page.sales]
    assert [sale.document_id for sale in sales] == [f"sale-{row}" for row in rows]
    assert {(sale.core_uscc, sale.dealer_uscc, sale.dealer_name) for sale in sales} == {
        (CORE_ENTERPRISE.uscc, DEALER.uscc, DEALER.name_zh)
    }
    # 13 % VAT on top; due thirty days after the invoice.
    assert [sale.payable_amount_fen for sale in sales] == [113_000 * (number + 1) for number in range(6)]
    for sale, booked in zip(sales, half_a_year(), strict=True):
        paid = booked.paid_on.isoformat() if booked.paid_on else ""
        assert (sale.issue_date, sale.paid_date) == (booked.issued_on.isoformat(), paid)
        assert sale.due_date == (booked.issued_on + timedelta(days=30)).isoformat()
        assert sale.erp_state == ("paid" if paid else "posted")
    assert (await pages(bank, found[-1].next_cursor))[0].next_cursor == found[-1].next_cursor

    await staff.pay(DEALER, rows[UNPAID], date(2026, 3, 20))
    (again,) = (await pages(bank, found[-1].next_cursor))[0].sales
    assert (again.document_id, again.erp_state, again.paid_date) == (f"sale-{rows[UNPAID]}", "paid", "2026-03-20")
    assert again.version > sales[UNPAID].version


async def test_a_cursor_of_the_other_list_is_refused(erp: Erp, bank: ErpConnectorServicer) -> None:
    with pytest.raises(HuilianError) as refusal:
        await bank.ListSales(pb.ListSalesRequest(cursor="1.5.3.1"), None)
    assert refusal.value.params == {"field": "cursor"}
