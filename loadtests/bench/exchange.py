"""Consented reads through hub and connector ÷ the same agency asked directly in its own protocol.

Both ways end at the same sandbox process and bring the same record; ours also verifies the consent twice, counts,
minimises, seals, signs and writes the access record. Against the bare sandbox, which answers from memory, and against
one that takes as long as an agency does (`connectors/kit/sandbox_capacity.py`).
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from huilian_protocol.clock import SystemClock

from connectors.kit import months
from connectors.kit.contract import Connector, Presence, Query, Subject
from connectors.kit.credentials import Credentials
from connectors.kit.plugin import ConnectorContext, build_connector
from connectors.kit.sandbox_people import DEMO_BORROWER
from connectors.kit.upstream import UpstreamLimits
from loadtests.bench.citizen import DATASET, BenchCitizen
from loadtests.bench.world import AGENCY, CONCURRENCY, World
from loadtests.pairs import Pair, Side, Work, at_rate, concurrently

# What the purpose LOAN_APPLICATION allows per dataset.
MOST_READS = 24
READS, DIRECT_READS = 192, 600
# Enough callers that the agency, not their number, is what both sides wait for.
CALLERS_OF_SLOW_AGENCY = 48
DIRECT = "agency asked directly, HMAC-signed REST"


@dataclass(frozen=True)
class Capacity:
    """How long an agency's answer takes and how many it works on at once."""

    service_time_ms: int
    workers: int

    def __str__(self) -> str:
        return f"{self.service_time_ms} ms × {self.workers} workers"


SLOW_AGENCIES = (Capacity(20, 16), Capacity(50, 16))


@asynccontextmanager
async def exchange_pairs(world: World, citizen: BenchCitizen) -> AsyncIterator[list[Pair]]:
    """A citizen's reads against the connector's own client speaking to the sandbox, which answers at once.

    A consent read as often as its purpose allows, whose signatures the edge remembers, and one read per consent, as a
    loan decision makes it.
    """
    async with AsyncExitStack() as stack:
        direct = await Direct.open(world, citizen, stack)
        baseline = direct.side(world, concurrently(direct.read, CONCURRENCY), DIRECT_READS)
        yield [
            Pair(
                f"consented read, bare agency, {reads} per consent",
                "reads",
                _ours(world, citizen, concurrently(citizen.read, CONCURRENCY), READS, reads),
                baseline,
            )
            for reads in (MOST_READS, 1)
        ]


@asynccontextmanager
async def slow_agency_pairs(world: World, citizen: BenchCitizen, capacity: Capacity) -> AsyncIterator[list[Pair]]:
    """The same with an agency that takes its time: how much of its throughput is left, and what is added to its p99
    when reads arrive at half of the rate that we can serve.
    """
    name = f"{AGENCY}.sandbox"
    environment = {"HUILIAN_SERVICE_TIME_MS": str(capacity.service_time_ms), "HUILIAN_WORKERS": str(capacity.workers)}
    usual = world.supervisor.kill(name)
    await world.supervisor.start(replace(usual, environment={**usual.environment, **environment}))
    try:
        async with AsyncExitStack() as stack:
            direct = await Direct.open(world, citizen, stack)
            yield [_throughput(world, citizen, direct, capacity), _half_load(world, citizen, direct, capacity)]
    finally:
        world.supervisor.kill(name)
        await world.supervisor.start(usual)


def _throughput(world: World, citizen: BenchCitizen, direct: Direct, capacity: Capacity) -> Pair:
    return Pair(
        f"consented read, agency of {capacity}",
        "reads",
        _ours(world, citizen, concurrently(citizen.read, CALLERS_OF_SLOW_AGENCY), 2 * READS),
        direct.side(world, concurrently(direct.read, CALLERS_OF_SLOW_AGENCY), 2 * READS),
    )


def _half_load(world: World, citizen: BenchCitizen, direct: Direct, capacity: Capacity) -> Pair:
    found = HalfCapacity(citizen)
    ours = _ours(world, citizen, at_rate(citizen.read, found.per_s), READS)
    return Pair(
        f"half load, agency of {capacity}",
        "reads",
        Side(ours.name, ours.work, ours.count, found.prepare, ours.pids),
        direct.side(world, at_rate(direct.read, found.per_s), READS),
        at_given_rate=True,
    )


class HalfCapacity:
    """Half of the reads per second that hub and connector serve, measured before the first round."""

    def __init__(self, citizen: BenchCitizen) -> None:
        self._citizen, self._per_s = citizen, 0.0

    def per_s(self) -> float:
        """The rate of arrivals."""
        return self._per_s

    async def prepare(self, count: int) -> None:
        """Consents for the round; before the first one, the rate."""
        if not self._per_s:
            await self._citizen.allow(2 * READS, MOST_READS)
            started = time.perf_counter()
            await concurrently(self._citizen.read, CALLERS_OF_SLOW_AGENCY)(2 * READS)
            self._per_s = READS / (time.perf_counter() - started)
        await self._citizen.allow(count, MOST_READS)


def _ours(world: World, citizen: BenchCitizen, work: Work, count: int, reads_per_consent: int = MOST_READS) -> Side:
    return Side(
        "through hub and connector",
        work,
        count,
        prepare=partial(citizen.allow, reads_per_consent=reads_per_consent),
        pids=world.pids(world.hub.name, AGENCY, f"{AGENCY}.sandbox"),
    )


class Direct:
    """The connector's own client, with nobody in between."""

    def __init__(self, client: Connector, query: Query) -> None:
        self._client, self._query = client, query

    @classmethod
    async def open(cls, world: World, citizen: BenchCitizen, stack: AsyncExitStack) -> Direct:
        """Connect; `stack` closes."""
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
        return cls(client, Query(DATASET, subject, period, clock.now()))

    async def read(self, _: int) -> None:
        """One question."""
        record = await self._client.read(self._query)
        assert record.presence is Presence.PRESENT, "the borrower has an account"

    def side(self, world: World, work: Work, count: int) -> Side:
        """The baseline."""
        return Side(DIRECT, work, count, pids=world.pids(f"{AGENCY}.sandbox"))
