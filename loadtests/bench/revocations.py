"""From the person's revocation to the refusal at every edge of the site, asked there directly as a lying hub would.

The clock starts when the person's call leaves and stops, for each edge, when a read that somebody forwards to it is
answered with CONSENT_REVOKED for the first time. The baseline is the person's own call: until the hub has it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from huilian.common.v1 import common_pb2
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.artefact import DatasetGrant
from huilian_protocol.consent import parse_signed_consent
from huilian_protocol.sealing import key_id
from huilian_protocol.status import from_rpc_error

from deploy.site import AGENCIES
from loadtests.bench.citizen import RECIPIENT, BenchCitizen, Granted
from loadtests.bench.world import World
from loadtests.pairs import Pair, Side

REVOCATIONS = 8
ASK_EVERY_S = 0.005
# Before the edge knows, a forwarded read may still be answered; it counts, so allow as many as the purpose does.
READS = 24
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class _Edge:
    """One agency's edge, reached with the hub's own certificate, and what to ask it."""

    agency: str
    # The generated stub; its types speak of blocking calls.
    stub: Any
    request: pb.ReadRequest

    async def refuses(self) -> bool:
        """Forward the read once; whether it is refused as revoked. Raises HuilianError as what else it is refused."""
        self.request.request_id = uuid.uuid4().hex
        try:
            await self.stub.Read(self.request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            stated = from_rpc_error(error)
            if stated.code != "CONSENT_REVOKED":
                raise stated from error
            return True
        return False

    async def refused_after(self, started: float) -> float:
        """Seconds until it refuses."""
        while not await self.refuses():  # noqa: ASYNC110  an edge rings no bell
            await asyncio.sleep(ASK_EVERY_S)
        return time.perf_counter() - started


class Revocations:
    """Consents over every agency of the site, to be revoked."""

    def __init__(self, citizen: BenchCitizen, stubs: Mapping[str, Any], keys: Mapping[str, bytes]) -> None:
        self._citizen, self._stubs, self._keys = citizen, stubs, keys
        self._granted: list[Granted] = []

    async def prepare(self, count: int) -> None:
        """Grant as many consents."""
        self._granted = [await self._grant() for _ in range(count)]

    async def _grant(self) -> Granted:
        period, datasets = self._citizen.period, self._citizen.datasets
        grants = [
            DatasetGrant(datasets[agency].dataset_id, (min(field.name for field in datasets[agency].fields),), period)
            for agency in self._stubs
        ]
        return await self._citizen.granted(grants, list(self._stubs), READS)

    async def until_every_edge_refuses(self, count: int) -> Sequence[float]:
        """Revoke so many consents; the seconds of every edge for each."""
        seconds: list[float] = []
        for _ in range(count):
            granted = self._granted.pop()
            signed = (await self._citizen.hub.consents.get(granted.id)).signed_consent
            edges = [self._edge(agency, granted, signed) for agency in self._stubs]
            started = time.perf_counter()
            await self._citizen.hub.consents.revoke(granted.id)
            seconds += await asyncio.gather(*(edge.refused_after(started) for edge in edges))
        return seconds

    async def until_the_hub_answers(self, count: int) -> Sequence[float]:
        """Revoke so many consents; the seconds of each call."""
        seconds = []
        for _ in range(count):
            started = time.perf_counter()
            await self._citizen.hub.consents.revoke(self._granted.pop().id)
            seconds.append(time.perf_counter() - started)
        return seconds

    def _edge(self, agency: str, granted: Granted, signed: bytes) -> _Edge:
        dataset = self._citizen.datasets[agency].dataset_id
        grant = next(item for item in granted.grants if item.id == dataset)
        period = common_pb2.MonthPeriod(from_month=grant.period.from_month, to_month=grant.period.to_month)
        # The agencies of the site leave the suite to the recipient.
        favourite = parse_signed_consent(signed).artefact.recipient.sealing_key_id
        request = pb.ReadRequest(
            signed_consent=signed,
            dataset_id=dataset,
            fields=grant.fields,
            period=period,
            sealed_subject=granted.sealed_subjects[agency],
            recipient_public_key=self._keys[favourite],
        )
        return _Edge(agency, self._stubs[agency], request)


@asynccontextmanager
async def revocation_pairs(world: World, citizen: BenchCitizen) -> AsyncIterator[list[Pair]]:
    """One figure over all edges of the site; its p99 is the one that counts."""
    async with AsyncExitStack() as stack:
        files = world.site.pki.issue(world.hub.certificate)
        credentials = grpc.ssl_channel_credentials(
            files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )
        stubs = {}
        for agency in AGENCIES:
            channel = grpc.aio.secure_channel(f"127.0.0.1:{world.site.port(agency)}", credentials)
            await stack.enter_async_context(channel)
            stubs[agency] = connector_service_pb2_grpc.ConnectorServiceStub(channel)
        keys = (await citizen.hub.identity.key_set()).sealing_keys
        by_id = {key_id(key.public_key): key.public_key for key in keys if key.party_id == RECIPIENT}
        revocations = Revocations(citizen, stubs, by_id)
        yield [
            Pair(
                f"revocation to refusal, {len(stubs)} connectors",
                "revocations",
                Side("refused at each edge", revocations.until_every_edge_refuses, REVOCATIONS, revocations.prepare),
                Side("acknowledged by the hub", revocations.until_the_hub_answers, REVOCATIONS, revocations.prepare),
            )
        ]
