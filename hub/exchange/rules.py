"""Whether a read is within what the person granted, and the record that says who read what. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from huilian_protocol.errors import HuilianError

from hub.consent.rules import Scope, months_between, timestamp

RECORD_TYPE = "access"


class Outcome(StrEnum):
    """How a read ended. A refusal is written `REFUSED:<catalogue code>` in the record."""

    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class Read:
    """One wanted read; `fields` sorted, months inclusive."""

    request_id: str
    consent_id: str
    scope: Scope


def check_granted(wanted: Scope, granted: Sequence[Scope]) -> None:
    """Refuse what the artefact does not grant: FIELD_NOT_GRANTED (dataset or field) or PERIOD_NOT_GRANTED."""
    scope = next((scope for scope in granted if scope.dataset == wanted.dataset), None)
    if scope is None:
        raise HuilianError("FIELD_NOT_GRANTED", "the dataset is not in the consent", field=wanted.dataset)
    extra = sorted(set(wanted.fields) - set(scope.fields))
    if extra:
        raise HuilianError("FIELD_NOT_GRANTED", "the field is not in the consent", field=f"{wanted.dataset}#{extra[0]}")
    if not wanted.fields:
        raise HuilianError("INVALID_ARGUMENT", "name the wanted fields", field="fields")
    months_between(wanted.period_from, wanted.period_to)
    if wanted.period_from < scope.period_from or wanted.period_to > scope.period_to:
        raise HuilianError("PERIOD_NOT_GRANTED", "outside the consent", requested=_months(wanted), granted=_months(scope))


def _months(scope: Scope) -> str:
    return f"{scope.period_from}/{scope.period_to}"


def access_record(read: Read, *, reader: str, purpose: str, agency: str, outcome: str, at: datetime) -> dict[str, Any]:
    """What the person and the log keep of one read: who, what, why, when, outcome; never a value that was read."""
    return {
        "type": "huilian-access/v1",
        "request_id": read.request_id,
        "consent_id": read.consent_id,
        "reader": reader,
        "purpose": purpose,
        "agency": agency,
        "dataset": read.scope.dataset,
        "fields": list(read.scope.fields),
        "period": {"from": read.scope.period_from, "to": read.scope.period_to},
        "outcome": outcome,
        "at": timestamp(at),
    }
