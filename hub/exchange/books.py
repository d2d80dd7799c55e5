"""The exchange's books as one group of reads sees them: loaded at once, changed in memory, stored at once.

The rules of a read (`admission.py`, `settlement.py`) work on them item by item and touch no database. So a group of
reads costs a fixed number of statements, whatever its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from huilian_protocol.artefact import Artefact
from huilian_protocol.errors import HuilianError

from hub.consent.service import Consent
from hub.exchange.catalogue import Offer
from hub.exchange.rules import Attempt, Outcome, Read, limits_of, row_id
from hub.exchange.store import Phase, StoredRead, quota_key


class NoConsent(HuilianError):
    """There is no consent of this name, and so nobody in whose record the refusal stands."""


@dataclass(frozen=True)
class Wanted:
    """A read that asks to be let out; `offer` is None when nobody offers the dataset now."""

    requested_by: str
    read: Read
    offer: Offer | None

    @property
    def row_id(self) -> str:
        """The request's name in the books."""
        return row_id(self.requested_by, self.read)

    @property
    def consent_id(self) -> str:
        """The consent that it is wanted under."""
        return self.read.consent_id

    @property
    def quotas(self) -> tuple[str, ...]:
        """What it counts against."""
        return (quota_key(self.consent_id, self.read.dataset),)


@dataclass(frozen=True)
class _Returned:
    """A read that went out and is to be settled."""

    attempt: Attempt

    @property
    def row_id(self) -> str:
        """The request's name in the books."""
        return self.attempt.row_id

    @property
    def consent_id(self) -> str:
        """The consent that it ran under."""
        return self.attempt.artefact.id

    @property
    def quotas(self) -> tuple[str, ...]:
        """What it counts against, and whatever else its consent counts."""
        artefact = self.attempt.artefact
        return tuple(quota_key(artefact.id, name) for name in limits_of(artefact))


@dataclass(frozen=True)
class Answered(_Returned):
    """The edge answered, and the answer was verified; `suite` is what it is sealed in."""

    envelope: bytes
    suite: str
    edge_signature: str


@dataclass(frozen=True)
class Failed(_Returned):
    """Nothing came of it."""

    error: HuilianError
    refused_by: str


Item = Wanted | Answered | Failed


@dataclass(frozen=True)
class AccessDraft:
    """An access record to be written; `edge_signature` is the evidence of a delivery."""

    record_id: str
    attempt: Attempt
    outcome: Outcome
    edge_signature: str


@dataclass
class Books:
    """What a group of reads needs to know, and what it changed.

    `reading` are the reads under way under consents under which one that failed is tried again, with the consent's id.
    """

    consents: Mapping[str, Consent]
    sealed_subjects: Mapping[tuple[str, str], bytes]
    reads: dict[str, StoredRead]
    reading: Mapping[str, str]
    used: dict[str, int]
    new_record_ids: Iterable[str]
    counted: Counter[str] = field(default_factory=Counter)
    changed: dict[str, StoredRead] = field(default_factory=dict)
    records: list[AccessDraft] = field(default_factory=list)
    delivered: dict[str, Artefact] = field(default_factory=dict)

    def consent(self, consent_id: str) -> Consent:
        """One consent; raises NOT_FOUND as `NoConsent`."""
        if consent_id not in self.consents:
            raise NoConsent("NOT_FOUND", resource=f"consent {consent_id}")
        return self.consents[consent_id]

    def read(self, row_id: str) -> StoredRead:
        """A request that went out; raises NOT_FOUND when its person had everything destroyed in the meantime."""
        if row_id not in self.reads:
            raise HuilianError("NOT_FOUND", resource="request")
        return self.reads[row_id]

    def sealed_subject(self, consent_id: str, agency: str) -> bytes:
        """Who the person is, for this agency only; raises NOT_FOUND."""
        sealed = self.sealed_subjects.get((consent_id, agency))
        if sealed is None:
            raise HuilianError("NOT_FOUND", resource=f"sealed subject of consent {consent_id} for {agency}")
        return sealed

    def put(self, read: StoredRead) -> None:
        """Note how a request stands now."""
        self.reads[read.id] = self.changed[read.id] = read

    def take(self, read: StoredRead, artefact: Artefact, dataset: str) -> None:
        """Count one more read; raises CONSENT_EXHAUSTED when as many as allowed are counted.

        For a request that failed before, raises UNAVAILABLE as long as other reads are under way: the edge may have
        counted it and keep its answer, and then refuses one of the others, which gives its place back.
        """
        key = quota_key(artefact.id, dataset)
        if self.used.get(key, 0) >= artefact.max_reads:
            if read.phase is Phase.FAILED and artefact.id in self.still_running(self.reading):
                raise HuilianError("UNAVAILABLE", "the reads under way may leave a place")
            raise HuilianError("CONSENT_EXHAUSTED", f"of dataset {dataset}", max_reads=artefact.max_reads)
        self._count(key, 1)

    def give_back(self, artefact: Artefact, dataset: str) -> None:
        """Uncount a read that delivered nothing."""
        self._count(quota_key(artefact.id, dataset), -1)

    def _count(self, key: str, change: int) -> None:
        self.used[key] = self.used.get(key, 0) + change
        self.counted[key] += change

    def record(self, attempt: Attempt, outcome: Outcome, edge_signature: str = "") -> str:
        """Note how an attempt ended, for the person and the ledger; the new record's id."""
        draft = AccessDraft(next(iter(self.new_record_ids)), attempt, outcome, edge_signature)
        self.records.append(draft)
        return draft.record_id

    def used_up(self) -> list[str]:
        """Ids of consents under which something was delivered and nothing is left to read or do."""
        return [artefact.id for artefact in self.delivered.values() if self._is_used_up(artefact)]

    def _is_used_up(self, artefact: Artefact) -> bool:
        stopped, limits = self.consent(artefact.id).stopped, limits_of(artefact)
        open_ones = {name: most for name, most in limits.items() if name not in stopped}
        return all(self.used.get(quota_key(artefact.id, name), 0) >= most for name, most in open_ones.items())

    def still_running(self, stored: Mapping[str, str]) -> set[str]:
        """Consents with requests under way, of those that were `stored` as running and those changed since."""
        waiting = {consent_id for read_id, consent_id in stored.items() if read_id not in self.changed}
        return waiting | {read.consent_id for read in self.changed.values() if read.phase is Phase.RUNNING}
