"""A consent as a record with the field names of ISO/IEC TS 27560:2023 (mapping: docs/consent-record.md). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from huilian_protocol.artefact import Artefact, DatasetGrant
from huilian_protocol.canonical import canonicalise
from huilian_protocol.clock import format_time
from huilian_protocol.purposes import Purpose

from hub.consent.revocations import Change, Notice
from hub.consent.states import State
from hub.consent.view import Consent

SCHEMA_VERSION = "ISO-IEC-TS-27560:2023"
JURISDICTION, LANGUAGE = "CN", "zh-CN"
# What kind of consent it is: a device signs the very text.
EXPLICIT = "explicit"
_EVENT_STATES = {
    Change.REVOKED: "withdrawn",
    Change.DATASET_REVOKED: "withdrawn_in_part",
    Change.PAUSED: "suspended",
    Change.RESUMED: "resumed",
    Change.AMENDED: "renewed",
}


def consent_record(consent: Consent, purpose: Purpose, notices: Sequence[Notice]) -> bytes:
    """The record as canonical JSON: header, processing, parties and every event so far."""
    artefact = consent.artefact
    return canonicalise(
        {
            "schema_version": SCHEMA_VERSION,
            "record_id": f"{artefact.id}/{artefact.version}",
            "pii_principal_id": artefact.subject,
            "pii_processing": {
                "privacy_notice": artefact.purpose.text,
                "language": LANGUAGE,
                "purposes": [_purpose(artefact, purpose, consent.stopped)],
            },
            "party_identification": _parties(artefact),
            "consent_state": consent.state.value,
            "events": _events(consent, notices),
        }
    )


def _purpose(artefact: Artefact, purpose: Purpose, stopped: frozenset[str]) -> dict[str, Any]:
    return {
        "purpose": purpose.text_en,
        "purpose_type": artefact.purpose.code,
        "lawful_basis": artefact.legal_basis,
        "pii_information": [_pii(grant) for grant in artefact.datasets if grant.id not in stopped],
        "pii_controllers": [artefact.recipient.id],
        "collection_method": "sealed by the data owner's edge to the recipient, under this consent",
        "processing_method": sorted(grant.id for grant in artefact.actions) or ["read"],
        "retention_period": f"P{artefact.data_life_days}D",
        "jurisdiction": JURISDICTION,
        "withdrawal_method": "huilian.consent.v1.ConsentService/RevokeConsent",
        "recipient_third_parties": [],
    }


def _pii(grant: DatasetGrant) -> dict[str, Any]:
    return {
        "pii_type": grant.id,
        "pii_attribute_id": list(grant.fields),
        "pii_optional": False,
        "sensitive_pii_category": True,
        "period": {"from": grant.period.from_month, "to": grant.period.to_month},
    }


def _parties(artefact: Artefact) -> list[dict[str, str]]:
    parties = [
        {"party_id": artefact.subject, "party_role": "pii_principal"},
        {"party_id": artefact.recipient.id, "party_role": "pii_controller"},
    ]
    if artefact.signer is not None:
        parties.append({"party_id": artefact.signer, "party_role": "representative"})
    return parties


def _events(consent: Consent, notices: Sequence[Notice]) -> list[dict[str, Any]]:
    artefact = consent.artefact
    given = [_event(artefact, consent.granted_at, "given", artefact.signed_by)] if consent.granted_at else []
    changes = [
        _event(artefact, notice.as_of, _EVENT_STATES[notice.change], artefact.signed_by, notice.dataset_id)
        for notice in notices
        if notice.change is not None
    ]
    # Nobody acts when time runs out, so there is no notice of it.
    ended = [_event(artefact, artefact.valid_until, "expired", "")] if consent.state is State.EXPIRED else []
    return sorted([*given, *changes, *ended], key=lambda event: str(event["event_time"]))


def _event(artefact: Artefact, at: datetime, state: str, entity: str, dataset: str = "") -> dict[str, Any]:
    event = {
        "event_time": format_time(at),
        "event_type": EXPLICIT,
        "event_state": state,
        "entity_id": entity,
        "validity_duration": format_time(artefact.valid_until),
    }
    return event | {"pii_type": dataset} if dataset else event
