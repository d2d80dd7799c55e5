"""Consented actions: check, set money aside, ask the edge, verify its answer, pay and record. Never twice.

An action is two transactions with the network between them, like a read. The first (admission) reserves the money,
takes a use and leaves a RUNNING row; the second (settlement) pays or gives back, with access record and ledger leaf.
Whatever dies in between leaves the row: the same request id takes it up again, by the person's hand or by `resume`, and
the edge, which does nothing twice, says what became of it. As long as nobody knows, the money stays aside.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.action import verify_result
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.exchange.action_admission import ActionAdmission, Errand
from hub.exchange.action_rules import Action, Order, is_refusal, proves_nothing_done
from hub.exchange.action_settlement import ActionSettlement, Performed
from hub.exchange.catalogue import Catalogue
from hub.exchange.rules import EDGE
from hub.exchange.stored_actions import ActionStore
from hub.exchange.stored_refusals import Refusal
from hub.exchange.turned_away import TurnedAway
from hub.platform.database import Database

__all__ = ["Action", "Actions", "Performed"]

RESUME_EVERY_S = 1.0

logger = logging.getLogger(__name__)


class Actions:
    """The actions of one hub."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        catalogue: Catalogue,
        store: ActionStore,
        admission: ActionAdmission,
        settlement: ActionSettlement,
        turned_away: TurnedAway,
    ) -> None:
        self._turned_away = turned_away
        self._database, self._clock, self._catalogue = database, clock, catalogue
        self._store, self._admission, self._settlement = store, admission, settlement
        self._out: set[asyncio.Task[Performed]] = set()

    async def perform(self, requested_by: str, wanted: Action) -> Performed:
        """One action for the person who consented to it; repeatable under its id.

        Raises NOT_FOUND, REQUEST_ID_REUSED, UNAVAILABLE (it is being carried out), what the consent says (CONSENT_*,
        STATE_CONFLICT, ACTION_NOT_GRANTED), INSUFFICIENT_FUNDS, the edge's refusal, or, when it is not known what
        became of it, PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT or PROVIDER_FAULT. Opens its own transactions.
        """
        offer = await self._catalogue.offer_of_action(wanted.action)
        try:
            async with self._database.transaction():
                admitted = await self._admission.admit(requested_by, wanted, offer)
        except HuilianError as error:
            if is_refusal(error):
                await self._turned_away.hear(Refusal(wanted.consent_id, True, wanted.action, error.code, requested_by))
            raise
        if isinstance(admitted, Errand):
            # What went out is settled even when the caller has stopped waiting.
            task = asyncio.create_task(self._run(admitted))
            self._out.add(task)
            task.add_done_callback(self._out.discard)
            return await asyncio.shield(task)
        return _raised(admitted)

    async def resume(self) -> int:
        """Ask again about actions whose end is unknown and that nobody is working on; how many have ended.

        What the agency never heard of is given up rather than done while nobody waits for it.
        """
        ended = 0
        for row in await self._store.due(self._clock.now()):
            offer = await self._catalogue.offer_of_action(row.action_id)
            async with self._database.transaction():
                errand = await self._admission.take_up(row, offer)
            if errand is not None:
                ended += await self._asked_again(errand)
        return ended

    async def end_by_hand(self, row_id: str, move: Callable[[Order], Awaitable[str]]) -> None:
        """An action of which nobody knows what became ends as people found out; nobody asks the agency again.

        Inside the caller's transaction. Raises NOT_FOUND, STATE_CONFLICT.
        """
        await self._settlement.end_by_hand(await self._admission.order_of(row_id), move)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep resuming until the process stops. A failing round is logged and the next one tries again."""
        while not stop.is_set():
            try:
                await self.resume()
            except Exception as error:  # noqa: BLE001  the database may be away for a moment
                logger.error("exchange.resuming_failed", extra={"error_type": type(error).__name__})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RESUME_EVERY_S)

    async def drain(self) -> None:
        """Wait until every action that went out is settled; for a graceful stop."""
        await asyncio.gather(*self._out, return_exceptions=True)

    async def _asked_again(self, errand: Errand) -> bool:
        try:
            await self._run(errand)
        except HuilianError as error:
            logger.info("exchange.action_resumed", extra={"code": error.code})
            return proves_nothing_done(error, errand.tries)
        return True

    async def _run(self, errand: Errand) -> Performed:
        try:
            answer = await self._ask(errand)
        except HuilianError as error:
            return _raised(await self._failed(errand, error))
        return await self._settle(errand, answer)

    async def _ask(self, errand: Errand) -> connector_pb.ActResponse:
        try:
            answer = await errand.offer.connector.act(errand.request)
        except HuilianError as error:
            if errand.tries == 1 or not is_refusal(error) or errand.request.give_up:
                raise
            # A refusal of a later try says nothing of the earlier ones: have the edge say what it knows.
            errand.request.give_up = True
            answer = await errand.offer.connector.act(errand.request)
        _check_answer(errand, answer)
        return answer

    async def _settle(self, errand: Errand, answer: connector_pb.ActResponse) -> Performed:
        try:
            async with self._database.transaction():
                return _raised(await self._settlement.deliver(errand.order, answer))
        except HuilianError as error:
            # The agency has answered, and nobody can read what: that is no proof that nothing was done.
            async with self._database.transaction():
                return _raised(await self._settlement.leave_open(errand.order, error))

    async def _failed(self, errand: Errand, error: HuilianError) -> Performed | HuilianError:
        async with self._database.transaction():
            if proves_nothing_done(error, errand.tries):
                return await self._settlement.fail(errand.order, error, EDGE)
            return await self._settlement.leave_open(errand.order, error)


def _raised(outcome: Performed | HuilianError) -> Performed:
    if isinstance(outcome, HuilianError):
        raise outcome
    return outcome


def _check_answer(errand: Errand, answer: connector_pb.ActResponse) -> None:
    verify_result(
        answer.edge_signature,
        errand.offer.edge_keys,
        request_id=errand.order.request_id,
        consent_sha256=errand.order.artefact.sha256,
        action=errand.order.action,
        envelope=answer.envelope,
    )
