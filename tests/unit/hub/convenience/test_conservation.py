"""Money is conserved over random histories: answers and requests lost, statements broken, the hub resumed, the account
emptied. Whatever happens, at rest the balance is the opening less exactly what the agency's own book says it got.
"""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from connectors.kit.sandbox_people import population
from connectors.kit.sandbox_server import Fault
from hub.exchange.actions import Action
from hub.platform.database import Database
from hub.platform.ids import Ids
from tests.support.breaking import Broken
from tests.support.zone import OPENING_FEN, Zone, running_zone

SEEDS = range(6)
STEPS = 40
MANY_FINES = 4
OWING = next(
    person for person in population().values() if person.kind == "arrears" and person.resident_id.startswith("11")
)


class Weather:
    """What goes wrong between hub, edge and agency, drawn from a seed."""

    def __init__(self, zone: Zone, rng: random.Random) -> None:
        self._zone, self._rng, self._act = zone, rng, zone.connector.act

    async def act(self, request: connector_pb.ActRequest) -> connector_pb.ActResponse:
        """Lose the request, lose the answer, or neither."""
        lost = self._rng.random()
        error = HuilianError("PROVIDER_TIMEOUT", "lost", provider="traffic_police")
        if lost < 0.2:
            raise error
        faults = self._zone.edge.upstream.faults
        faults.active = self._rng.choice([None, None, None, Fault.CUT, Fault.DOWN, Fault.REFUSES])
        answer = await self._act(request)
        if lost < 0.45:
            raise error
        return answer

    def break_something(self, database: Database) -> None:
        """One of the next statements does not run: the process is killed there."""
        left = self._rng.randint(1, 30)

        def listener(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Broken

        database.on_statement = listener if self._rng.random() < 0.4 else None


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_history_makes_or_loses_money(
    seed: int, database: Database, clock: FixedClock, ids: Ids, tmp_path: Path
) -> None:
    async with running_zone(database, clock, ids, tmp_path, person=OWING) as zone:
        rng = random.Random(seed)
        weather, orders = Weather(zone, rng), await _orders(zone)
        zone.connector.act = weather.act  # type: ignore[method-assign]
        for _ in range(STEPS):
            weather.break_something(zone.database)
            await _step(zone, rng, orders)
            zone.database.on_statement = None
            await zone.check_books()
            assert await zone.balance_fen() <= OPENING_FEN - sum(zone.paid_fen_at_the_agency().values())
        zone.connector.act = weather._act  # type: ignore[method-assign]
        await _come_to_rest(zone)
        await zone.check_at_rest()
        assert zone.paid_fen_at_the_agency(), "something was paid"


async def _orders(zone: Zone) -> list[Action]:
    """Two orders for each of some fines, so that some compete."""
    orders = []
    for number in [*range(MANY_FINES), *range(MANY_FINES)]:
        parameters = zone.parameters(number)
        orders.append(zone.order(await zone.consent(parameters), parameters))
    return orders


async def _step(zone: Zone, rng: random.Random, orders: list[Action]) -> None:
    zone.clock.advance(timedelta(seconds=rng.choice([0, 1, 30, 600])))
    zone.edge.copy.confirm(zone.clock.now())
    try:
        if rng.random() < 0.3:
            await zone.exchange.actions.resume()
        else:
            await zone.pay(rng.choice(orders))
    except (HuilianError, Broken):
        pass
    await zone.exchange.drain()


async def _come_to_rest(zone: Zone) -> None:
    zone.edge.upstream.faults.active = None
    for _ in range(6):
        zone.clock.advance(timedelta(minutes=10))
        zone.edge.copy.confirm(zone.clock.now())
        await zone.exchange.actions.resume()
