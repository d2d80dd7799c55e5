"""What may be asked of a person, and the artefact that says it. Pure: no clock, no storage, no network.

The artefact (`huilian_protocol.artefact`) is what the person signs, so everything that limits the recipient is in it:
datasets, fields, months, number of reads, days the data may be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from huilian_protocol import artefact as protocol
from huilian_protocol.artefact import ActionGrant, Artefact, DatasetGrant, EvidenceLevel
from huilian_protocol.errors import HuilianError
from huilian_protocol.purposes import Purpose
from huilian_protocol.sealing import Suite, key_id

MAX_DATASETS, MAX_ACTIONS = 16, 8
# Agencies count months by their own calendar; China has one time zone.
CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Terms:
    """What a recipient asks for. Every bound here is checked against the purpose.

    `max_reads` counts the reads of each dataset: that is what an agency, which sees only its own datasets, can
    enforce as well as the hub.
    """

    purpose: str
    recipient: str
    datasets: tuple[DatasetGrant, ...]
    max_reads: int
    data_life_days: int
    valid_until: datetime
    actions: tuple[ActionGrant, ...] = ()


@dataclass(frozen=True)
class Action:
    """What the consent domain must know of an action: whose it is, and whether its very parameters must be signed;
    `suites` as in `Dataset`.
    """

    id: str
    agency: str
    needs_exact_consent: bool
    suites: tuple[Suite, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """What the consent domain must know of a dataset: whose it is, which fields it has, and in which suites its owner
    seals answers, its favourite first (empty: in any).
    """

    id: str
    agency: str
    fields: frozenset[str]
    suites: tuple[Suite, ...] = ()


@dataclass(frozen=True)
class RecipientKey:
    """A published recipient of data and a public key that answers to it are sealed to; with `statement` its favourite
    of several keys, which its root has signed together.
    """

    id: str
    suite: Suite
    public_key: bytes
    statement: str = ""

    @property
    def key_id(self) -> str:
        """The id that an artefact names."""
        return key_id(self.public_key)

    @property
    def named(self) -> protocol.Recipient:
        """The recipient as an artefact names it."""
        return protocol.Recipient(self.id, self.key_id, self.suite, self.statement)


def check_terms(terms: Terms, purpose: Purpose, datasets: Mapping[str, Dataset], now: datetime) -> None:
    """Refuse terms that the purpose does not allow or that name data that does not exist.

    Raises PURPOSE_LIMIT_EXCEEDED, UNKNOWN_DATASET, UNKNOWN_FIELD or INVALID_ARGUMENT (with the field's name).
    """
    if terms.recipient not in purpose.recipients:
        raise _beyond(purpose, "recipient", terms.recipient)
    _check_bound(purpose, "max_reads", terms.max_reads, purpose.max_reads)
    _check_bound(purpose, "data_life_days", terms.data_life_days, purpose.max_data_life_days)
    if terms.valid_until < now + timedelta(seconds=1):
        raise _malformed("valid_until_time", "the consent would already have ended")
    if terms.valid_until > now + timedelta(days=purpose.max_validity_days):
        raise _beyond(purpose, "valid_until_time", f"more than {purpose.max_validity_days} days ahead")
    if not terms.datasets and not terms.actions:
        raise _malformed("datasets", "a consent names at least one dataset or action")
    _check_names("datasets", [grant.id for grant in terms.datasets], MAX_DATASETS)
    for grant in terms.datasets:
        _check_grant(grant, purpose, datasets, now)


def check_actions(terms: Terms, purpose: Purpose, actions: Mapping[str, Action]) -> None:
    """Refuse actions that the purpose does not allow, that nobody offers, or that name too little of what is done.

    Raises PURPOSE_LIMIT_EXCEEDED, NOT_FOUND or INVALID_ARGUMENT (with the field's name).
    """
    purpose.check_actions(terms.actions)
    _check_names("actions", [grant.id for grant in terms.actions], MAX_ACTIONS)
    for grant in terms.actions:
        action = actions.get(grant.id)
        if action is None:
            raise HuilianError("NOT_FOUND", "no agency offers it", resource=f"action {grant.id}")
        if action.needs_exact_consent and grant.parameters_commitment is None:
            raise _malformed("parameters_commitment", f"{grant.id} takes a consent to its very parameters only")


def check_suite(recipient: RecipientKey, offered: Iterable[Dataset | Action]) -> None:
    """Refuse before anybody signs what an edge would refuse after: keys of which a data owner uses none.

    Raises RECIPIENT_KEY_MISMATCH.
    """
    for one in offered:
        recipient.named.key_for(one.suites)


def _check_names(field: str, names: Sequence[str], most: int) -> None:
    if len(names) > most or len(set(names)) != len(names):
        raise _malformed(field, f"a consent names at most {most} different {field}")


def _check_bound(purpose: Purpose, name: str, value: int, upper: int) -> None:
    if value < 1:
        raise _malformed(name, "must be at least 1")
    purpose.check_bound(name, value, upper)


def _check_grant(grant: DatasetGrant, purpose: Purpose, datasets: Mapping[str, Dataset], now: datetime) -> None:
    dataset = datasets.get(grant.id)
    if dataset is None:
        raise HuilianError("UNKNOWN_DATASET", "no agency offers it", dataset=grant.id)
    if not grant.fields or len(set(grant.fields)) != len(grant.fields):
        raise _malformed("fields", "name each wanted field once")
    unknown = sorted(set(grant.fields) - dataset.fields)
    if unknown:
        raise HuilianError("UNKNOWN_FIELD", "not in the schema", dataset=grant.id, field=unknown[0])
    if not grant.period.from_month <= grant.period.to_month <= now.astimezone(CHINA).strftime("%Y-%m"):
        raise _malformed("period", "months in order and none in the future")
    purpose.check_period(grant.period)


def _malformed(field: str, detail: str) -> HuilianError:
    return HuilianError("INVALID_ARGUMENT", detail, field=field)


def _beyond(purpose: Purpose, limit: str, detail: str) -> HuilianError:
    return HuilianError("PURPOSE_LIMIT_EXCEEDED", detail, purpose=purpose.code, limit=limit)


def draft_artefact(
    consent_id: str,
    subject: str,
    terms: Terms,
    purpose: Purpose,
    recipient: RecipientKey,
    now: datetime,
    signer: str | None = None,
) -> Artefact:
    """The unsigned artefact for checked terms; `subject` is the person's network number at this hub, or a company's
    USCC; `signer` the delegate who is to sign for it.
    """
    grants = sorted(terms.datasets, key=lambda grant: grant.id)
    return Artefact(
        id=consent_id,
        subject=subject,
        recipient=recipient.named,
        purpose=protocol.Purpose(purpose.code, purpose.text_zh),
        datasets=tuple(DatasetGrant(grant.id, tuple(sorted(grant.fields)), grant.period) for grant in grants),
        max_reads=terms.max_reads,
        data_life_days=terms.data_life_days,
        valid_from=now.replace(microsecond=0),
        valid_until=terms.valid_until.replace(microsecond=0),
        legal_basis=purpose.legal_basis,
        evidence_level=EvidenceLevel.DEVICE_SIGNED,
        actions=tuple(sorted(terms.actions, key=lambda grant: grant.id)),
        signer=signer,
    )


def next_version(present: Artefact, draft: Artefact) -> Artefact:
    """The draft as the version that follows `present`.

    Raises ARTEFACT_INVALID when it is for another purpose or recipient: that is another consent, not an amendment.
    """
    if (draft.purpose.code, draft.recipient.id) != (present.purpose.code, present.recipient.id):
        raise HuilianError("ARTEFACT_INVALID", "an amendment keeps purpose and recipient")
    return replace(
        draft,
        subject=present.subject,
        signer=present.signer,
        version=present.version + 1,
        replaces=present.sha256,
    )


def agencies_of(terms: Terms, datasets: Mapping[str, Dataset], actions: Mapping[str, Action]) -> tuple[str, ...]:
    """The agencies that will answer or act under these terms; each needs the person's identity sealed to it."""
    reading = {datasets[grant.id].agency for grant in terms.datasets}
    return tuple(sorted(reading | {actions[grant.id].agency for grant in terms.actions}))
