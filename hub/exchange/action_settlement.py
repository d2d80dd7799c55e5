"""How an action ends: its row, its money, its access record and its ledger leaf, in one transaction of the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.artefact import Artefact
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.consent.service import ConsentService
from hub.exchange.access import AccessLog
from hub.exchange.action_rules import ACTION_RECORD_TYPE, EXECUTED, Order, pause_after
from hub.exchange.ports import Funds
from hub.exchange.rules import Outcome, limits_of
from hub.exchange.settlement import refusal_of
from hub.exchange.store import ActionPhase, ActionRow, ExchangeStore, quota_key
from hub.exchange.stored_actions import ActionStore
from hub.platform.ids import Ids

_OPEN = frozenset({ActionPhase.RUNNING, ActionPhase.OPEN})


@dataclass(frozen=True)
class Performed:
    """An action that has ended at the agency: EXECUTED or REJECTED. The envelope is empty once it is kept no longer."""

    outcome: str
    access_record_id: str
    envelope: bytes


class ActionSettlement:
    """Ends actions. A run that was taken for dead, and whose action was ended by another one since, changes nothing."""

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        store: ExchangeStore,
        actions: ActionStore,
        consents: ConsentService,
        access_log: AccessLog,
        funds: Funds,
    ) -> None:
        self._ids, self._clock, self._store, self._actions = ids, clock, store, actions
        self._consents, self._access_log, self._funds = consents, access_log, funds

    async def deliver(self, order: Order, answer: connector_pb.ActResponse) -> Performed | HuilianError:
        """Keep what the agency answered and move the money accordingly; raises what `Funds.settle` raises.

        Unlike data, what was done counts whatever became of the consent in the meantime.
        """
        row = await self._row(order)
        if row.phase not in _OPEN:
            return ending_of(row)
        row.outcome = await self._funds.settle(order, answer.envelope)
        if row.outcome != EXECUTED:
            await self._give_back_use(order)
        row.phase, row.envelope = ActionPhase.DONE, answer.envelope
        row.keep_until = self._clock.now() + timedelta(days=order.artefact.data_life_days)
        await self._close(row, order, Outcome(row.outcome), answer.edge_signature)
        await self._exhaust_if_last(order.artefact)
        return ending_of(row)

    async def fail(self, order: Order, error: HuilianError, refused_by: str) -> Performed | HuilianError:
        """Nothing was done and nothing will be: money and use go back."""
        row = await self._row(order)
        if row.phase not in _OPEN:
            return ending_of(row)
        await self._funds.release(order, error.code)
        await self._give_back_use(order)
        return await self.refuse(row, order, error, refused_by)

    async def end_by_hand(self, order: Order, move: Callable[[Order], Awaitable[str]]) -> None:
        """Ends what nobody could tell, by what people found out: `move` moves the money and says EXECUTED or REJECTED.

        Raises STATE_CONFLICT for an action that has ended or about which the edge is being asked.
        """
        row = await self._row(order)
        if row.phase != ActionPhase.OPEN:
            raise HuilianError("STATE_CONFLICT", "its end is known, or is being asked for", state=row.phase)
        row.outcome = await move(order)
        if row.outcome != EXECUTED:
            await self._give_back_use(order)
        row.phase, row.envelope, row.keep_until = ActionPhase.DONE, b"", self._clock.now()
        await self._close(row, order, Outcome(row.outcome))
        await self._exhaust_if_last(order.artefact)

    async def leave_open(self, order: Order, error: HuilianError) -> Performed | HuilianError:
        """Nobody knows what became of it: it is asked again later, and the money stays aside until somebody knows."""
        row = await self._row(order)
        if row.phase not in _OPEN:
            return ending_of(row)
        row.phase, row.next_try_at = ActionPhase.OPEN, self._clock.now() + pause_after(row.tries)
        await self._actions.put(row)
        return error

    async def refuse(self, row: ActionRow, order: Order, error: HuilianError, refused_by: str) -> HuilianError:
        """Record a refusal for good: whoever wants it after all orders it under another request id."""
        row.phase = ActionPhase.REFUSED
        row.refusal = {"code": error.code, "detail": error.detail, **error.params}
        await self._close(row, order, Outcome(error.code, refused_by))
        return error

    async def _close(self, row: ActionRow, order: Order, outcome: Outcome, edge_signature: str = "") -> None:
        row.sealed_parameters = None
        row.access_record_id = f"{ACTION_RECORD_TYPE}:{self._ids()}"
        await self._actions.put(row)
        await self._access_log.write_action(row.access_record_id, order, outcome, edge_signature)

    async def _give_back_use(self, order: Order) -> None:
        await self._store.count({quota_key(order.artefact.id, order.action): -1})

    async def _exhaust_if_last(self, artefact: Artefact) -> None:
        limits = {quota_key(artefact.id, name): most for name, most in limits_of(artefact).items()}
        used = await self._store.used(limits)
        if any(used.get(key, 0) < most for key, most in limits.items()):
            return
        # What is under way holds quota that it may give back.
        if not await self._store.running([artefact.id]):
            await self._consents.exhaust_all([artefact.id])

    async def _row(self, order: Order) -> ActionRow:
        row = await self._actions.lock(order.row_id, order.artefact.id, limits_of(order.artefact))
        assert row is not None, "an action that went out has its row"
        return row


def ending_of(row: ActionRow) -> Performed | HuilianError:
    """How an action ended, from its row."""
    if row.phase == ActionPhase.REFUSED:
        return refusal_of(row)
    assert row.outcome is not None and row.access_record_id is not None, "an action that is done has its record"
    return Performed(row.outcome, row.access_record_id, bytes(row.envelope or b""))
