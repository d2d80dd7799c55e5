"""Who read what: the record that the person and the log keep of each read. Pure.

Whether a read is within the consent is the artefact's own business (`Artefact.check_read`), the same at hub and edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huilian_protocol.artefact import Period
from huilian_protocol.clock import format_time

RECORD_TYPE = "access"
DELIVERED = "DELIVERED"
HUB, EDGE = "hub", "edge"


@dataclass(frozen=True)
class Read:
    """One wanted read; `fields` sorted."""

    request_id: str
    consent_id: str
    dataset: str
    fields: tuple[str, ...]
    period: Period


@dataclass(frozen=True)
class Outcome:
    """How a read ended: delivered, or refused with a catalogue code by the hub or by the edge."""

    code: str = DELIVERED
    refused_by: str = ""

    def __str__(self) -> str:
        return f"REFUSED:{self.code}" if self.refused_by else self.code


def access_record(
    read: Read, outcome: Outcome, *, reader: str, purpose: str, agency: str, at: datetime
) -> dict[str, Any]:
    """What is kept of one read: who, what, why, when, outcome; never a value that was read."""
    return {
        "type": "huilian-access/v1",
        "request_id": read.request_id,
        "consent_id": read.consent_id,
        "reader": reader,
        "purpose": purpose,
        "agency": agency,
        "dataset": read.dataset,
        "fields": list(read.fields),
        "period": {"from": read.period.from_month, "to": read.period.to_month},
        "outcome": str(outcome),
        "refused_by": outcome.refused_by,
        "at": format_time(at),
    }
