"""One site of real processes for the tests that only call it: nobody stops, starts or moves the clock of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from connectors.kit.sandbox_companies import DEALER
from deploy.site import BUYER_USCC, Site
from tests.integration.erp_stand_in import serving
from tests.support.sites import HUB, RunningSite, new_site, running_site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSite]:
    """Chain, authorities, agencies and their connectors, Tryton, one hub with a second buyer's ERP connector."""
    site = new_site(tmp_path_factory.mktemp("site"))
    with serving(site.pki.issue("erp_stand_in")) as port:
        amendments = {HUB: {"HUILIAN_ERP_CONNECTORS": _erp_connectors(site, port)}}
        async with running_site(site, government=True, amendments=amendments) as running:
            yield running


def _erp_connectors(site: Site, stand_in_port: int) -> str:
    addresses = {BUYER_USCC: site.port("erp_connector"), DEALER.uscc: stand_in_port}
    return json.dumps({uscc: f"127.0.0.1:{port}" for uscc, port in addresses.items()})
