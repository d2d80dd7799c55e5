"""From goods received in Tryton to the supplier's loan disbursed: a real Tryton, a chain, a hub with its connector.

One operation is what really follows a delivery: the warehouse receives the goods and the supplier's invoice is posted,
both in Tryton; the hub is told to look, pulls and matches; the core enterprise signs the confirmation with its own key
and issues a certificate; the supplier accepts it, applies, signs the offer; the hub asks the tax authority, locks the
claim on the chain, registers it and pays out. It ends when the supplier sees the loan disbursed.

The baseline is the part that is Tryton's: the same two postings, and what changed read over its JSON-RPC once.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import aiohttp
from huilian.lending.v1 import financing_service_pb2 as lending
from huilian.receivables.v1 import receivable_service_pb2 as receivables
from huilian_sdk import Huilian

from connectors.core_enterprise.tryton.connector import TrytonConnector
from connectors.core_enterprise.tryton.jsonrpc import TrytonClient, TrytonRefused
from connectors.core_enterprise.tryton.manifest import manifest
from connectors.core_enterprise.tryton.process import DATABASE
from connectors.core_enterprise.tryton.sandbox import Goods, SandboxErp, TradeRecord
from connectors.core_enterprise.tryton.sandbox_setup import (
    ADMIN_PASSWORD,
    ADMIN_USER,
    CONNECTOR_PASSWORD,
    CONNECTOR_USER,
    PAYMENT_PASSWORD,
    PAYMENT_USER,
)
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SUPPLIER
from deploy.journeys.invoicing import issue_invoice, priced
from deploy.journeys.parties import Party, client_of, open_party, register_enterprises
from deploy.launch import launch
from deploy.process import Supervisor
from deploy.site import HubPlace, Site
from loadtests.bench.world import FOLDER
from loadtests.no_limits import WITHOUT_LIMITS
from loadtests.pairs import Pair, Say, Side, concurrently
from loadtests.trade import CHINA
from tests.support.sites import HUB, new_site

ONE_BY_ONE = "goods received in Tryton to money, one by one"
AT_ONCE = "goods received in Tryton to money, four at once"
CALLERS, RECEIPTS, ROUNDS = 4, 10, 3
LOOK_S, PATIENCE_S, PAGE = 0.02, 60.0, 200
UNIT_PRICE_FEN = Decimal(1_250)


@dataclass(frozen=True)
class Delivery:
    """Goods that are ordered and expected, and the number of the invoice that the supplier has issued for them."""

    order: TradeRecord
    invoice_number: str
    today: dt.date


class GoodsToMoney:
    """Deliveries of one supplier to one core enterprise, and what follows them."""

    def __init__(
        self, site: Site, erp: SandboxErp, reader: TrytonConnector, buyer: Party, parties: Sequence[Huilian]
    ) -> None:
        self._site, self._erp, self._reader, self._buyer = site, erp, reader, buyer
        self._buying, self._selling = parties
        self._waiting: list[Delivery] = []
        self._warehouse = asyncio.Lock()
        # Never twice the same amount: an equal trade would wait for the bank to look at it. An even quantity has a tax
        # that ends in whole fen, which every ledger rounds the same way.
        self._quantities = itertools.count(400 + 2 * (uuid.uuid4().int % 1_000), 14)
        self._cursor = ""

    async def prepare(self, count: int) -> None:
        """As many orders that expect their goods, and invoices issued with the tax authority."""
        today = dt.datetime.now(CHINA).date()
        while len(self._waiting) < count:
            goods = [Goods("BRG-6204", "深沟球轴承 6204", Decimal(next(self._quantities)), UNIT_PRICE_FEN)]
            issued = priced(SUPPLIER.uscc, CORE_ENTERPRISE.uscc, today, goods)
            number = await issue_invoice(self._site, issued, f"bench-{uuid.uuid4().hex}")
            order = await self._erp.order(SUPPLIER, goods, ordered_on=today - dt.timedelta(days=9))
            self._waiting.append(Delivery(order, number, today))
        await self._to_the_end()

    async def deliver_only(self, _: int) -> None:
        """The ERP's part: receive, post the invoice, read what changed."""
        await self._deliver()
        await self._to_the_end()

    async def deliver_and_lend(self, _: int) -> None:
        """All of it, until the loan is disbursed."""
        delivery = await self._deliver()
        receivable = await self._matched(delivery.invoice_number)
        confirmed = await self._buying.receivables.confirm(receivable.receivable_id, self._buyer.keystore)
        certificate = await self._buying.certificates.issue(confirmed.receivable_id, confirmed.amount.amount_fen)
        await self._selling.certificates.accept(certificate.certificate_id)
        offer = await self._selling.financing.apply(certificate.certificate_id)
        if offer.state != lending.FINANCING_STATE_OFFERED:
            raise RuntimeError(f"no offer: {offer}")
        await self._selling.financing.accept(offer.financing_id)
        async with asyncio.timeout(PATIENCE_S):
            await self._disbursed(offer.financing_id)

    async def _deliver(self) -> Delivery:
        one = self._waiting.pop()
        # Tryton on SQLite gives two receipts of the same moment one number, which the hub takes for goods billed twice.
        async with self._warehouse:
            await self._erp.receive(one.order, received_on=one.today, delivery_note=one.invoice_number)
        try:
            await self._erp.invoice(one.order, invoice_number=one.invoice_number, issued_on=one.today)
        except TrytonRefused:
            # Tryton tries a transaction again that met a lock of SQLite's, and may then find its own work done.
            if not await self._is_posted(one.invoice_number):
                raise
        return one

    async def _is_posted(self, invoice_number: str) -> bool:
        domain = [["reference", "=", invoice_number], ["state", "=", "posted"]]
        return bool(await self._erp.client.search_read("account.invoice", domain, ["id"]))

    async def _matched(self, invoice_number: str) -> receivables.Receivable:
        taken = await self._buying.receivables.sync()
        for found in taken.receivables:
            if found.invoice_number == invoice_number:
                return found
        # Another caller's look took it in.
        async for known in self._buying.receivables.list():
            if known.invoice_number == invoice_number:
                return known
        raise RuntimeError(f"invoice {invoice_number} did not come through the connector")

    async def _disbursed(self, financing_id: str) -> None:
        """Looks again and again, as a supplier's system does."""
        while True:
            found = await self._selling.financing.get(financing_id)
            if found.state == lending.FINANCING_STATE_DISBURSED:
                return
            if found.state == lending.FINANCING_STATE_REJECTED:
                raise RuntimeError(f"rejected: {found}")
            await asyncio.sleep(LOOK_S)

    async def _to_the_end(self) -> None:
        """Read what is new, as the connector does."""
        has_more = True
        while has_more:
            page = await self._reader.list_trade_documents(self._cursor, PAGE)
            self._cursor, has_more = page.next_cursor, page.has_more


@asynccontextmanager
async def goods_to_money_pairs(say: Say) -> AsyncIterator[list[Pair]]:
    """Two figures; the p99 of the first is what a supplier waits for."""
    async with _running(say) as (trade, pids):
        yield [_pair(ONE_BY_ONE, trade, 1, pids), _pair(AT_ONCE, trade, CALLERS, pids)]


def _pair(name: str, trade: GoodsToMoney, callers: int, pids: tuple[int, ...]) -> Pair:
    ours = Side("delivery to disbursed", concurrently(trade.deliver_and_lend, callers), RECEIPTS, trade.prepare, pids)
    erp = Side("Tryton's part alone", concurrently(trade.deliver_only, callers), RECEIPTS, trade.prepare)
    return Pair(name, "deliveries", ours, erp, rounds=ROUNDS)


@asynccontextmanager
async def _running(say: Say) -> AsyncIterator[tuple[GoodsToMoney, tuple[int, ...]]]:
    """A site without government: ERP and its connector, authorities, chain, hub."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="goods-", dir=FOLDER) as name:
        site, supervisor = new_site(Path(name)), Supervisor(Path(name))
        site.rate_limits = WITHOUT_LIMITS
        hub = site.hub(HUB)
        try:
            await launch(site, supervisor, [hub], say, government=False)
            async with AsyncExitStack() as stack:
                trade = await _trade(site, hub, stack)
                yield trade, tuple(supervisor.pid(one) for one in (hub.name, "erp_connector", "chain"))
        finally:
            supervisor.stop_all()


async def _trade(site: Site, hub: HubPlace, stack: AsyncExitStack) -> GoodsToMoney:
    buyer, supplier = [await open_party(site, company) for company in (CORE_ENTERPRISE, SUPPLIER)]
    await register_enterprises(site, hub, [buyer, supplier])
    http = await stack.enter_async_context(aiohttp.ClientSession())
    staff, reader, accountant = (
        TrytonClient(http, base_url=site.tryton_url, database=DATABASE, user=user, password=password)
        for user, password in (
            (ADMIN_USER, ADMIN_PASSWORD),
            (CONNECTOR_USER, CONNECTOR_PASSWORD),
            (PAYMENT_USER, PAYMENT_PASSWORD),
        )
    )
    clients = [client_of(site, hub, buyer), client_of(site, hub, supplier)]
    opened = [await stack.enter_async_context(client) for client in clients]
    return GoodsToMoney(site, SandboxErp(staff), TrytonConnector(reader, manifest(), accountant), buyer, opened)
