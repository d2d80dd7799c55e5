"""A whole edge under test: a connector with its sandbox, the kit around it, and the world that it trusts."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from huilian_protocol.artefact import Artefact, Period
from huilian_protocol.sealing import Suite, generate_keypair

from connectors.kit.acceptance.upstream import Upstream, running_upstream
from connectors.kit.acceptance.world import NOW, PERIOD, Device, World, new_signing_key, open_answer, seal_subject
from connectors.kit.contract import Connector
from connectors.kit.keys import EdgeKeys
from connectors.kit.requests import ReadRequest
from connectors.kit.revocations import RevocationCopy
from connectors.kit.sandbox_people import Person
from connectors.kit.service import EdgeService
from connectors.kit.store import EdgeStore
from connectors.kit.verification import ReadVerifier

TIMEOUT_MS = 500
Wrap = Callable[[Connector], Connector]


@dataclass
class Edge:
    """A running edge. `request` makes good reads; tests then spoil them."""

    world: World
    upstream: Upstream
    service: EdgeService
    store: EdgeStore
    copy: RevocationCopy
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def request(self, device: Device, artefact: Artefact, **changes: Any) -> ReadRequest:
        """A read of everything that the artefact grants of its first dataset; `changes` replace its members."""
        grant, agency = artefact.datasets[0], self.upstream.manifest.agency_id
        good = ReadRequest(
            request_id=f"request-{next(self._numbers):08d}",
            signed_consent=self.world.consent(device, artefact).to_bytes(),
            dataset_id=grant.id,
            fields=grant.fields,
            period=grant.period,
            sealed_subject=seal_subject(device, artefact, agency, self.service.keys.sealing.public),
            recipient_public_key=self.world.recipient.public,
        )
        return replace(good, **changes)

    def grant(self, person: Person, dataset_id: str, **changes: Any) -> tuple[Device, Artefact]:
        """A person's device and an artefact that grants every field of the dataset."""
        spec = self.upstream.manifest.dataset(dataset_id)
        assert spec is not None
        device = self.world.device(person)
        return device, self.world.artefact(device, dataset_id, sorted(spec.fields), **changes)

    async def read(self, person: Person, dataset_id: str, fields: tuple[str, ...] = (), period: Period = PERIOD) -> Any:
        """What the recipient reads of this person; all fields unless some are named."""
        device, artefact = self.grant(person, dataset_id)
        request = self.request(device, artefact, fields=fields or artefact.datasets[0].fields, period=period)
        answer = await self.service.read(request)
        return open_answer(self.world.recipient, artefact, request, answer)


@asynccontextmanager
async def running_edge(package: str, folder: Path, wrap: Wrap = lambda connector: connector) -> AsyncIterator[Edge]:
    """Start the package's sandbox and an edge around its connector; state lives in `folder`."""
    world = World()
    async with running_upstream(package, world.clock, TIMEOUT_MS) as upstream:
        keys = EdgeKeys(generate_keypair(Suite.XWING), new_signing_key())
        copy = RevocationCopy(world.clock, timedelta(seconds=30))
        copy.confirm(NOW)
        store = EdgeStore(folder / "edge.sqlite3")
        verifier = ReadVerifier(upstream.manifest, world.trust(), keys.sealing.private, world.clock)
        connector = wrap(upstream.connector)
        manifest, clock = upstream.manifest, world.clock
        service = EdgeService(manifest, connector, verifier, store, copy, keys, clock, TIMEOUT_MS / 1_000)
        try:
            yield Edge(world, upstream, service, store, copy)
        finally:
            await service.close()
