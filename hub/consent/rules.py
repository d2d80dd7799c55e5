"""What may be asked of a person, and the artefact that says it. Pure: no clock, no storage, no network.

The artefact (see `huilian_protocol.consent`) is what the person signs, so everything that limits the
recipient is in it: datasets, fields, months, number of reads, days the data may be kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from huilian_protocol.errors import HuilianError

from hub.consent.purposes import Purpose

ARTEFACT_TYPE = "huilian-consent/v1"
DEVICE_SIGNED = "DEVICE_SIGNED"
MAX_DATASETS = 16
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])\Z")


@dataclass(frozen=True)
class Scope:
    """One dataset of a consent; months are "YYYY-MM" and both inclusive."""

    dataset: str
    fields: tuple[str, ...]
    period_from: str
    period_to: str


@dataclass(frozen=True)
class Terms:
    """What a recipient asks for. Every bound here is checked against the purpose.

    `max_reads` counts the reads of each dataset: that is what an agency, which sees only its own datasets, can
    enforce as well as the hub.
    """

    purpose: str
    recipient: str
    scopes: tuple[Scope, ...]
    max_reads: int
    data_life_days: int
    valid_until: datetime


@dataclass(frozen=True)
class Dataset:
    """What the consent domain must know of a dataset: whose it is and which fields it has."""

    id: str
    agency: str
    fields: frozenset[str]


@dataclass(frozen=True)
class Recipient:
    """A published recipient of data and the public key that answers are sealed to."""

    id: str
    name_zh: str
    name_en: str
    suite: str
    sealing_key_id: str
    public_key: bytes


def check_terms(terms: Terms, purpose: Purpose, datasets: Mapping[str, Dataset], now: datetime) -> None:
    """Refuse terms that the purpose does not allow or that name data that does not exist.

    Raises PURPOSE_LIMIT_EXCEEDED, UNKNOWN_DATASET, UNKNOWN_FIELD or INVALID_ARGUMENT (with the field's name).
    """
    if terms.recipient not in purpose.recipients:
        raise _beyond(purpose, "recipient", terms.recipient)
    _check_bound(purpose, "max_reads", terms.max_reads, purpose.max_reads)
    _check_bound(purpose, "data_life_days", terms.data_life_days, purpose.max_data_life_days)
    if terms.valid_until <= now:
        raise _malformed("valid_until_time", "the consent would already have ended")
    if terms.valid_until > now + timedelta(days=purpose.max_validity_days):
        raise _beyond(purpose, "valid_until_time", f"more than {purpose.max_validity_days} days ahead")
    names = [scope.dataset for scope in terms.scopes]
    if not names or len(names) > MAX_DATASETS or len(set(names)) != len(names):
        raise _malformed("datasets", f"a consent names 1 to {MAX_DATASETS} different datasets")
    for scope in terms.scopes:
        _check_scope(scope, purpose, datasets, now)


def _check_bound(purpose: Purpose, name: str, value: int, upper: int) -> None:
    if value < 1:
        raise _malformed(name, "must be at least 1")
    if value > upper:
        raise _beyond(purpose, name, f"{value} is more than {upper}")


def _check_scope(scope: Scope, purpose: Purpose, datasets: Mapping[str, Dataset], now: datetime) -> None:
    dataset = datasets.get(scope.dataset)
    if dataset is None:
        raise HuilianError("UNKNOWN_DATASET", "no agency offers it", dataset=scope.dataset)
    if not scope.fields or len(set(scope.fields)) != len(scope.fields):
        raise _malformed("fields", "name each wanted field once")
    unknown = sorted(set(scope.fields) - dataset.fields)
    if unknown:
        raise HuilianError("UNKNOWN_FIELD", "not in the schema", dataset=scope.dataset, field=unknown[0])
    months = months_between(scope.period_from, scope.period_to)
    if scope.period_to > now.strftime("%Y-%m"):
        raise _malformed("period", "the period ends in the future")
    if months > purpose.max_period_months:
        raise _beyond(purpose, "period", f"{months} months are more than {purpose.max_period_months}")


def months_between(first: str, last: str) -> int:
    """Number of months from "YYYY-MM" to "YYYY-MM", both counted; raises INVALID_ARGUMENT."""
    if not (_MONTH.match(first) and _MONTH.match(last)) or first > last:
        raise _malformed("period", "not a period of months")
    years = int(last[:4]) - int(first[:4])
    return years * 12 + int(last[5:]) - int(first[5:]) + 1


def _malformed(field: str, detail: str) -> HuilianError:
    return HuilianError("INVALID_ARGUMENT", detail, field=field)


def _beyond(purpose: Purpose, limit: str, detail: str) -> HuilianError:
    return HuilianError("PURPOSE_LIMIT_EXCEEDED", detail, purpose=purpose.code, limit=limit)


def draft_artefact(
    consent_id: str, subject: str, terms: Terms, purpose: Purpose, recipient: Recipient, now: datetime
) -> dict[str, Any]:
    """The unsigned artefact for checked terms; `subject` is the person's network number at this hub."""
    return {
        "type": ARTEFACT_TYPE,
        "id": consent_id,
        "version": 1,
        "subject": subject,
        "recipient": {
            "id": recipient.id,
            "sealing_key_id": recipient.sealing_key_id,
            "suite": recipient.suite,
        },
        "purpose": {"code": purpose.code, "text": purpose.text_zh},
        "datasets": [_scope_entry(scope) for scope in sorted(terms.scopes, key=lambda scope: scope.dataset)],
        "frequency": {"max_reads": terms.max_reads},
        "data_life_days": terms.data_life_days,
        "valid_from": timestamp(now),
        "valid_until": timestamp(terms.valid_until),
        "legal_basis": purpose.legal_basis,
        "evidence_level": DEVICE_SIGNED,
    }


def _scope_entry(scope: Scope) -> dict[str, Any]:
    return {
        "id": scope.dataset,
        "fields": sorted(scope.fields),
        "period": {"from": scope.period_from, "to": scope.period_to},
    }


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, cut to whole seconds, as the artefact writes time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def agencies_of(scopes: Sequence[Scope], datasets: Mapping[str, Dataset]) -> tuple[str, ...]:
    """The agencies that will answer under these scopes; each needs the person's identity sealed to it."""
    return tuple(sorted({datasets[scope.dataset].agency for scope in scopes}))
