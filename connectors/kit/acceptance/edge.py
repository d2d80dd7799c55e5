"""A whole edge under test: a connector with its sandbox, the kit around it, and the world that it trusts."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from huilian_protocol.action import ActionParameters
from huilian_protocol.artefact import Artefact, Period
from huilian_protocol.sealing import Suite, generate_keypair

from connectors.kit.acceptance.idle_clock import idle_clock
from connectors.kit.acceptance.upstream import Upstream, running_upstream
from connectors.kit.acceptance.world import (
    PERIOD,
    Device,
    World,
    open_answer,
    seal_parameters,
    seal_subject,
)
from connectors.kit.action_store import ActionStore
from connectors.kit.action_verification import ActionVerifier
from connectors.kit.actions import ActionService
from connectors.kit.contract import Connector, Query, Subject
from connectors.kit.keys import EdgeKeys, load_edge_keys
from connectors.kit.months import Period as Months
from connectors.kit.requests import ActRequest, ReadRequest
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
    actions: ActionService
    action_store: ActionStore
    folder: Path
    is_closed: bool = False
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def request(self, device: Device, artefact: Artefact, **changes: Any) -> ReadRequest:
        """A read of everything that the artefact grants of its first dataset; `changes` replace its members."""
        grant, agency, keys = artefact.datasets[0], self.upstream.manifest.agency_id, self.service.keys
        good = ReadRequest(
            request_id=f"request-{next(self._numbers):08d}",
            signed_consent=self.world.consent(device, artefact).to_bytes(),
            dataset_id=grant.id,
            fields=grant.fields,
            period=grant.period,
            sealed_subject=seal_subject(device, artefact, agency, keys.sealing.public, keys.sealing_suite),
            recipient_public_key=self.world.recipient.public,
        )
        return replace(good, **changes)

    def grant(self, person: Person, dataset_id: str, **changes: Any) -> tuple[Device, Artefact]:
        """A person's device and an artefact that grants every field of the dataset."""
        spec = self.upstream.manifest.dataset(dataset_id)
        assert spec is not None
        device = self.world.device(person)
        return device, self.world.artefact(device, dataset_id, sorted(spec.fields), **changes)

    def query(self, person: Person, dataset_id: str) -> Query:
        """The question that a read over the whole period puts to the connector."""
        period = Months.parse(PERIOD.from_month, PERIOD.to_month)
        return Query(dataset_id, Subject(person.name, person.resident_id), period, self.world.clock.now())

    async def read(self, person: Person, dataset_id: str, fields: tuple[str, ...] = (), period: Period = PERIOD) -> Any:
        """What the recipient reads of this person; all fields unless some are named."""
        device, artefact = self.grant(person, dataset_id)
        request = self.request(device, artefact, fields=fields or artefact.datasets[0].fields, period=period)
        answer = await self.service.read(request)
        return open_answer(self.world.recipient, artefact, request, answer)

    def act_request(
        self, device: Device, artefact: Artefact, parameters: ActionParameters, request_id: str = ""
    ) -> ActRequest:
        """A good request for the artefact's first action with these parameters."""
        action, agency = artefact.actions[0].id, self.upstream.manifest.agency_id
        request_id, key = request_id or f"action-{next(self._numbers):08d}", self.service.keys.sealing.public
        return ActRequest(
            request_id=request_id,
            signed_consent=self.world.consent(device, artefact).to_bytes(),
            action_id=action,
            sealed_subject=seal_subject(device, artefact, agency, key),
            sealed_parameters=seal_parameters(artefact, parameters, action, agency, request_id, key),
            recipient_public_key=self.world.recipient.public,
        )

    def in_suite(self, suite: Suite, folder: Path, wrap: Wrap) -> Edge:
        """Another edge before the same agency whose own keys, and whose recipient's, are made for this suite."""
        world = replace(self.world, suite=suite, recipient=generate_keypair(suite))
        return build_edge(world, self.upstream, load_edge_keys(folder, suite), folder, wrap)

    async def killed_and_restarted(self, wrap: Wrap = lambda connector: connector) -> Edge:
        """This edge after its process died: what was in memory is gone, what is on the disk is there."""
        await self.service.memory.close()
        self.is_closed = True
        risen = build_edge(self.world, self.upstream, self.service.keys, self.folder, wrap)
        return replace(risen, _numbers=self._numbers)

    async def close(self) -> None:
        """Stop the edge as its process does, unless it was killed before."""
        if not self.is_closed:
            self.is_closed = True
            await self.actions.close()
            await self.service.close()


def build_edge(world: World, upstream: Upstream, keys: EdgeKeys, folder: Path, wrap: Wrap) -> Edge:
    """An edge around a running agency, fresh as of now, with its memory in `folder`."""
    copy = RevocationCopy(world.clock, timedelta(seconds=30))
    copy.confirm(world.clock.now())
    store = EdgeStore(folder / "edge.sqlite3")
    verifier = ReadVerifier(upstream.manifest, world.trust(), keys.opening_key, world.clock)
    connector, timeout_s = wrap(upstream.connector), TIMEOUT_MS / 1_000
    service = EdgeService(upstream.manifest, connector, verifier, store, copy, keys, world.clock, timeout_s)
    judge = ActionVerifier(upstream.manifest, verifier, keys.opening_key)
    action_store = ActionStore(store)
    actions = ActionService(service, judge, action_store, copy, world.clock, timeout_s)
    return Edge(world, upstream, service, store, copy, actions, action_store, folder)


@asynccontextmanager
async def running_edge(package: str, folder: Path, wrap: Wrap = lambda connector: connector) -> AsyncIterator[Edge]:
    """Start the package's sandbox and an edge around its connector; state lives in `folder`."""
    world = World()
    with idle_clock():
        async with running_upstream(package, world.clock, TIMEOUT_MS) as upstream:
            keys = load_edge_keys(folder)
            edge = build_edge(world, upstream, keys, folder, wrap)
            try:
                yield edge
            finally:
                await edge.close()
