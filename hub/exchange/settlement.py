"""How a read ends: its row, its count and its access record, in the books that the caller opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from huilian_protocol.artefact import Artefact
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError, Retry

from hub.consent.service import Consent
from hub.exchange.books import Answered, Books, Failed
from hub.exchange.rules import HUB, Attempt, Outcome
from hub.exchange.store import ActionRow, Phase, StoredRead

# What is refused for one of these is refused for good; the rest may be tried again under the same request id.
_FINAL = frozenset({Retry.NEVER, Retry.AFTER_CHANGE})


@dataclass(frozen=True)
class Delivery:
    """A delivered read. With the artefact it names everything that the envelope is bound to."""

    envelope: bytes
    access_record_id: str
    artefact: Artefact


class Settlement:
    """Ends reads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def deliver(self, books: Books, answered: Answered) -> Delivery | HuilianError:
        """Keep the sealed answer and record the delivery, or a refusal when the consent ended in the meantime.

        A run that was taken for dead, and whose request was settled by another one since, changes nothing.
        """
        row, attempt = books.read(answered.row_id), answered.attempt
        if row.phase is not Phase.RUNNING:
            return delivery_of(row, attempt.artefact) if row.phase is Phase.DELIVERED else refusal_of(row)
        stopped = _stop_of(books.consent(attempt.artefact.id), attempt)
        if stopped is not None:
            # What came back is dropped unopened.
            return _give_up(books, row, attempt, stopped, HUB)
        row.phase, row.envelope = Phase.DELIVERED, answered.envelope
        row.keep_until = self._clock.now() + timedelta(days=attempt.artefact.data_life_days)
        row.access_record_id = books.record(attempt, Outcome(suite=answered.suite), answered.edge_signature)
        books.put(row)
        books.delivered[attempt.artefact.id] = attempt.artefact
        return delivery_of(row, attempt.artefact)

    def fail(self, books: Books, failed: Failed) -> HuilianError:
        """Record that a read that went out delivered nothing; it does not count against the quota.

        Nothing is recorded of a run whose request was settled by another one since.
        """
        row = books.read(failed.row_id)
        if row.phase is not Phase.RUNNING:
            return failed.error
        return _give_up(books, row, failed.attempt, failed.error, failed.refused_by)


def _stop_of(consent: Consent, attempt: Attempt) -> HuilianError | None:
    """Why what came back may not be delivered: the consent stopped, or another version is in force by now."""
    try:
        consent.require_open(attempt.read.dataset)
    except HuilianError as error:
        return error
    if consent.artefact.sha256 != attempt.artefact.sha256:
        return HuilianError("STATE_CONFLICT", "the consent was amended meanwhile", state="SUPERSEDED")
    return None


def refuse(books: Books, row: StoredRead, attempt: Attempt, error: HuilianError, refused_by: str) -> HuilianError:
    """Record a refusal and keep it for a repetition of the same request."""
    row.phase = Phase.REFUSED if error.entry.retry in _FINAL else Phase.FAILED
    row.refusal = {"code": error.code, "detail": error.detail, **error.params}
    row.access_record_id = books.record(attempt, Outcome(error.code, refused_by))
    books.put(row)
    return error


def _give_up(books: Books, row: StoredRead, attempt: Attempt, error: HuilianError, refused_by: str) -> HuilianError:
    books.give_back(attempt.artefact, attempt.read.dataset)
    return refuse(books, row, attempt, error, refused_by)


def delivery_of(row: StoredRead, artefact: Artefact) -> Delivery:
    """The delivery that a row keeps; raises REPLAYED_REQUEST when it is kept no longer."""
    assert row.access_record_id is not None, "a delivered read has its record"
    if row.envelope is None:
        raise HuilianError("REPLAYED_REQUEST", "its answer was given and is no longer kept")
    return Delivery(row.envelope, row.access_record_id, artefact)


def refusal_of(row: StoredRead | ActionRow) -> HuilianError:
    """The refusal that a row keeps."""
    assert row.refusal is not None, "a refused read says why"
    known = dict(row.refusal)
    return HuilianError(known.pop("code"), known.pop("detail"), **known)
