"""Whether an action may go out, for the first time or again: the first transaction of an action."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.consent.ports import Recipients
from hub.consent.service import Consent, ConsentService
from hub.exchange.action_rules import Action, Order, action_row_id, pause_after
from hub.exchange.action_settlement import ActionSettlement, Performed, ending_of
from hub.exchange.catalogue import Offer
from hub.exchange.ports import Funds
from hub.exchange.rules import HUB
from hub.exchange.store import ActionPhase, ActionRow, ExchangeStore, quota_key
from hub.exchange.stored_actions import ActionStore
from hub.platform.database import Database

# Beyond the connector's own limits: time for the two transactions.
_SLACK = timedelta(seconds=5)


@dataclass(frozen=True)
class Errand:
    """Leave to ask the edge, with the request to send; `tries` counts this one."""

    order: Order
    offer: Offer
    request: connector_pb.ActRequest
    tries: int


class ActionAdmission:
    """Lets actions out, or answers them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        store: ExchangeStore,
        actions: ActionStore,
        consents: ConsentService,
        recipients: Recipients,
        settlement: ActionSettlement,
        funds: Funds,
    ) -> None:
        self._database, self._store, self._actions, self._clock = database, store, actions, clock
        self._consents, self._recipients = consents, recipients
        self._settlement, self._funds = settlement, funds

    async def admit(self, requested_by: str, wanted: Action, offer: Offer | None) -> Errand | Performed | HuilianError:
        """An errand, or the answer that is known already. A refusal is returned, not raised, so that its record stays.

        Raises NOT_FOUND (also for somebody else's consent), REQUEST_ID_REUSED, UNAVAILABLE (it is being carried out)
        and, for an action whose end is unknown, PROVIDER_UNAVAILABLE; of these nothing is recorded here: the first two
        the caller counts (`turned_away.py`), the others end with a record of their own.
        """
        row_id = action_row_id(requested_by, wanted.request_id)
        row = await self._actions.lock(row_id, wanted.consent_id, [wanted.action])
        consent = await self._consents.find(wanted.consent_id)
        if requested_by != consent.artefact.subject:
            raise HuilianError("NOT_FOUND", resource=f"consent {wanted.consent_id}")
        order = Order(row_id, wanted.request_id, wanted.action, consent.artefact, _agency(wanted.action))
        if row is not None:
            return await self._again(row, wanted, order, consent, offer)
        row = self._new_row(row_id, wanted)
        try:
            # What a refusal leaves behind is its record, not half of an admission.
            async with self._database.savepoint():
                return await self._let_out(row, order, consent, offer)
        except HuilianError as error:
            return await self._settlement.refuse(self._new_row(row_id, wanted), order, error, HUB)

    async def take_up(self, seen: ActionRow, offer: Offer | None) -> Errand | None:
        """An action whose end was unknown when it was seen, to be asked about again; None if somebody else is at it."""
        row = await self._actions.lock(seen.id, seen.consent_id, [seen.action_id])
        due = row is not None and row.phase in (ActionPhase.RUNNING, ActionPhase.OPEN)
        if row is None or not due or self._clock.now() < row.next_try_at:
            return None
        if offer is None:
            row.next_try_at = self._clock.now() + pause_after(row.tries)
            await self._actions.put(row)
            return None
        consent = await self._consents.find(row.consent_id)
        return await self._send(row, _order_of(row, consent), consent, offer, give_up=True)

    async def order_of(self, row_id: str) -> Order:
        """An order as it was given. Raises NOT_FOUND."""
        row = await self._actions.find(row_id)
        if row is None:
            raise HuilianError("NOT_FOUND", resource="action")
        return _order_of(row, await self._consents.find(row.consent_id))

    async def _again(
        self, row: ActionRow, wanted: Action, order: Order, consent: Consent, offer: Offer | None
    ) -> Errand | Performed | HuilianError:
        if bytes(row.fingerprint) != wanted.fingerprint:
            raise HuilianError("REQUEST_ID_REUSED", request_id=wanted.request_id)
        if row.phase not in (ActionPhase.RUNNING, ActionPhase.OPEN):
            return ending_of(row)
        if row.phase == ActionPhase.RUNNING and self._clock.now() < row.next_try_at:
            raise HuilianError("UNAVAILABLE", "the same request is being carried out")
        if offer is None:
            raise HuilianError("PROVIDER_UNAVAILABLE", "no connector offers it now", provider=order.agency)
        # A consent that has ended since allows nothing new; what was begun under it may still be told.
        return await self._send(row, order, consent, offer, give_up=not consent.allows(order.action))

    async def _let_out(self, row: ActionRow, order: Order, consent: Consent, offer: Offer | None) -> Errand:
        artefact = order.artefact
        consent.require_open(order.action)
        artefact.check_valid_at(self._clock.now())
        grant = order.grant
        if offer is None:
            raise HuilianError("PROVIDER_UNAVAILABLE", "no connector offers it now", provider=order.agency)
        key = quota_key(artefact.id, order.action)
        if (await self._store.used([key])).get(key, 0) >= grant.max_uses:
            raise HuilianError("CONSENT_EXHAUSTED", f"of action {order.action}", max_reads=grant.max_uses)
        await self._funds.reserve(order)
        await self._store.count({key: 1})
        return await self._send(row, order, consent, offer)

    async def _send(
        self, row: ActionRow, order: Order, consent: Consent, offer: Offer, *, give_up: bool = False
    ) -> Errand:
        request = await self._request(row, order, consent, offer)
        request.give_up = give_up
        row.phase, row.tries = ActionPhase.RUNNING, row.tries + 1
        row.next_try_at = self._clock.now() + timedelta(seconds=offer.connector.longest_s) + _SLACK
        await self._actions.put(row)
        return Errand(order, offer, request, row.tries)

    def _new_row(self, row_id: str, wanted: Action) -> ActionRow:
        return ActionRow(
            id=row_id,
            consent_id=wanted.consent_id,
            action_id=wanted.action,
            fingerprint=wanted.fingerprint,
            tries=0,
            next_try_at=self._clock.now(),
            sealed_parameters=wanted.sealed_parameters,
        )

    async def _request(self, row: ActionRow, order: Order, consent: Consent, offer: Offer) -> connector_pb.ActRequest:
        assert consent.signed is not None and row.sealed_parameters is not None, "an open action has what it needs"
        artefact = order.artefact
        key = self._recipients.recipient_key(artefact.recipient.id, artefact.recipient.key_for(offer.suites).id)
        artefact.check_recipient(key.id, key.key_id)
        return connector_pb.ActRequest(
            request_id=order.request_id,
            signed_consent=consent.signed,
            action_id=order.action,
            sealed_subject=await self._consents.sealed_subject(artefact.id, order.agency),
            sealed_parameters=bytes(row.sealed_parameters),
            recipient_public_key=key.public_key,
        )


def _order_of(row: ActionRow, consent: Consent) -> Order:
    return Order(row.id, row.id.rpartition("/")[2], row.action_id, consent.artefact, _agency(row.action_id))


def _agency(action: str) -> str:
    """Whose action it is: its id begins with the agency's, which the catalogue checks."""
    return action.partition(".")[0]
