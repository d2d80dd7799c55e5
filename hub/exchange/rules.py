"""Who read what: the record that the person and the log keep of each read. Pure.

Whether a read is within the consent is the artefact's own business (`Artefact.check_read`), the same at hub and edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from huilian_protocol.artefact import Artefact, Period
from huilian_protocol.canonical import b64u_encode, canonicalise
from huilian_protocol.clock import format_time

RECORD_TYPE = "access"
DELIVERED = "DELIVERED"
HUB, EDGE = "hub", "edge"
# What a person is told of a reader who had no right to ask and is a person, too.
SOMEBODY_ELSE = "somebody-else"


@dataclass(frozen=True)
class Read:
    """One wanted read; `fields` sorted. The request id comes from the reader and travels to the edge."""

    request_id: str
    consent_id: str
    dataset: str
    fields: tuple[str, ...]
    period: Period

    @property
    def fingerprint(self) -> bytes:
        """What makes two requests with the same id the same request."""
        period = [self.period.from_month, self.period.to_month]
        return sha256(canonicalise([self.consent_id, self.dataset, list(self.fields), period])).digest()


@dataclass(frozen=True)
class Outcome:
    """How a read ended: delivered, sealed in a suite, or refused with a catalogue code by the hub or by the edge."""

    code: str = DELIVERED
    refused_by: str = ""
    suite: str = ""

    def __str__(self) -> str:
        return f"REFUSED:{self.code}" if self.refused_by else self.code


@dataclass(frozen=True)
class Attempt:
    """A wanted read with what it is wanted under; `requested_by` is the recipient or the person."""

    read: Read
    requested_by: str
    artefact: Artefact
    agency: str

    @property
    def row_id(self) -> str:
        """The name of this request among all readers' requests."""
        return row_id(self.requested_by, self.read)


def row_id(requested_by: str, read: Read) -> str:
    """The name of a request among all readers' requests."""
    return f"{requested_by}/{read.request_id}"


def noted(attempt: Attempt) -> dict[str, Any]:
    """What is kept of a read while it is under way, so that its end can be recorded whoever is left to do it."""
    read = attempt.read
    return {
        "request_id": read.request_id,
        "requested_by": attempt.requested_by,
        "agency": attempt.agency,
        "dataset": read.dataset,
        "fields": list(read.fields),
        "period": [read.period.from_month, read.period.to_month],
    }


def attempt_of(note: dict[str, Any], artefact: Artefact) -> Attempt:
    """The attempt that was noted."""
    period = Period(*note["period"])
    read = Read(note["request_id"], artefact.id, note["dataset"], tuple(note["fields"]), period)
    return Attempt(read, note["requested_by"], artefact, note["agency"])


def limits_of(artefact: Artefact) -> dict[str, int]:
    """How often each dataset may be read and each action done under an artefact."""
    reads = {grant.id: artefact.max_reads for grant in artefact.datasets}
    return reads | {grant.id: grant.max_uses for grant in artefact.actions}


def supervision_record(supervisor: str, request_id: str, case_reference: str, at: datetime) -> dict[str, Any]:
    """What a person is told of a supervisor's question about them, in the form of any other access."""
    return {
        "type": "huilian-supervision/v1",
        "request_id": request_id,
        "consent_id": "",
        "recipient": supervisor,
        "requested_by": supervisor,
        "purpose": "SUPERVISION",
        "agency": "",
        "dataset": "",
        "fields": ["access_counts"],
        "case_reference": case_reference,
        "outcome": DELIVERED,
        "refused_by": "",
        "at": format_time(at),
    }


def access_record(attempt: Attempt, outcome: Outcome, at: datetime) -> dict[str, Any]:
    """What is kept of one read: who, what, why, when, outcome; never a value that was read.

    `recipient` is who alone can open the data, `requested_by` who asked.
    """
    read, artefact = attempt.read, attempt.artefact
    return {
        "type": "huilian-access/v1",
        "request_id": read.request_id,
        "consent_id": artefact.id,
        "consent_sha256": b64u_encode(artefact.sha256),
        "recipient": artefact.recipient.id,
        "requested_by": attempt.requested_by,
        "purpose": artefact.purpose.code,
        "agency": attempt.agency,
        "dataset": read.dataset,
        "fields": list(read.fields),
        "period": {"from": read.period.from_month, "to": read.period.to_month},
        "outcome": str(outcome),
        "refused_by": outcome.refused_by,
        **({"suite": outcome.suite} if outcome.suite else {}),
        "at": format_time(at),
    }
