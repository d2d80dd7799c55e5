"""Whether a read may go out: the first of the two times that a read comes to the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from huilian.common.v1 import common_pb2
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.consent.ports import Recipients
from hub.consent.service import Consent
from hub.consent.states import State
from hub.exchange.books import Books, Wanted
from hub.exchange.catalogue import Offer
from hub.exchange.rules import HUB, SOMEBODY_ELSE, Attempt, Outcome, noted
from hub.exchange.settlement import Delivery, delivery_of, refusal_of, refuse
from hub.exchange.store import Phase, StoredRead

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

    def __init__(self, clock: Clock, recipients: Recipients) -> None:
        self._clock, self._recipients = clock, recipients

    def admit(self, books: Books, wanted: Wanted) -> Ticket | Delivery | HuilianError:
        """A ticket, or the answer that is known already. A refusal is returned, not raised, when it is recorded.

        Every refusal is recorded for the person whose consent is named, a stranger's too. Raises NOT_FOUND for a
        consent that does not exist, when there is nobody to record it for, and UNAVAILABLE while the same request is
        running, which ends with a record of its own.
        """
        read, offer = wanted.read, wanted.offer
        consent = books.consent(read.consent_id)
        agency = offer.connector.agency if offer else ""
        if wanted.requested_by not in {*consent.parties, consent.artefact.recipient.id}:
            # The stranger learns nothing; the person learns that somebody tried, not who: that is personal, too.
            error = HuilianError("NOT_FOUND", resource=f"consent {read.consent_id}")
            books.record(Attempt(read, SOMEBODY_ELSE, consent.artefact, agency), Outcome(error.code, HUB))
            return error
        attempt = Attempt(read, wanted.requested_by, consent.artefact, agency)
        stored = books.reads.get(attempt.row_id)
        known = self._known(books, stored, attempt, consent) if stored is not None else None
        if known is not None:
            return known
        row = stored or StoredRead(attempt.row_id, read.consent_id, read.fingerprint)
        try:
            return self._let_out(books, row, attempt, consent, offer)
        except HuilianError as error:
            return refuse(books, row, attempt, error, HUB)

    def _known(
        self, books: Books, row: StoredRead, attempt: Attempt, consent: Consent
    ) -> Delivery | HuilianError | None:
        """The first answer to this request id; None when it may be tried again."""
        if row.fingerprint != attempt.read.fingerprint:
            error = HuilianError("REQUEST_ID_REUSED", request_id=attempt.read.request_id)
            books.record(attempt, Outcome(error.code, HUB))
            return error
        if row.phase is Phase.REFUSED:
            return refusal_of(row)
        if row.phase is Phase.RUNNING and row.running_until is not None and self._clock.now() < row.running_until:
            raise HuilianError("UNAVAILABLE", "the same request is being served")
        if row.phase is not Phase.DELIVERED:
            return None
        stopped = _stop_of(consent, attempt.read.dataset)
        if stopped is not None:
            # Handing the envelope out again would be a read after the end, whatever the request id.
            books.record(attempt, Outcome(stopped.code, HUB))
            return stopped
        try:
            return delivery_of(row, attempt.artefact)
        except HuilianError as error:
            books.record(attempt, Outcome(error.code, HUB))
            return error

    def _let_out(
        self, books: Books, row: StoredRead, attempt: Attempt, consent: Consent, offer: Offer | None
    ) -> Ticket:
        read, artefact = attempt.read, attempt.artefact
        consent.require_open(read.dataset)
        artefact.check_valid_at(self._clock.now())
        artefact.check_read(read.dataset, read.fields, read.period)
        if offer is None:
            raise HuilianError("PROVIDER_UNAVAILABLE", "no connector offers it now", provider=read.dataset)
        request = self._request(books, attempt, consent, offer)
        # A request that was abandoned still holds the read that it took.
        if row.phase is not Phase.RUNNING:
            books.take(row, artefact, read.dataset)
        row.phase, row.wanted = Phase.RUNNING, noted(attempt)
        row.running_until = self._clock.now() + timedelta(seconds=offer.connector.longest_s) + _SLACK
        books.put(row)
        return Ticket(attempt, offer, request)

    def _request(self, books: Books, attempt: Attempt, consent: Consent, offer: Offer) -> connector_pb.ReadRequest:
        assert consent.signed is not None, "a granted consent is signed"
        read, artefact = attempt.read, attempt.artefact
        key = self._recipients.recipient_key(artefact.recipient.id, artefact.recipient.key_for(offer.suites).id)
        artefact.check_recipient(key.id, key.key_id)
        return connector_pb.ReadRequest(
            request_id=read.request_id,
            signed_consent=consent.signed,
            dataset_id=read.dataset,
            fields=read.fields,
            period=common_pb2.MonthPeriod(from_month=read.period.from_month, to_month=read.period.to_month),
            sealed_subject=books.sealed_subject(artefact.id, attempt.agency),
            recipient_public_key=key.public_key,
        )


def _stop_of(consent: Consent, dataset: str) -> HuilianError | None:
    """Why not even an answer that was delivered is given again; None while it may be."""
    if consent.state in {State.REVOKED, State.EXPIRED, State.PAUSED}:
        return consent.refusal()
    return HuilianError("CONSENT_REVOKED", f"of {dataset}") if dataset in consent.stopped else None
