"""A site of real processes for supply-chain finance: chain, authorities, Tryton, hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from deploy.launch import launch
from deploy.pki import SitePki
from deploy.process import Supervisor
from deploy.site import Site


class RunningSite:
    """The site, and a way to crash its hub."""

    def __init__(self, site: Site, supervisor: Supervisor) -> None:
        self.site, self.supervisor = site, supervisor
        self.crashes = 0

    def crash(self) -> None:
        """SIGKILL the hub."""
        self._spec = self.supervisor.kill("hub-a")
        self.crashes += 1

    async def restart(self) -> None:
        """Start the hub again on what the crash left."""
        await self.supervisor.start(self._spec)


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningSite]:
    site = Site(tmp_path, SitePki(tmp_path / "pki", datetime.now(UTC)))
    supervisor = Supervisor(tmp_path)
    try:
        await launch(site, supervisor, [site.hub("hub-a")], lambda line: None, government=False)
        yield RunningSite(site, supervisor)
    finally:
        supervisor.stop_all()
