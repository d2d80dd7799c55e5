"""Consented reads through hub and connector ÷ the same agency asked directly in its own protocol.

Both ways end at the same sandbox process and bring the same record; ours also verifies the consent twice, counts,
minimises, seals, signs and writes the access record. Two cases: a consent read as often as its purpose allows, whose
signatures the edge remembers, and one read per consent, as a loan decision makes it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from huilian_protocol.clock import SystemClock

from connectors.kit import months
from connectors.kit.contract import Presence, Query, Subject
from connectors.kit.credentials import Credentials
from connectors.kit.plugin import ConnectorContext, build_connector
from connectors.kit.sandbox_people import DEMO_BORROWER
from connectors.kit.upstream import UpstreamLimits
from loadtests.bench.citizen import DATASET, BenchCitizen
from loadtests.bench.world import AGENCY, CONCURRENCY, World
from loadtests.pairs import Pair, Side, concurrently

# What the purpose LOAN_APPLICATION allows per dataset.
MOST_READS = 24
READS, DIRECT_READS = 96, 400


@asynccontextmanager
async def exchange_pairs(world: World, citizen: BenchCitizen) -> AsyncIterator[list[Pair]]:
    """A citizen's reads against the connector's own client speaking to the sandbox."""
    async with AsyncExitStack() as stack:
        direct = await _direct(world, citizen, stack)
        yield [
            Pair(
                f"consented read, {reads} per consent",
                "reads",
                Side(
                    "through hub and connector",
                    concurrently(citizen.read, CONCURRENCY),
                    READS,
                    prepare=partial(citizen.allow, reads_per_consent=reads),
                    pids=world.pids(world.hub.name, AGENCY, f"{AGENCY}.sandbox"),
                ),
                direct,
            )
            for reads in (MOST_READS, 1)
        ]


async def _direct(world: World, citizen: BenchCitizen, stack: AsyncExitStack) -> Side:
    site, clock = world.site, SystemClock()
    context = ConnectorContext(
        upstream_url=f"http://127.0.0.1:{site.port(f'{AGENCY}.sandbox')}",
        credentials=Credentials.load(site.folder / f"{AGENCY}.sandbox" / "credentials.json"),
        clock=clock,
        random_bytes=os.urandom,
        limits=UpstreamLimits(),
        state_dir=site.folder,
    )
    client = await build_connector(f"connectors.gov_data.{AGENCY}", context, stack)
    period = months.Period.parse(citizen.period.from_month, citizen.period.to_month)
    subject = Subject(DEMO_BORROWER.name, DEMO_BORROWER.resident_id)

    async def read(_: int) -> None:
        record = await client.read(Query(DATASET, subject, period, clock.now()))
        assert record.presence is Presence.PRESENT, "the borrower has an account"

    pids = world.pids(f"{AGENCY}.sandbox")
    return Side("agency asked directly, HMAC-signed REST", concurrently(read, CONCURRENCY), DIRECT_READS, pids=pids)
