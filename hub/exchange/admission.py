"""Whether a read may go out: the first transaction of a read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from huilian.common.v1 import common_pb2
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.consent.ports import Recipients
from hub.consent.service import Consent, ConsentService
from hub.consent.states import State
from hub.exchange.access import AccessLog
from hub.exchange.catalogue import Offer
from hub.exchange.rules import HUB, Attempt, Outcome, Read, row_id
from hub.exchange.settlement import Delivery, Settlement, delivery_of, refusal_of
from hub.exchange.store import ExchangeStore, Phase, ReadRow

# Beyond the connector's own limits: time for the two transactions.
_SLACK = timedelta(seconds=5)


@dataclass(frozen=True)
class Ticket:
    """Leave to ask the connector, with the request to send."""

    attempt: Attempt
    offer: Offer
    request: connector_pb.ReadRequest


class Admission:
    """Lets reads out, or answers them."""

    def __init__(
        self,
        store: ExchangeStore,
        clock: Clock,
        consents: ConsentService,
        recipients: Recipients,
        access_log: AccessLog,
        settlement: Settlement,
    ) -> None:
        self._store, self._clock = store, clock
        self._consents, self._recipients = consents, recipients
        self._access_log, self._settlement = access_log, settlement

    async def admit(self, requested_by: str, read: Read, offer: Offer | None) -> Ticket | Delivery | HuilianError:
        """A ticket, or the answer that is known already. A refusal is returned, not raised, so that its record stays.

        Raises NOT_FOUND, REQUEST_ID_REUSED, REPLAYED_REQUEST (its answer is kept no longer) and UNAVAILABLE, of which
        nothing is recorded: they say nothing about data.
        """
        row = await self._store.lock_read(row_id(requested_by, read))
        consent = await self._consents.find(read.consent_id)
        if requested_by not in {consent.artefact.subject, consent.artefact.recipient.id}:
            raise HuilianError("NOT_FOUND", resource=f"consent {read.consent_id}")
        attempt = Attempt(read, requested_by, consent.artefact, offer.connector.agency if offer else "")
        known = await self._known(row, attempt, consent) if row is not None else None
        if known is not None:
            return known
        row = row or ReadRow(id=attempt.row_id, consent_id=read.consent_id, fingerprint=read.fingerprint)
        try:
            return await self._let_out(row, attempt, consent, offer)
        except HuilianError as error:
            return await self._settlement.refuse(row, attempt, error, HUB)

    async def _known(self, row: ReadRow, attempt: Attempt, consent: Consent) -> Delivery | HuilianError | None:
        """The first answer to this request id; None when it may be tried again."""
        if bytes(row.fingerprint) != attempt.read.fingerprint:
            raise HuilianError("REQUEST_ID_REUSED", request_id=attempt.read.request_id)
        if row.phase == Phase.REFUSED:
            return refusal_of(row)
        if row.phase == Phase.RUNNING and self._clock.now() < row.running_until:
            raise HuilianError("UNAVAILABLE", "the same request is being served")
        if row.phase != Phase.DELIVERED:
            return None
        if consent.state in {State.REVOKED, State.EXPIRED}:
            # Handing the envelope out again would be a read after the end, whatever the request id.
            error = consent.refusal()
            await self._access_log.write(attempt, Outcome(error.code, HUB))
            return error
        return delivery_of(row, attempt.artefact)

    async def _let_out(self, row: ReadRow, attempt: Attempt, consent: Consent, offer: Offer | None) -> Ticket:
        read, artefact = attempt.read, attempt.artefact
        if consent.state is not State.GRANTED:
            raise consent.refusal()
        artefact.check_valid_at(self._clock.now())
        artefact.check_read(read.dataset, read.fields, read.period)
        if offer is None:
            raise HuilianError("PROVIDER_UNAVAILABLE", "no connector offers it now", provider=read.dataset)
        request = await self._request(attempt, consent)
        # A request that was abandoned still holds the read that it took.
        abandoned = row.phase == Phase.RUNNING
        if not abandoned and not await self._store.take_quota(artefact.id, read.dataset, artefact.max_reads):
            raise HuilianError("CONSENT_EXHAUSTED", f"of dataset {read.dataset}", max_reads=artefact.max_reads)
        row.phase = Phase.RUNNING
        row.running_until = self._clock.now() + timedelta(seconds=offer.connector.longest_s) + _SLACK
        await self._store.put_read(row)
        return Ticket(attempt, offer, request)

    async def _request(self, attempt: Attempt, consent: Consent) -> connector_pb.ReadRequest:
        assert consent.signed is not None, "a granted consent is signed"
        read, artefact = attempt.read, attempt.artefact
        key = self._recipients.recipient_key(artefact.recipient.id, artefact.recipient.sealing_key_id)
        artefact.check_recipient(key.id, key.key_id)
        return connector_pb.ReadRequest(
            request_id=read.request_id,
            signed_consent=consent.signed,
            dataset_id=read.dataset,
            fields=read.fields,
            period=common_pb2.MonthPeriod(from_month=read.period.from_month, to_month=read.period.to_month),
            sealed_subject=await self._consents.sealed_subject(artefact.id, attempt.agency),
            recipient_public_key=key.public_key,
        )
