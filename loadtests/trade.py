"""Certificates to play with: a large trade in the sandbox's ERP, confirmed, certificated and split, through the SDK.

Every call makes a trade of its own, so a site can be loaded again and again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal

import aiohttp
from huilian.receivables.v1 import receivable_service_pb2 as receivables
from huilian_sdk import Huilian

from connectors.core_enterprise.tryton.jsonrpc import TrytonClient
from connectors.core_enterprise.tryton.process import DATABASE
from connectors.core_enterprise.tryton.sandbox import Goods, SandboxErp
from connectors.core_enterprise.tryton.sandbox_setup import ADMIN_PASSWORD, ADMIN_USER
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SECOND_TIER_SUPPLIER, SUPPLIER
from deploy.journeys.invoicing import issue_invoice, priced
from deploy.journeys.parties import Party, client_of, open_party, operator_of, register_enterprises
from deploy.site import HubPlace, Site

CHINA = dt.timezone(dt.timedelta(hours=8))
PARTS_AT_MOST = 50
UNIT_PRICE_FEN = Decimal(1_250)
QUANTITY = Decimal(400_000)


@dataclass(frozen=True)
class Trade:
    """A confirmed receivable, and certificates over equal parts of it that the supplier holds."""

    buyer: Party
    supplier: Party
    second: Party
    receivable_id: str
    certificate_ids: tuple[str, ...]


async def make_trade(site: Site, hub: HubPlace, parts: int) -> Trade:
    """Buy, deliver and invoice in the ERP; confirm at the hub; issue, accept and split a certificate."""
    if not 2 <= parts <= PARTS_AT_MOST:
        raise ValueError(f"a certificate is split into 2 to {PARTS_AT_MOST} parts")
    parties = [await open_party(site, company) for company in (CORE_ENTERPRISE, SUPPLIER, SECOND_TIER_SUPPLIER)]
    buyer, supplier, second = parties
    await register_enterprises(site, hub, parties)
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(operator_of(site, hub))
        today = (await operator.sandbox.now()).astimezone(CHINA).date()
        invoice_number = await _trade_in_erp(site, today)
        buying = await stack.enter_async_context(client_of(site, hub, buyer))
        selling = await stack.enter_async_context(client_of(site, hub, supplier))
        receivable = await _confirmed(buying, buyer, invoice_number)
        ids = await _split_certificate(buying, selling, receivable, parts)
    return Trade(buyer, supplier, second, receivable.receivable_id, ids)


async def _trade_in_erp(site: Site, today: dt.date) -> str:
    """The number of the invoice, issued with the tax authority."""
    # Never twice the same amount: an equal trade of this size would wait for the bank to look at it.
    # Of an odd quantity the tax would end in half a fen, which not every ledger rounds the same way.
    quantity = QUANTITY + 2 * (uuid.uuid4().int % 50_000)
    goods = [Goods("BRG-6204", "深沟球轴承 6204", quantity, UNIT_PRICE_FEN)]
    issued = priced(SUPPLIER.uscc, CORE_ENTERPRISE.uscc, today, goods)
    invoice_number = await issue_invoice(site, issued, f"load-{uuid.uuid4().hex}")
    async with aiohttp.ClientSession() as http:
        client = TrytonClient(
            http, base_url=site.tryton_url, database=DATABASE, user=ADMIN_USER, password=ADMIN_PASSWORD
        )
        erp = SandboxErp(client)
        order = await erp.order(SUPPLIER, goods, ordered_on=today - dt.timedelta(days=9))
        await erp.receive(order, received_on=today - dt.timedelta(days=3), delivery_note=invoice_number)
        await erp.invoice(order, invoice_number=invoice_number, issued_on=today)
    return invoice_number


async def _confirmed(buying: Huilian, buyer: Party, invoice_number: str) -> receivables.Receivable:
    await buying.receivables.sync()
    async for found in buying.receivables.list():
        if found.invoice_number == invoice_number:
            return await buying.receivables.confirm(found.receivable_id, buyer.keystore)
    raise RuntimeError(f"invoice {invoice_number} did not come through the connector")


async def _split_certificate(
    buying: Huilian, selling: Huilian, receivable: receivables.Receivable, parts: int
) -> tuple[str, ...]:
    total_fen = receivable.amount.amount_fen
    root = await buying.certificates.issue(receivable.receivable_id, total_fen)
    await selling.certificates.accept(root.certificate_id)
    part_fen = total_fen // parts
    amounts = {uuid.uuid4().hex: part_fen for _ in range(parts)}
    amounts[next(iter(amounts))] += total_fen - part_fen * parts
    await selling.certificates.split(root.certificate_id, amounts)
    return tuple(amounts)
