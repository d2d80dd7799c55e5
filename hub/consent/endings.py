"""How consents ended: what a termination receipt states, and its signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.artefact import Artefact, parse_artefact
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.termination import Ending, Termination, issue_termination

from hub.consent.ports import ReadCounts
from hub.consent.states import State
from hub.consent.store import ConsentRow, ConsentStore, VersionRow
from hub.consent.view import not_found, state_of

_ENDINGS = {
    State.REVOKED: Ending.REVOKED,
    State.REJECTED: Ending.REJECTED,
    State.EXPIRED: Ending.EXPIRED,
    State.EXHAUSTED: Ending.EXHAUSTED,
    State.SUPERSEDED: Ending.SUPERSEDED,
}


@dataclass(frozen=True)
class _Ended:
    artefact: Artefact
    signed: bytes | None
    ending: Ending
    at: datetime
    reads: Mapping[str, int]


class Endings:
    """Termination receipts of one hub."""

    def __init__(
        self,
        store: ConsentStore,
        clock: Clock,
        reads: Callable[[], ReadCounts],
        signing_key: Callable[[], ec.EllipticCurvePrivateKey],
    ) -> None:
        self._store, self._clock, self._reads, self._signing_key = store, clock, reads, signing_key

    async def receipt(self, caller: str, consent_id: str, version: int = 0) -> bytes:
        """The signed receipt of a consent that ended, or of one of its versions (0: the newest), for its parties.

        Raises NOT_FOUND, STATE_CONFLICT while it has not ended, or RECEIPT_PENDING while reads are still under way.
        """
        row = await self._store.find(consent_id)
        if row is None or caller not in {row.subject, row.signer}:
            raise not_found(consent_id)
        ended = await self._ended(row, version)
        statement = Termination(
            consent_id=consent_id,
            version=ended.artefact.version,
            artefact_sha256=ended.artefact.sha256,
            ending=ended.ending,
            ended_at=ended.at.replace(microsecond=0),
            reads=ended.reads,
            deletion_due=deletion_due(ended.artefact, ended.ending, ended.at, ended.reads).replace(microsecond=0),
        )
        return issue_termination(self._signing_key(), statement, ended.signed)

    async def _ended(self, row: ConsentRow, version: int) -> _Ended:
        artefact = parse_artefact(bytes(row.artefact))
        if version not in {0, artefact.version}:
            earlier = await self._store.find_version(row.id, version)
            if earlier is None or earlier.state != State.SUPERSEDED:
                raise not_found(f"{row.id}, version {version}")
            return _superseded(earlier)
        state = state_of(row, self._clock.now())
        if state not in _ENDINGS:
            raise HuilianError("STATE_CONFLICT", "it has not ended", state=state)
        at = row.valid_until if state is State.EXPIRED else row.ended_at
        assert at is not None, "what ended has its time"
        reads = await self._reads().reads_taken(row.id, [grant.id for grant in artefact.datasets], settled=True)
        signed = None if row.signed is None else bytes(row.signed)
        return _Ended(artefact, signed, _ENDINGS[state], at, reads)


def _superseded(row: VersionRow) -> _Ended:
    assert row.signed is not None and row.ended_at is not None and row.reads is not None, "it was in force"
    return _Ended(parse_artefact(bytes(row.artefact)), bytes(row.signed), Ending.SUPERSEDED, row.ended_at, row.reads)


def deletion_due(artefact: Artefact, ending: Ending, ended_at: datetime, reads: Mapping[str, int]) -> datetime:
    """When nothing that was read may be left: at once after a revocation (PIPL article 47), else the granted data life
    after the last possible read.
    """
    if ending in {Ending.REVOKED, Ending.REJECTED} or not any(reads.values()):
        return ended_at
    return ended_at + timedelta(days=artefact.data_life_days)
