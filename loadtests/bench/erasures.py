"""One person's data destroyed, from the signed order to the hub's certificate, over the wire; and until a second
process of the same hub, which has served the person and remembers what it can, turns their old token away.

Each person has a consent, reads with their records and notices, and answers that the hub remembers. The baseline is the
least that such a person's call can write durably: their choice about notices.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import grpc

from connectors.kit import sandbox_people
from deploy.launch import hub_spec
from deploy.process import ProcessSpec, Supervisor
from deploy.site import HubPlace, Site
from loadtests.bench.citizen import BenchCitizen, Place, registered_citizen
from loadtests.bench.world import FOLDER, World
from loadtests.no_limits import WITHOUT_LIMITS
from loadtests.pairs import Pair, Side
from tests.soak.quota_race import beside, start_hubs
from tests.support.postgres import PostgresServer
from tests.support.sites import HUB, new_site

PERSONS, READS_EACH, CHOICES = 6, 20, 60
SECOND = f"{HUB}-2"
ON_POSTGRES = "erasure of one person, two hub processes on PostgreSQL"
PATIENCE_S, OFFER_LOOKS = 10.0, 300


@dataclass(frozen=True)
class TwoProcesses:
    """A hub that two processes serve: persons register at the first, and `second` leads to the other."""

    site: Site
    hub: HubPlace
    second: grpc.aio.Channel


class Leavers:
    """Persons who register, live a little, and leave."""

    def __init__(self, place: Place, stack: AsyncExitStack, second: grpc.aio.Channel | None = None) -> None:
        self._place, self._stack, self._second = place, stack, second
        # Whoever left does not come back, so the two kinds of leavers on one site begin at different ends.
        people = [person for person in sandbox_people.population().values() if person.kind == "ordinary"]
        self._people: Iterator[sandbox_people.Person] = iter(people if second is None else people[::-1])
        self._waiting: list[BenchCitizen] = []

    async def prepare(self, count: int) -> None:
        """As many persons with something to be destroyed, known to both processes."""
        while len(self._waiting) < count:
            person = next(person for person in self._people if person not in sandbox_people.DEMO_PEOPLE)
            citizen = await self._stack.enter_async_context(registered_citizen(self._place, person))
            await citizen.allow(READS_EACH, READS_EACH)
            for number in range(READS_EACH):
                await citizen.read(number)
            assert self._second is None or await citizen.is_let_in_at(self._second), "the second process serves"
            self._waiting.append(citizen)

    async def erase(self, count: int) -> Sequence[float]:
        """Erase so many; the seconds of each, until the certificate is there and every process has heard of it."""
        seconds = []
        for _ in range(count):
            citizen, erasure_id = self._waiting.pop(), uuid.uuid4().hex
            started = time.perf_counter()
            prepared = await citizen.hub.privacy.prepare_erasure(erasure_id)
            done = await citizen.hub.privacy.erase_my_data(erasure_id, citizen.sign(prepared.order))
            if self._second is not None:
                await _turned_away(citizen, self._second)
            seconds.append(time.perf_counter() - started)
            assert done.certificate, "an erasure ends with a certificate"
        return seconds


async def _turned_away(citizen: BenchCitizen, process: grpc.aio.Channel) -> None:
    """Return once this process lets the person in no more; the calls follow one another without a pause."""
    async with asyncio.timeout(PATIENCE_S):
        while await citizen.is_let_in_at(process):
            pass


def _pair(name: str, leavers: Leavers, citizen: BenchCitizen) -> Pair:
    async def choose(count: int) -> Sequence[float]:
        seconds = []
        for number in range(count):
            started = time.perf_counter()
            await citizen.hub.notices.set_digest(number % 2 == 0)
            seconds.append(time.perf_counter() - started)
        return seconds

    ours = Side("order prepared, signed and carried out", leavers.erase, PERSONS, leavers.prepare)
    return Pair(name, "persons", ours, Side("one durable choice of a person", choose, CHOICES), rounds=3)


@asynccontextmanager
async def erasure_pairs(world: World, citizen: BenchCitizen) -> AsyncIterator[list[Pair]]:
    """One figure; its p99 is the one that counts: a second at most."""
    async with AsyncExitStack() as stack:
        yield [_pair(f"erasure of one person, {READS_EACH} reads", Leavers(world, stack), citizen)]


@asynccontextmanager
async def second_process_pairs(world: World, citizen: BenchCitizen) -> AsyncIterator[list[Pair]]:
    """The same with a second process on the site's SQLite; it runs only as long as it is measured."""
    spec = beside(world.site, hub_spec(world.site, world.hub), SECOND)
    await world.supervisor.start(spec)
    try:
        async with AsyncExitStack() as stack:
            second = await stack.enter_async_context(_channel(world.site, spec))
            yield [_pair("erasure of one person, two hub processes", Leavers(world, stack, second), citizen)]
    finally:
        world.supervisor.kill(SECOND)


@asynccontextmanager
async def postgres_pairs() -> AsyncIterator[list[Pair]]:
    """The same on a PostgreSQL of its own, with fsync, and a site of chain, authority, one agency and two processes."""
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(_two_processes())
        citizen = await stack.enter_async_context(registered_citizen(place))
        await _until_offered(citizen)
        yield [_pair(ON_POSTGRES, Leavers(place, stack, place.second), citizen)]


async def _until_offered(citizen: BenchCitizen) -> None:
    """The first process was up before its agency's edge; it looks again within two seconds."""
    for _ in range(OFFER_LOOKS):
        if (await citizen.hub.exchange.datasets()).datasets:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the agency's edge did not come up")


@asynccontextmanager
async def _two_processes() -> AsyncIterator[TwoProcesses]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(durable=True)
    server.start()
    with tempfile.TemporaryDirectory(prefix="erasures-", dir=FOLDER) as name:
        site, supervisor = new_site(Path(name)), Supervisor(Path(name))
        site.database_url, site.rate_limits = await _database(server), WITHOUT_LIMITS
        try:
            specs = await start_hubs(site, supervisor, [SECOND])
            async with _channel(site, specs[SECOND]) as second:
                yield TwoProcesses(site, site.hub(HUB), second)
        finally:
            supervisor.stop_all()
            server.stop()


async def _database(server: PostgresServer) -> str:
    connection = await asyncpg.connect(server.url("postgres"))
    await connection.execute("CREATE DATABASE erasures")
    await connection.close()
    return server.url("erasures")


def _channel(site: Site, spec: ProcessSpec) -> grpc.aio.Channel:
    ca = site.pki.issue("channel.mini_program_api").ca.read_bytes()
    return grpc.aio.secure_channel(spec.environment["HUILIAN_PUBLIC_LISTEN"], grpc.ssl_channel_credentials(ca))
