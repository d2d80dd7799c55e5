"""The system under measurement: a site of real processes in a temporary folder, with parties that can call it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from huilian_protocol.clock import SystemClock
from huilian_sdk import ClientSigner

from deploy.journeys.parties import Party, client_of
from deploy.launch import launch
from deploy.pki import SitePki
from deploy.process import ROOT, ProcessSpec, Supervisor, free_port, port_open, python
from deploy.site import HubPlace, Site
from loadtests.no_limits import WITHOUT_LIMITS
from loadtests.pairs import Say
from loadtests.trade import Trade, make_trade

FOLDER = ROOT / "var" / "bench"
CONCURRENCY = 16
CERTIFICATES = 16
AGENCY = "housing_fund"


@dataclass
class World:
    """A running site with a confirmed trade, and the baseline server beside it."""

    site: Site
    hub: HubPlace
    supervisor: Supervisor
    echo_port: int
    trade: Trade

    def pids(self, *names: str) -> tuple[int, ...]:
        """Process ids by the names of processes."""
        return tuple(self.supervisor.pid(name) for name in names)

    @property
    def busy_pids(self) -> tuple[int, ...]:
        """Whoever may still be at work after a call was answered: sequencing, anchoring, mining."""
        return self.pids(self.hub.name, "chain", AGENCY, f"{AGENCY}.sandbox")

    def partner_channel(self, party: Party) -> grpc.aio.Channel:
        """A connection to the hub's mTLS port with the enterprise's certificate."""
        files = self.site.pki.issue(party.uscc)
        credentials = grpc.ssl_channel_credentials(
            files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )
        return grpc.aio.secure_channel(f"127.0.0.1:{self.hub.partner_port}", credentials)

    async def token(self, party: Party) -> str:
        """A fresh access token of the enterprise; it lives 15 minutes, longer than a run."""
        signer = ClientSigner(party.uscc, party.keystore.token_key, self.hub.origin, SystemClock())
        async with client_of(self.site, self.hub, party) as client:
            return (await client.identity.issue_token(await signer.grant(_no_challenge))).access_token


def _no_challenge() -> Awaitable[bytes]:
    raise AssertionError("a client assertion needs no challenge")


@asynccontextmanager
async def running_world(say: Say) -> AsyncIterator[World]:
    """Launch everything on free ports under var/bench; nothing of it is left afterwards."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Not in the system's temporary folder, which may be memory: there every commit would be free.
    with tempfile.TemporaryDirectory(prefix="site-", dir=FOLDER) as name:
        folder = Path(name)
        pki, supervisor = SitePki(folder / "pki", datetime.now(UTC)), Supervisor(folder)
        site = Site(folder, pki, rate_limits=WITHOUT_LIMITS)
        hub = site.hub("hub-a")
        try:
            await launch(site, supervisor, [hub], say)
            echo_port = free_port()
            echo = python("-m", "loadtests.bench.echo", str(echo_port))
            await supervisor.start(ProcessSpec("echo", echo, port_open(echo_port)))
            say("a trade in the ERP, confirmed and certificated …")
            trade = await make_trade(site, hub, CERTIFICATES)
            # The ERP is not measured and would only take its share of the machine.
            supervisor.kill("tryton")
            yield World(site, hub, supervisor, echo_port, trade)
        finally:
            supervisor.stop_all()
