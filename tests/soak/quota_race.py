"""Reads by thousands at a time over three hub processes on one PostgreSQL: exactly what was granted is delivered.

One case is one storm on a site of real processes: people with consents of different `max_reads`, each asked far more
often than granted, under fresh and repeated request ids, through whichever hub comes first. Meanwhile the agency goes
away and comes back, and hubs are killed. Afterwards every request that has no final answer is repeated, as its client
would; then the hub's counters, its rows, the person's access records, the log's leaves, the edge's counters and what
clients received must all name the same number.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg
import grpc
from huilian.common.v1 import common_pb2
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian.exchange.v1 import exchange_service_pb2_grpc
from huilian_protocol.errors import HuilianError, Retry
from huilian_protocol.metadata import AUTHORIZATION, BEARER
from huilian_protocol.status import from_rpc_error

from connectors.kit.sandbox_people import population
from deploy import launch
from deploy import site as places
from deploy.process import ProcessSpec, Supervisor
from deploy.site import Site
from ledger.anchor.deploy import deploy_contract
from loadtests.no_limits import WITHOUT_LIMITS
from tests.integration.citizens import FIELDS, HOUSING_FUND, Citizen, Prepared, registered
from tests.soak.databases import new_postgres_url
from tests.support.nursery import ForkingSupervisor
from tests.support.sites import HUB, new_site

REQUESTS = 50_000
# What one client machine keeps in flight; a hub takes 1,000 calls at a time.
IN_FLIGHT = 600
AGENCY = "housing_fund"
HUBS = (HUB, f"{HUB}-2", f"{HUB}-3")
# The edge follows the revocations of the first hub; the others may die without making it stale.
MORTAL = HUBS[1:]
CALL_S, PATIENCE_S, PAUSE_S = 60.0, 180.0, 0.5
# How long the calls of one consent go on, when all the beginnings take 1.
SPREAD = 0.2
DELIVERED = "DELIVERED"
logger = logging.getLogger(__name__)

_FINAL = {Retry.NEVER, Retry.AFTER_CHANGE}


@dataclass
class Grant:
    """One consent and the request ids that are used under it."""

    consent_id: str
    max_reads: int
    owner: Citizen
    token: str
    request_ids: list[str]
    # Final answer by request id: DELIVERED or the code of a refusal for good.
    answers: dict[str, str] = field(default_factory=dict)
    envelopes: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    @property
    def open(self) -> list[str]:
        """Requests without a final answer."""
        return [request_id for request_id in self.request_ids if request_id not in self.answers]


@dataclass
class Storm:
    """The site and its hubs while it is stormed."""

    site: Site
    supervisor: Supervisor
    specs: dict[str, ProcessSpec]
    database_url: str
    rng: random.Random
    stubs: dict[str, exchange_service_pb2_grpc.ExchangeServiceStub] = field(default_factory=dict)
    sent: int = 0
    kills: int = 0
    failures: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def send(self, grant: Grant, request_id: str) -> None:
        """One call to whichever hub; notes a final answer, counts the others."""
        period = grant.owner.period()
        request = pb.FetchDatasetRequest(
            request_id=request_id,
            consent_id=grant.consent_id,
            dataset_id=HOUSING_FUND,
            fields=FIELDS,
            period=common_pb2.MonthPeriod(from_month=period.from_month, to_month=period.to_month),
        )
        self.sent += 1
        stub = self.stubs[self.rng.choice(HUBS)]
        try:
            answer = await stub.FetchDataset(request, timeout=CALL_S, metadata=((AUTHORIZATION, BEARER + grant.token),))
        except grpc.aio.AioRpcError as error:
            refusal = from_rpc_error(error)
            assert refusal.code != "INTERNAL" or not refusal.params, refusal
            self.failures[refusal.code] += 1
            if refusal.entry.retry in _FINAL:
                assert grant.answers.setdefault(request_id, refusal.code) != DELIVERED, "delivered, then refused"
            return
        assert grant.answers.setdefault(request_id, DELIVERED) == DELIVERED, "refused for good, then delivered"
        grant.envelopes[request_id].add(answer.envelope)


async def case(rng: random.Random) -> int:
    """One storm of the size that is asked for; answers how many requests were made."""
    return await storm(rng, REQUESTS)


async def storm(rng: random.Random, requests: int) -> int:
    """A storm of at least this many requests; answers how many there were."""
    async with _site(rng) as running, AsyncExitStack() as stack:
        grants = await _grants(running, stack, requests)
        await _rage(running, grants, requests)
        await _settle(running, grants)
        await _check(running, grants)
        logger.info("sent=%d kills=%d refusals=%s", running.sent, running.kills, dict(running.failures))
        assert running.kills, "nothing was killed"
        return running.sent


@asynccontextmanager
async def _site(rng: random.Random) -> AsyncIterator[Storm]:
    with tempfile.TemporaryDirectory(prefix="huilian-quota-") as name:
        site, url = new_site(Path(name)), await new_postgres_url()
        site.database_url, site.rate_limits = url, WITHOUT_LIMITS
        supervisor = ForkingSupervisor(site.folder)
        try:
            specs = await start_hubs(site, supervisor, MORTAL)
            running = Storm(site, supervisor, specs, url, rng)
            async with AsyncExitStack() as stack:
                for spec in specs.values():
                    running.stubs[spec.name] = await _stub(site, spec, stack)
                yield running
        finally:
            supervisor.stop_all()


async def start_hubs(site: Site, supervisor: Supervisor, others: Sequence[str]) -> dict[str, ProcessSpec]:
    """Chain, authority, one agency with its edge, and processes of one hub: the first and those of these names."""
    first = launch.hub_spec(site, site.hub(HUB))
    entry = await launch.published(supervisor, first)
    [sandbox] = [spec for spec in places.agency_sandbox_specs(site) if spec.name == f"{AGENCY}.sandbox"]
    [edge] = [spec for spec in places.connector_specs(site, site.hub(HUB)) if spec.name == AGENCY]
    chain = places.chain_spec(site, {entry["origin"]: entry["chain_address"]})
    await supervisor.start_all([chain, *places.authority_specs(site), sandbox])
    contract = await deploy_contract(site.chain_url, site.chain_admin(), [entry["chain_address"]])
    await launch.write_trust(site, [entry], {AGENCY: places.connector_keys(edge)}, contract)
    # The first one makes the tables.
    await supervisor.start(first)
    specs = {HUB: first, **{name: beside(site, first, name) for name in others}}
    await supervisor.start_all([edge, *(specs[name] for name in others)])
    return specs


def beside(site: Site, first: ProcessSpec, name: str) -> ProcessSpec:
    """Another process of the same hub: the same keys and database, other ports."""
    public, partner = (f"127.0.0.1:{site.port(f'{name}.{port}')}" for port in ("public", "partner"))
    ports = {"HUILIAN_PUBLIC_LISTEN": public, "HUILIAN_PARTNER_LISTEN": partner}
    ready = site.serving(f"{name}.partner")
    return replace(first, name=name, ready=ready, environment={**first.environment, **ports})


async def _stub(site: Site, spec: ProcessSpec, stack: AsyncExitStack) -> exchange_service_pb2_grpc.ExchangeServiceStub:
    ca = site.pki.issue("channel.mini_program_api").ca.read_bytes()
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    target = spec.environment["HUILIAN_PUBLIC_LISTEN"]
    channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(ca), options)
    await stack.enter_async_context(channel)
    return exchange_service_pb2_grpc.ExchangeServiceStub(channel)


async def _grants(running: Storm, stack: AsyncExitStack, requests: int) -> list[Grant]:
    """Consents of 1 to 24 reads for some people; each is asked for three times as often as it allows, or more."""
    people = running.rng.sample(sorted(population().values(), key=lambda one: one.resident_id), 2 + requests // 1_000)
    grants: list[Grant] = []
    for person in people:
        citizen = await stack.enter_async_context(registered(running.site, running.site.hub(HUB), person))
        token = await citizen.hub.exchange.calls.tokens.token()
        for max_reads in (1, running.rng.randint(2, 9), running.rng.randint(10, 24)):
            consent = await citizen.sign(await _prepared(citizen, max_reads))
            grants.append(Grant(consent.consent_id, max_reads, citizen, token, []))
    for grant in grants:
        many = max(3 * grant.max_reads, requests * 2 // (3 * len(grants)))
        grant.request_ids += [f"read-{running.rng.getrandbits(96):024x}" for _ in range(many)]
    return grants


async def _prepared(citizen: Citizen, max_reads: int) -> Prepared:
    """The hub was up before the edge and tries it again after two seconds at most."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await citizen.prepare(max_reads=max_reads)
            except HuilianError as error:
                assert error.code == "PROVIDER_UNAVAILABLE", error
                await asyncio.sleep(PAUSE_S)


async def _rage(running: Storm, grants: list[Grant], requests: int) -> None:
    """Every id once, some of them again, while things break; each consent has its time, in which all its calls come."""
    calls = [(grant, request_id) for grant in grants for request_id in grant.request_ids]
    calls += running.rng.choices(calls, k=max(0, requests - len(calls)))
    start = {grant.consent_id: running.rng.random() for grant in grants}
    todo = iter(sorted(calls, key=lambda call: start[call[0].consent_id] + running.rng.uniform(0.0, SPREAD)))

    async def client() -> None:
        for grant, request_id in todo:
            await running.send(grant, request_id)

    trouble = asyncio.create_task(_trouble(running))
    try:
        await asyncio.gather(*(client() for _ in range(min(IN_FLIGHT, len(calls)))))
    finally:
        trouble.cancel()
        await asyncio.gather(trouble, return_exceptions=True)
    for name in (*MORTAL, f"{AGENCY}.sandbox"):
        if name not in running.supervisor._running:
            await running.supervisor.start(running.specs[name])


async def _trouble(running: Storm) -> None:
    """The agency is away from the beginning, comes back, then a hub dies; again and again."""
    sandbox = f"{AGENCY}.sandbox"
    while True:
        for name in (sandbox, running.rng.choice(MORTAL)):
            running.specs[name] = running.supervisor.kill(name)
            running.kills += 1
            await asyncio.sleep(running.rng.uniform(0.2, 1.0))
            # Shielded: a process that was being started when the storm ended is started to the end.
            await asyncio.shield(running.supervisor.start(running.specs[name]))
            await asyncio.sleep(running.rng.uniform(0.5, 2.0))


async def _settle(running: Storm, grants: list[Grant]) -> None:
    """Repeat what has no final answer until it has, as its client would: nobody knows otherwise what became of it."""
    end = asyncio.get_running_loop().time() + PATIENCE_S
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def again(grant: Grant, request_id: str) -> None:
        async with gate:
            await running.send(grant, request_id)

    while left := [(grant, request_id) for grant in grants for request_id in grant.open]:
        assert asyncio.get_running_loop().time() < end, (
            f"{len(left)} requests are not settled: {dict(running.failures)}"
        )
        await asyncio.gather(*(again(*one) for one in left))
        await asyncio.sleep(PAUSE_S)


async def _check(running: Storm, grants: list[Grant]) -> None:
    """Everybody names the same number, and nothing was delivered twice or differently."""
    for grant in grants:
        assert set(grant.answers.values()) <= {DELIVERED, "CONSENT_EXHAUSTED"}, set(grant.answers.values())
        assert all(len(seen) == 1 for seen in grant.envelopes.values()), "one request, two answers"
    granted = {grant.consent_id: grant.max_reads for grant in grants}
    received = {grant.consent_id: list(grant.answers.values()).count(DELIVERED) for grant in grants}
    assert received == granted, _differences(received, granted)
    for what, counted in (await _counted(running, grants)).items():
        assert counted == granted, f"{what}: {_differences(counted, granted)}"


async def _counted(running: Storm, grants: list[Grant]) -> dict[str, dict[str, int]]:
    """Reads by consent as each keeper of a count has them."""
    connection = await asyncpg.connect(running.database_url)
    try:
        quota = await connection.fetch("SELECT split_part(id, '/', 1) AS consent, used AS n FROM exchange_quota")
        reads = await connection.fetch(
            "SELECT consent_id AS consent, count(*) AS n FROM exchange_read WHERE phase = 'DELIVERED' GROUP BY 1"
        )
        leaves = {row["record_id"] for row in await connection.fetch("SELECT record_id FROM ledger_leaf")}
    finally:
        await connection.close()
    return {
        "hub's counters": {row["consent"]: row["n"] for row in quota},
        "hub's reads": {row["consent"]: row["n"] for row in reads},
        "edge's counters": _edge_counters(running.site.folder / AGENCY / "edge.sqlite3"),
        "access records with a leaf": await _access_records(grants, leaves),
    }


async def _access_records(grants: list[Grant], leaves: set[str]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for owner in {id(grant.owner): grant.owner for grant in grants}.values():
        async for record in owner.hub.exchange.access_records():
            if record.outcome == DELIVERED and record.access_record_id in leaves:
                found[record.consent_id] += 1
    return dict(found)


def _edge_counters(path: Path) -> dict[str, int]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0)
    try:
        return dict(connection.execute("SELECT consent_id, sum(used) FROM quota GROUP BY consent_id"))
    finally:
        connection.close()


def _differences(found: dict[str, int], wanted: dict[str, int]) -> dict[str, tuple[int, int]]:
    every = found.keys() | wanted.keys()
    return {one: (found.get(one, 0), wanted.get(one, 0)) for one in every if found.get(one, 0) != wanted.get(one, 0)}
