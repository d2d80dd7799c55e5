"""A site of real processes for tests, and ways to crash its parts. Usable without pytest: campaigns run it too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.launch import launch
from deploy.pki import SitePki
from deploy.process import ProcessSpec, Supervisor
from deploy.site import Site
from tests.support.nursery import ForkingSupervisor

HUB = "hub-a"


class AmendingSupervisor(ForkingSupervisor):
    """Starts processes with some settings added: `amendments` are environment variables by process name."""

    def __init__(self, folder: Path, amendments: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(folder)
        self._amendments = amendments

    async def start(self, spec: ProcessSpec) -> None:
        """Start one process with its amended settings."""
        more = self._amendments.get(spec.name, {})
        await super().start(replace(spec, environment={**spec.environment, **more}))


class RunningSite:
    """The site, and a way to crash its processes."""

    def __init__(self, site: Site, supervisor: Supervisor) -> None:
        self.site, self.supervisor = site, supervisor
        self.crashes = 0
        self._down: dict[str, ProcessSpec] = {}

    def crash(self, name: str = HUB) -> None:
        """SIGKILL a process, the hub unless another is named."""
        self._down[name] = self.supervisor.kill(name)
        self.crashes += 1

    async def restart(self, name: str = HUB) -> None:
        """Start it again on what the crash left."""
        await self.supervisor.start(self._down.pop(name))


def new_site(folder: Path) -> Site:
    """A site in a folder of its own, nothing started."""
    return Site(folder, SitePki(folder / "pki", datetime.now(UTC)))


@asynccontextmanager
async def running_site(
    site: Site, *, government: bool, amendments: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[RunningSite]:
    """Chain, authorities, Tryton and one hub; with `government` the agencies with their connectors and the channel."""
    supervisor = AmendingSupervisor(site.folder, amendments or {})
    try:
        await launch(site, supervisor, [site.hub(HUB)], lambda line: None, government=government)
        yield RunningSite(site, supervisor)
    finally:
        supervisor.stop_all()
