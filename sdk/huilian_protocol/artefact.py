"""The consent artefact: what a person grants to whom, for what, how long; the thing that is signed.

Its content follows what articles 13, 14 and 17 of 个人信息保护法 (PIPL) ask of a consent: recipient, purpose, kinds
of data, retention and a clear legal basis. The canonical JSON (RFC 8785) of ``to_dict()`` is what the person's device
signs.

An artefact that lets somebody act for the person (pay a fine) names the actions and is of type ``huilian-consent/v2``;
one without actions is ``huilian-consent/v1``, byte for byte as ever. An amendment (``version`` above 1, naming the
SHA-256 of the artefact that it replaces) and an artefact that a delegate signs for the person or company that it is
about are of type ``huilian-consent/v3``. Where the recipient has keys in several suites, the artefact carries the
statement that the recipient's root signed over them (:mod:`huilian_protocol.recipient_keys`) and is of type
``huilian-consent/v4``. Whoever knows only an earlier type refuses the later ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.recipient_keys import Recipient, read_recipient
from huilian_protocol.strict import bytes_at, integer_at, list_at, matching_at, object_with, text_at

__all__ = [
    "ActionGrant",
    "Artefact",
    "DatasetGrant",
    "EvidenceLevel",
    "Period",
    "Purpose",
    "Recipient",
    "parse_artefact",
]

TYPE = "huilian-consent/v1"
TYPE_WITH_ACTIONS = "huilian-consent/v2"
TYPE_OF_LATER = "huilian-consent/v3"
TYPE_OF_SEVERAL_KEYS = "huilian-consent/v4"
MAX_ARTEFACT_BYTES = 64 * 1024
MAX_DATASETS = 32
MAX_FIELDS = 64
MAX_READS = 10_000
MAX_DATA_LIFE_DAYS = 3_650
MAX_ACTIONS = 8
MAX_USES = 120
MAX_AMOUNT_FEN = 100_000_000_000
MAX_VERSION = 999
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)
_KEYS = [
    "type",
    "id",
    "version",
    "subject",
    "recipient",
    "purpose",
    "datasets",
    "frequency",
    "data_life_days",
    "valid_from",
    "valid_until",
    "legal_basis",
    "evidence_level",
]

_LATER_KEYS = ("actions", "replaces", "signer")
_KEYS_SINCE: Mapping[str, tuple[str, ...]] = {
    TYPE: (),
    TYPE_WITH_ACTIONS: ("actions",),
    TYPE_OF_LATER: _LATER_KEYS,
    TYPE_OF_SEVERAL_KEYS: _LATER_KEYS,
}


class EvidenceLevel(StrEnum):
    """How strongly a consent proves the person's will."""

    CHANNEL_ATTESTED = "CHANNEL_ATTESTED"
    DEVICE_SIGNED = "DEVICE_SIGNED"

    def satisfies(self, required: EvidenceLevel) -> bool:
        """Whether this level is ``required`` or better."""
        order = list(EvidenceLevel)
        return order.index(self) >= order.index(required)


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why the data is read: a registered code and the plain Chinese text that the person saw."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Period:
    """Months ``YYYY-MM``, both ends included; the text form sorts as time does."""

    from_month: str
    to_month: str

    def covers(self, other: Period) -> bool:
        """Whether ``other`` lies wholly inside."""
        return self.from_month <= other.from_month <= other.to_month <= self.to_month

    def __str__(self) -> str:
        return f"{self.from_month}..{self.to_month}"


@dataclass(frozen=True, slots=True)
class DatasetGrant:
    """One dataset with the granted fields (sorted, unique) and months."""

    id: str
    fields: tuple[str, ...]
    period: Period


@dataclass(frozen=True, slots=True)
class ActionGrant:
    """One action that may be done in the person's name: how often, and for how much each time (fen; 0 moves no money).

    ``parameters_commitment`` (:func:`huilian_protocol.action.commit_parameters`) ties it to what the person saw, a
    certain fine of a certain amount; None leaves the parameters to the recipient, within the bounds.
    """

    id: str
    max_uses: int
    max_amount_fen: int
    parameters_commitment: str | None = None


@dataclass(frozen=True)
class Artefact:
    """A consent artefact. Instants are aware UTC datetimes with whole seconds; ``data_life_days`` counts from each
    read. ``signer`` is the delegate who signs for ``subject``, None where the person signs for themselves; ``replaces``
    is the SHA-256 of the version before this one.
    """

    id: str
    subject: str
    recipient: Recipient
    purpose: Purpose
    datasets: tuple[DatasetGrant, ...]
    max_reads: int
    data_life_days: int
    valid_from: datetime
    valid_until: datetime
    legal_basis: str
    evidence_level: EvidenceLevel
    actions: tuple[ActionGrant, ...] = ()
    version: int = 1
    replaces: bytes | None = None
    signer: str | None = None

    @property
    def signed_by(self) -> str:
        """Whose device signs: the subject's own, or the delegate's."""
        return self.signer or self.subject

    @property
    def grant_ids(self) -> frozenset[str]:
        """Everything that can be stopped by itself: the ids of datasets and actions."""
        return frozenset([grant.id for grant in self.datasets] + [grant.id for grant in self.actions])

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        value = self._to_dict_of_v1()
        actions = [_action_to_dict(grant) for grant in self.actions]
        if self.version > 1 or self.signer is not None or self.recipient.key_statement:
            kind = TYPE_OF_SEVERAL_KEYS if self.recipient.key_statement else TYPE_OF_LATER
            replaces = None if self.replaces is None else b64u_encode(self.replaces)
            return value | {"type": kind, "actions": actions, "replaces": replaces, "signer": self.signer}
        return value | {"type": TYPE_WITH_ACTIONS, "actions": actions} if actions else value

    def _to_dict_of_v1(self) -> dict[str, Any]:
        return {
            "type": TYPE,
            "id": self.id,
            "version": self.version,
            "subject": self.subject,
            "recipient": self.recipient.to_dict(),
            "purpose": {"code": self.purpose.code, "text": self.purpose.text},
            "datasets": [_grant_to_dict(grant) for grant in self.datasets],
            "frequency": {"max_reads": self.max_reads},
            "data_life_days": self.data_life_days,
            "valid_from": format_time(self.valid_from),
            "valid_until": format_time(self.valid_until),
            "legal_basis": self.legal_basis,
            "evidence_level": self.evidence_level.value,
        }

    def canonical(self) -> bytes:
        """The bytes that are hashed and signed."""
        return canonicalise(self.to_dict())

    @cached_property
    def sha256(self) -> bytes:
        """SHA-256 of the canonical bytes: the WebAuthn challenge and the name of this consent in ``info`` and
        records.
        """
        return sha256_canonical(self.to_dict())

    def check_valid_at(self, now: datetime) -> None:
        """Raises :class:`HuilianError` CONSENT_NOT_YET_VALID or CONSENT_EXPIRED; ``valid_until`` itself is outside."""
        if now < self.valid_from:
            raise HuilianError("CONSENT_NOT_YET_VALID", valid_from=format_time(self.valid_from))
        if now >= self.valid_until:
            raise HuilianError("CONSENT_EXPIRED", valid_until=format_time(self.valid_until))

    def check_recipient(self, recipient_id: str, sealing_key_id: str) -> None:
        """Raises :class:`HuilianError` RECIPIENT_KEY_MISMATCH unless this recipient and this key of it were granted."""
        if recipient_id != self.recipient.id or all(sealing_key_id != key.id for key in self.recipient.keys):
            raise HuilianError("RECIPIENT_KEY_MISMATCH", "not the recipient and key that the artefact names")

    def check_read(self, dataset: str, fields: Iterable[str], period: Period) -> DatasetGrant:
        """The grant that covers a read of ``fields`` in ``period``.

        Raises :class:`HuilianError` FIELD_NOT_GRANTED (also for a dataset that is not granted) or PERIOD_NOT_GRANTED.
        """
        grant = next((item for item in self.datasets if item.id == dataset), None)
        if grant is None:
            raise HuilianError("FIELD_NOT_GRANTED", "the dataset is not granted", field=dataset)
        for field in fields:
            if field not in grant.fields:
                raise HuilianError("FIELD_NOT_GRANTED", field=field)
        if not grant.period.covers(period):
            raise HuilianError("PERIOD_NOT_GRANTED", requested=period, granted=grant.period)
        return grant

    def check_action(self, action: str, amount_fen: int, parameters_commitment: str) -> ActionGrant:
        """The grant that covers this action with these parameters.

        Raises :class:`HuilianError` ACTION_NOT_GRANTED (also for other parameters than the person signed) or
        LIMIT_EXCEEDED.
        """
        grant = next((item for item in self.actions if item.id == action), None)
        if grant is None:
            raise HuilianError("ACTION_NOT_GRANTED", "not among the granted actions", action=action)
        if grant.parameters_commitment not in (None, parameters_commitment):
            raise HuilianError("ACTION_NOT_GRANTED", "the person signed other parameters", action=action)
        if amount_fen > grant.max_amount_fen:
            raise HuilianError("LIMIT_EXCEEDED", "above the granted amount", available_fen=grant.max_amount_fen)
        return grant

    def check_evidence(self, required: EvidenceLevel, dataset: str) -> None:
        """Raises :class:`HuilianError` EVIDENCE_LEVEL_TOO_LOW if ``dataset`` asks for more than this consent proves."""
        if not self.evidence_level.satisfies(required):
            raise HuilianError("EVIDENCE_LEVEL_TOO_LOW", dataset=dataset, required=required.value)


def parse_artefact(data: bytes | Mapping[str, Any]) -> Artefact:
    """Read an artefact from its canonical bytes or its JSON form.

    Raises :class:`HuilianError` ARTEFACT_INVALID for unknown or missing keys, unsorted fields, odd values and bytes
    that are not canonical. Whether datasets, fields, purpose and recipient exist is for the hub's and the edge's own
    registers.
    """
    try:
        if isinstance(data, bytes) and len(data) > MAX_ARTEFACT_BYTES:
            raise ValueError("too large")
        return _read(parse_canonical(data) if isinstance(data, bytes) else dict(data))
    except (ValueError, TypeError) as error:
        raise HuilianError("ARTEFACT_INVALID", str(error)) from error


def _read(raw: Any) -> Artefact:
    kind = raw.get("type", TYPE) if isinstance(raw, dict) else TYPE
    if not isinstance(kind, str) or kind not in _KEYS_SINCE:
        raise ValueError("another type or version")
    value = object_with(raw, [*_KEYS, *_KEYS_SINCE[kind]], "artefact")
    acts, later = kind == TYPE_WITH_ACTIONS, _KEYS_SINCE[kind] == _LATER_KEYS
    actions = list_at(value, "actions", MAX_ACTIONS, least=1 if acts else 0) if acts or later else []
    frequency = object_with(value["frequency"], ["max_reads"], "frequency")
    artefact = Artefact(
        id=matching_at(value, "id", _NAME),
        subject=matching_at(value, "subject", _NAME),
        recipient=read_recipient(value["recipient"], several=kind == TYPE_OF_SEVERAL_KEYS),
        purpose=_read_purpose(value["purpose"]),
        # Whoever may act need not read: without any dataset there must be an action.
        datasets=tuple(
            _read_grant(item) for item in list_at(value, "datasets", MAX_DATASETS, least=0 if actions else 1)
        ),
        max_reads=integer_at(frequency, "max_reads", 1, MAX_READS),
        data_life_days=integer_at(value, "data_life_days", 1, MAX_DATA_LIFE_DAYS),
        valid_from=parse_time(text_at(value, "valid_from")),
        valid_until=parse_time(text_at(value, "valid_until")),
        legal_basis=text_at(value, "legal_basis", most=500),
        evidence_level=EvidenceLevel(text_at(value, "evidence_level")),
        actions=tuple(_read_action(item) for item in actions),
        version=integer_at(value, "version", 1, MAX_VERSION if later else 1),
        replaces=bytes_at(value, "replaces", 32) if later and value["replaces"] is not None else None,
        signer=matching_at(value, "signer", _NAME) if later and value["signer"] is not None else None,
    )
    if artefact.to_dict()["type"] != kind:
        raise ValueError("a first version that its subject signs is of an older type")
    _check_whole(artefact)
    return artefact


def _check_whole(artefact: Artefact) -> None:
    if artefact.valid_from >= artefact.valid_until:
        raise ValueError("valid_until is not after valid_from")
    if (artefact.version > 1) != (artefact.replaces is not None):
        raise ValueError("exactly a later version names what it replaces")
    if artefact.signer == artefact.subject:
        raise ValueError("nobody is their own delegate")
    ids = [grant.id for grant in artefact.datasets]
    if len(set(ids)) != len(ids):
        raise ValueError("a dataset is named twice")
    actions = [grant.id for grant in artefact.actions]
    if len(set(actions)) != len(actions):
        raise ValueError("an action is named twice")


def _read_purpose(raw: Any) -> Purpose:
    value = object_with(raw, ["code", "text"], "purpose")
    return Purpose(code=matching_at(value, "code", _NAME), text=text_at(value, "text", most=500))


def _read_grant(raw: Any) -> DatasetGrant:
    value = object_with(raw, ["id", "fields", "period"], "dataset")
    fields = list_at(value, "fields", MAX_FIELDS, least=1)
    if not all(isinstance(field, str) and _NAME.fullmatch(field) for field in fields):
        raise ValueError("a field's name is malformed")
    if fields != sorted(set(fields)):
        raise ValueError("fields are not sorted and unique")
    return DatasetGrant(id=matching_at(value, "id", _NAME), fields=tuple(fields), period=_read_period(value["period"]))


def _read_period(raw: Any) -> Period:
    value = object_with(raw, ["from", "to"], "period")
    period = Period(matching_at(value, "from", _MONTH), matching_at(value, "to", _MONTH))
    if period.from_month > period.to_month:
        raise ValueError("the period ends before it begins")
    return period


def _read_action(raw: Any) -> ActionGrant:
    value = object_with(raw, ["id", "max_amount_fen", "max_uses", "parameters_commitment"], "action")
    if value["parameters_commitment"] is not None:
        bytes_at(value, "parameters_commitment", 32)
    return ActionGrant(
        id=matching_at(value, "id", _NAME),
        max_uses=integer_at(value, "max_uses", 1, MAX_USES),
        max_amount_fen=integer_at(value, "max_amount_fen", 0, MAX_AMOUNT_FEN),
        parameters_commitment=value["parameters_commitment"],
    )


def _action_to_dict(grant: ActionGrant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "max_amount_fen": grant.max_amount_fen,
        "max_uses": grant.max_uses,
        "parameters_commitment": grant.parameters_commitment,
    }


def _grant_to_dict(grant: DatasetGrant) -> dict[str, Any]:
    period = {"from": grant.period.from_month, "to": grant.period.to_month}
    return {"id": grant.id, "fields": list(grant.fields), "period": period}
