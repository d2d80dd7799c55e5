"""How every dataset is doing: from the reads that went through this process and from each connector's own check.

It names datasets, fields, times and catalogue codes; nothing of it says who was read. Each process of a hub tells what
it has seen itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from huilian.connector.v1 import connector_service_pb2 as pb
from huilian_protocol.clock import Clock
from huilian_protocol.errors import Fault, HuilianError

from hub.exchange.catalogue import Catalogue
from hub.exchange.connectors import Connector
from hub.exchange.resilience import Breaker

CHECK_EVERY_S = 15.0
LATELY = 20
FAILURES_IN_A_ROW_TO_BE_DOWN = 3
FAILURES_LATELY_TO_DEGRADE = 2

logger = logging.getLogger(__name__)


class ServiceState(StrEnum):
    """DEGRADED answers, but not always, or not every field."""

    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


@dataclass
class Traffic:
    """The reads of one dataset lately; only what the provider is answerable for counts as a failure."""

    lately: deque[bool] = field(default_factory=lambda: deque(maxlen=LATELY))
    last_success: datetime | None = None
    last_failure_code: str = ""
    in_a_row: int = 0

    def note(self, error: HuilianError | None, now: datetime) -> None:
        """One read ended. What the edge refused before it asked its agency says nothing about the agency."""
        if error is None:
            self.in_a_row, self.last_failure_code, self.last_success = 0, "", now
        elif error.entry.fault is Fault.PROVIDER:
            self.in_a_row, self.last_failure_code = self.in_a_row + 1, error.code
        else:
            return
        self.lately.append(error is not None)


@dataclass(frozen=True)
class DatasetStatus:
    """One dataset as it stands."""

    dataset_id: str
    agency: str
    state: ServiceState
    since: datetime
    breaker: Breaker
    last_success: datetime | None
    last_failure_code: str
    health: pb.DatasetHealth


def state_of(traffic: Traffic, breaker: Breaker, is_up: bool, degraded_fields: int) -> ServiceState:
    """The rule: away, or failing now, is DOWN; failing now and then, or not whole, is DEGRADED."""
    if breaker is Breaker.OPEN or not is_up or traffic.in_a_row >= FAILURES_IN_A_ROW_TO_BE_DOWN:
        return ServiceState.DOWN
    sometimes = sum(traffic.lately) >= FAILURES_LATELY_TO_DEGRADE
    if breaker is Breaker.HALF_OPEN or sometimes or degraded_fields:
        return ServiceState.DEGRADED
    return ServiceState.UP


class _Watched:
    """One connector: its datasets' traffic and the last word of its check."""

    def __init__(self, connector: Connector, clock: Clock) -> None:
        self.connector, self._clock = connector, clock
        self.traffic: dict[str, Traffic] = defaultdict(Traffic)
        self._checked: pb.CheckResponse | None = None
        self._states: dict[str, tuple[ServiceState, datetime]] = {}
        connector.on_read = self._note

    def _note(self, dataset: str, error: HuilianError | None) -> None:
        self.traffic[dataset].note(error, self._clock.now())

    async def check(self) -> None:
        """Ask the connector; one that does not answer is not up."""
        try:
            self._checked = await self.connector.check()
        except HuilianError:
            self._checked = pb.CheckResponse(is_up=False)

    def status(self, dataset_id: str) -> DatasetStatus:
        """How this dataset is doing, and since when this process has seen it so."""
        checked = self._checked or pb.CheckResponse(is_up=False)
        health = next((each for each in checked.datasets if each.dataset_id == dataset_id), pb.DatasetHealth())
        traffic, breaker = self.traffic[dataset_id], self.connector.breaker
        state = state_of(traffic, breaker, checked.is_up, len(health.degraded_fields))
        known = self._states.get(dataset_id)
        if known is None or known[0] is not state:
            known = self._states[dataset_id] = (state, self._clock.now())
        return DatasetStatus(
            dataset_id=dataset_id,
            agency=self.connector.agency,
            state=state,
            since=known[1],
            breaker=breaker,
            last_success=traffic.last_success,
            last_failure_code=traffic.last_failure_code,
            health=health,
        )


class StatusBoard:
    """The live status of every dataset on offer."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._watched = {connector.agency: _Watched(connector, clock) for connector in catalogue.connectors}
        self._catalogue, self.clock = catalogue, clock
        self._checked_at: float | None = None

    async def datasets(self) -> list[DatasetStatus]:
        """Every dataset that was ever described; checks connectors when that was long ago."""
        loop = asyncio.get_running_loop()
        if self._checked_at is None or loop.time() - self._checked_at >= CHECK_EVERY_S:
            await self.check()
        return self._statuses(await self._catalogue.descriptions())

    def _statuses(self, described: Sequence[pb.DescribeResponse]) -> list[DatasetStatus]:
        return [self._watched[said.agency_id].status(one.dataset_id) for said in described for one in said.datasets]

    def missing(self) -> tuple[str, ...]:
        """Agencies that have not answered since this process started."""
        return self._catalogue.missing()

    async def check(self) -> None:
        """Ask every connector at once."""
        self._checked_at = asyncio.get_running_loop().time()
        await asyncio.gather(*(watched.check() for watched in self._watched.values()))

    async def run(self, stop: asyncio.Event) -> None:
        """Keep checking until the process stops, so that `since` is when it happened and not when somebody asked."""
        while not stop.is_set():
            try:
                await self.check()
                self._statuses(await self._catalogue.descriptions())
            except Exception as error:  # noqa: BLE001  the next round tries again
                logger.error("status.check_failed", extra={"error_type": type(error).__name__})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), CHECK_EVERY_S)
