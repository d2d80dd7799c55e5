"""The hub dies by SIGKILL at random moments of payments on real processes; every fine is paid once or not at all.

At the end the account has lost exactly what the agency's own cash book says it got.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from huilian.convenience.v1 import convenience_service_pb2 as pb
from huilian_protocol.action import ActionParameters
from huilian_protocol.errors import HuilianError

from connectors.gov_data.traffic_police.sandbox_register import added_fen, decisions_of
from connectors.kit.sandbox_people import population
from connectors.kit.sandbox_server import today_in_china
from deploy.journeys.parties import operator_of
from tests.integration.citizens import Citizen, registered
from tests.integration.payments import POLICE, order_of
from tests.support.journeys import CUT_OFF
from tests.support.sites import HUB, RunningSite, new_site, running_site

KILLS, FINES, PATIENCE_S = 4, 4, 90.0
OWING = next(
    person for person in population().values() if person.kind == "arrears" and len(decisions_of(person) or ()) >= FINES
)
FINAL = (pb.PAYMENT_STATE_PAID, pb.PAYMENT_STATE_REJECTED, pb.PAYMENT_STATE_RELEASED)


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningSite]:
    async with running_site(new_site(tmp_path), government=True) as running:
        yield running


async def test_the_hub_killed_while_fines_are_paid(running: RunningSite) -> None:
    rng, site = random.Random(20_261_122), running.site
    async with registered(site, site.hub(HUB), OWING) as citizen:
        orders = [await order_of(citizen, parameters) for parameters in _fines(citizen)]
        async with operator_of(site, site.hub(HUB)) as operator:
            opening_fen = await operator.sandbox.fund(citizen.subject, 2_000_000)
        for order in orders[:KILLS]:
            paying = asyncio.create_task(citizen.hub.exchange.perform(**order))
            await asyncio.sleep(rng.uniform(0.0, 0.06))
            running.crash()
            await running.restart()
            await _cut_off(paying)
        states = {order["request_id"]: await _settled(citizen, order) for order in orders}
        assert await citizen.hub.sandbox.balance(citizen.subject) == opening_fen - sum(_taken(running).values())
    assert running.crashes == KILLS and set(states.values()) <= set(FINAL)
    assert sum(state == pb.PAYMENT_STATE_PAID for state in states.values()) == len(_taken(running))


def _fines(citizen: Citizen) -> list[ActionParameters]:
    today = today_in_china(citizen.clock.now())
    fines = [fine for fine in decisions_of(OWING) or () if not fine.is_settled][:FINES]
    return [
        ActionParameters(
            {"amount_fen": fine.fine_fen + added_fen(fine, today), "decision_number": fine.number}, os.urandom(32)
        )
        for fine in fines
    ]


async def _cut_off(paying: asyncio.Task[Any]) -> None:
    try:
        await paying
    except HuilianError as error:
        assert error.code in CUT_OFF, error.code


async def _settled(citizen: Citizen, order: dict[str, Any]) -> int:
    """What became of an order: the person repeats it until somebody knows."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < deadline:
        try:
            await citizen.hub.exchange.perform(**order)
        except HuilianError as error:
            assert error.code in CUT_OFF | {"STATE_CONFLICT", "PROVIDER_UNAVAILABLE", "PROVIDER_TIMEOUT"}, error.code
        try:
            state: int = (await citizen.hub.convenience.payment(order["request_id"])).state
        except HuilianError as error:
            # The connection waits longer and longer before it tries a hub again that was away.
            assert error.code in CUT_OFF, error.code
            continue
        if state in FINAL:
            return state
        await asyncio.sleep(0.5)
    raise AssertionError("nobody knows what became of it")


def _taken(running: RunningSite) -> dict[str, int]:
    """What the agency's own book says, by fine; nothing twice."""
    book = running.site.folder / f"{POLICE}.sandbox" / "payments.jsonl"
    payments = [json.loads(line) for line in book.read_text().splitlines()] if book.exists() else []
    assert len({payment["target"] for payment in payments}) == len(payments)
    return {payment["target"]: payment["amount_fen"] for payment in payments}
