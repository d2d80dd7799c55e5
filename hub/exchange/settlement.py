"""How a read ends: its row, its access record and its ledger leaf, in one transaction of the caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from huilian_protocol.artefact import Artefact
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError, Retry

from hub.consent.service import ConsentService
from hub.consent.states import State
from hub.exchange.access import AccessLog
from hub.exchange.rules import HUB, Attempt, Outcome
from hub.exchange.store import ExchangeStore, Phase, ReadRow

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

    def __init__(self, store: ExchangeStore, clock: Clock, consents: ConsentService, access_log: AccessLog) -> None:
        self._store, self._clock = store, clock
        self._consents, self._access_log = consents, access_log

    async def deliver(self, attempt: Attempt, envelope: bytes, edge_signature: str) -> Delivery | HuilianError:
        """Keep the sealed answer and record the delivery, or a refusal when the consent ended in the meantime.

        A run that was taken for dead, and whose request was settled by another one since, changes nothing.
        """
        row = await self._row(attempt)
        if row.phase != Phase.RUNNING:
            return delivery_of(row, attempt.artefact) if row.phase == Phase.DELIVERED else refusal_of(row)
        consent = await self._consents.lock(attempt.artefact.id)
        if consent.state is not State.GRANTED:
            # What came back is dropped unopened.
            return await self._give_up(row, attempt, consent.refusal(), HUB)
        row.phase, row.envelope = Phase.DELIVERED, envelope
        row.keep_until = self._clock.now() + timedelta(days=attempt.artefact.data_life_days)
        row.access_record_id = await self._access_log.write(attempt, Outcome(), edge_signature)
        await self._store.put_read(row)
        await self._exhaust_if_last(row, attempt.artefact)
        return delivery_of(row, attempt.artefact)

    async def fail(self, attempt: Attempt, error: HuilianError, refused_by: str) -> HuilianError:
        """Record that a read that went out delivered nothing; it does not count against the quota.

        Nothing is recorded of a run whose request was settled by another one since.
        """
        row = await self._row(attempt)
        return await self._give_up(row, attempt, error, refused_by) if row.phase == Phase.RUNNING else error

    async def refuse(self, row: ReadRow, attempt: Attempt, error: HuilianError, refused_by: str) -> HuilianError:
        """Record a refusal and keep it for a repetition of the same request."""
        row.phase = Phase.REFUSED if error.entry.retry in _FINAL else Phase.FAILED
        row.refusal = {"code": error.code, "detail": error.detail, **error.params}
        row.access_record_id = await self._access_log.write(attempt, Outcome(error.code, refused_by))
        await self._store.put_read(row)
        return error

    async def _give_up(self, row: ReadRow, attempt: Attempt, error: HuilianError, refused_by: str) -> HuilianError:
        await self._store.give_back_quota(attempt.artefact.id, attempt.read.dataset)
        return await self.refuse(row, attempt, error, refused_by)

    async def _row(self, attempt: Attempt) -> ReadRow:
        row = await self._store.lock_read(attempt.row_id)
        assert row is not None, "a read that went out has its row"
        return row

    async def _exhaust_if_last(self, row: ReadRow, artefact: Artefact) -> None:
        # Reads under way hold quota that they may give back.
        datasets = [grant.id for grant in artefact.datasets]
        used_up = await self._store.used_up(artefact.id, datasets, artefact.max_reads)
        if used_up and not await self._store.others_running(row):
            await self._consents.exhaust(artefact.id)


def delivery_of(row: ReadRow, artefact: Artefact) -> Delivery:
    """The delivery that a row keeps; raises REPLAYED_REQUEST when it is kept no longer."""
    assert row.access_record_id is not None, "a delivered read has its record"
    if row.envelope is None:
        raise HuilianError("REPLAYED_REQUEST", "its answer was given and is no longer kept")
    return Delivery(bytes(row.envelope), row.access_record_id, artefact)


def refusal_of(row: ReadRow) -> HuilianError:
    """The refusal that a row keeps."""
    assert row.refusal is not None, "a refused read says why"
    known = dict(row.refusal)
    return HuilianError(known.pop("code"), known.pop("detail"), **known)
