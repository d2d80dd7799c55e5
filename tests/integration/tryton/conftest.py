"""One real Tryton for the session, on a copy of the template database. Not installed is a failure, never a skip."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from connectors.core_enterprise.tryton.connector import Page, TrytonConnector
from connectors.core_enterprise.tryton.jsonrpc import TrytonClient
from connectors.core_enterprise.tryton.manifest import manifest
from connectors.core_enterprise.tryton.process import DATABASE, ErpLayout, TrytonProcess, prepare_run
from connectors.core_enterprise.tryton.sandbox import SandboxErp
from connectors.core_enterprise.tryton.sandbox_setup import (
    ADMIN_PASSWORD,
    ADMIN_USER,
    CONNECTOR_PASSWORD,
    CONNECTOR_USER,
    PAYMENT_PASSWORD,
    PAYMENT_USER,
)
from deploy.process import free_port


@pytest.fixture(scope="session")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonProcess]:
    """A running Tryton; fails with "run make erp" when it is not installed."""
    folder: Path = tmp_path_factory.mktemp("erp")
    port = free_port()
    with TrytonProcess(prepare_run(ErpLayout(), folder, port), folder, port) as process:
        yield process


def client_of(http: aiohttp.ClientSession, base_url: str, user: str, password: str) -> TrytonClient:
    """A client of the session's database for this user."""
    return TrytonClient(http, base_url=base_url, database=DATABASE, user=user, password=password)


@dataclass
class Erp:
    """The ERP from its two sides: staff who trade, and the connector that only reads."""

    admin: TrytonClient
    reader: TrytonClient
    staff: SandboxErp
    connector: TrytonConnector

    async def end(self) -> str:
        """The cursor behind everything that happened so far."""
        cursor, has_more = "", True
        while has_more:
            page = await self.connector.list_trade_documents(cursor, 500)
            cursor, has_more = page.next_cursor, page.has_more
        return cursor

    async def since(self, cursor: str) -> Page:
        """What changed after `cursor`, which must fit one page."""
        page = await self.connector.list_trade_documents(cursor, 500)
        assert not page.has_more
        return page


@pytest_asyncio.fixture
async def erp(tryton: TrytonProcess) -> AsyncIterator[Erp]:
    """The session's ERP with clients of this test's own event loop."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        admin = client_of(http, tryton.base_url, ADMIN_USER, ADMIN_PASSWORD)
        reader = client_of(http, tryton.base_url, CONNECTOR_USER, CONNECTOR_PASSWORD)
        accountant = client_of(http, tryton.base_url, PAYMENT_USER, PAYMENT_PASSWORD)
        yield Erp(admin, reader, SandboxErp(admin), TrytonConnector(reader, manifest(), accountant))
