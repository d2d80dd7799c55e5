"""Orders to pay through the zone, and a line between hub and edge that loses what passes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.errors import HuilianError

from hub.exchange.actions import Action
from tests.support.zone import Zone

LATER = timedelta(minutes=10)
LOST = HuilianError("PROVIDER_TIMEOUT", "the answer was lost", provider="traffic_police")


async def prepared(zone: Zone, number: int = 0, **terms: Any) -> Action:
    """A consented order for one fine."""
    parameters = zone.parameters(number)
    return zone.order(await zone.consent(parameters, **terms), parameters)


async def refused(zone: Zone, wanted: Action) -> str:
    """The code with which an order was refused."""
    with pytest.raises(HuilianError) as refusal:
        await zone.pay(wanted)
    return refusal.value.code


async def rest(zone: Zone) -> None:
    """Let time pass and the hub resume what is open, until nothing is."""
    for _ in range(4):
        zone.clock.advance(LATER)
        zone.edge.copy.confirm(zone.clock.now())
        await zone.exchange.actions.resume()


class Between:
    """Stands between hub and edge: `before` the edge hears of it, or `after` it has answered, something happens."""

    def __init__(self, zone: Zone, before: Exception | None = None, after: Exception | None = None) -> None:
        self._connector, self._before, self._after = zone.connector, before, after
        self._act = zone.connector.act
        self.requests: list[connector_pb.ActRequest] = []

    async def act(self, request: connector_pb.ActRequest) -> connector_pb.ActResponse:
        self.requests.append(request)
        if self._before is not None:
            raise self._before
        answer = await self._act(request)
        if self._after is not None:
            raise self._after
        return answer

    def __enter__(self) -> Between:
        self._connector.act = self.act  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self._connector.act = self._act  # type: ignore[method-assign]
