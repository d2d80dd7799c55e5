"""Everybody around an edge, in one process: identity authority, hub, recipient, and people with their own device keys.

Nothing is faked: keys are real, consents are signed and sealed the way devices and hubs do it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.action import ActionParameters, parameters_info, result_info
from huilian_protocol.artefact import Artefact, DatasetGrant, EvidenceLevel, Period, Purpose, Recipient
from huilian_protocol.binding import commit_identity, issue_binding
from huilian_protocol.canonical import b64u_encode, parse_canonical
from huilian_protocol.clock import FixedClock
from huilian_protocol.consent import SignedConsent, countersign
from huilian_protocol.identity import Identity
from huilian_protocol.jose import thumbprint
from huilian_protocol.purposes import PurposeList
from huilian_protocol.sealing import (
    KeyPair,
    Suite,
    generate_keypair,
    key_id,
    open_sealed,
    payload_info,
    seal,
    subject_info,
)
from huilian_protocol.trust import ChainAnchor, TrustAnchors, TrustedHub
from huilian_protocol.webauthn import USER_PRESENT, USER_VERIFIED, Assertion

from connectors.kit.keys import SEALING_SUITE
from connectors.kit.requests import ActRequest, ReadAnswer, ReadRequest
from connectors.kit.sandbox_people import Person

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
RP_ID, ORIGIN, HUB_ORIGIN = "localhost", "https://localhost", "hub.acceptance"
PERIOD = Period("2025-07", "2026-10")
PURPOSE = "LOAN_APPLICATION"


def new_signing_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Device:
    """A person's device with the authority's binding of its key."""

    person: Person
    key: ec.EllipticCurvePrivateKey
    salt: bytes
    subject: str
    binding: str

    def sign(self, artefact: Artefact) -> Assertion:
        """A WebAuthn assertion over the artefact, user present and verified."""
        client = {"type": "webauthn.get", "challenge": b64u_encode(artefact.sha256), "origin": ORIGIN}
        client_data = json.dumps({**client, "crossOrigin": False}).encode()
        data = hashlib.sha256(RP_ID.encode()).digest() + bytes([USER_PRESENT | USER_VERIFIED]) + bytes(4)
        signed = data + hashlib.sha256(client_data).digest()
        return Assertion(data, client_data, self.key.sign(signed, ec.ECDSA(hashes.SHA256())))


@dataclass(frozen=True)
class World:
    """The trusted keys and the clock that everybody shares."""

    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    authority: ec.EllipticCurvePrivateKey = field(default_factory=new_signing_key)
    hub: ec.EllipticCurvePrivateKey = field(default_factory=new_signing_key)
    recipient: KeyPair = field(default_factory=lambda: generate_keypair(Suite.XWING))
    suite: Suite = Suite.XWING
    # Who signs for the keys of recipients, where the edge pins somebody.
    roots: Mapping[str, ec.EllipticCurvePublicKey] = field(default_factory=dict)

    def trust(self) -> TrustAnchors:
        """What the edge pins."""
        hub = TrustedHub(HUB_ORIGIN, _by_kid(self.hub), "unused", "0x" + "0" * 40)
        chain = ChainAnchor(1, "0x" + "0" * 40)
        roots = {name: {thumbprint(key): key} for name, key in self.roots.items()}
        return TrustAnchors(_by_kid(self.authority), "unused", (hub,), chain, RP_ID, ORIGIN, recipients=roots)

    def device(self, person: Person) -> Device:
        """A device that the authority bound to this person."""
        key, salt = new_signing_key(), os.urandom(32)
        subject = "net-" + hashlib.sha256(person.resident_id.encode()).hexdigest()[:24]
        binding = issue_binding(
            self.authority,
            issuer="identity_authority",
            subject=subject,
            device_key=key.public_key(),
            identity_commitment=commit_identity(person.name, person.resident_id, salt),
            issued_at=NOW - timedelta(days=30),
            expires_at=NOW + timedelta(days=700),
        )
        return Device(person, key, salt, subject, binding)

    def artefact(self, device: Device, dataset_id: str, fields: Sequence[str], **changes: Any) -> Artefact:
        """An artefact over one dataset, valid now, to a recipient of its purpose; `changes` replace its members."""
        purpose = changes.get("purpose", Purpose(PURPOSE, "验收测试"))
        recipients = {known.code: min(known.recipients) for known in PurposeList.published().all()}
        artefact = Artefact(
            id=f"consent-{os.urandom(8).hex()}",
            subject=device.subject,
            recipient=Recipient(recipients.get(purpose.code, "nobody"), key_id(self.recipient.public), self.suite),
            purpose=purpose,
            datasets=(DatasetGrant(dataset_id, tuple(sorted(fields)), PERIOD),),
            max_reads=3,
            data_life_days=30,
            valid_from=NOW - timedelta(hours=1),
            valid_until=NOW + timedelta(days=30),
            legal_basis="PIPL-13(1)(1)",
            evidence_level=EvidenceLevel.DEVICE_SIGNED,
        )
        return replace(artefact, **changes)

    def consent(self, device: Device, artefact: Artefact) -> SignedConsent:
        """The artefact signed by the device and countersigned by the hub."""
        assertion = device.sign(artefact)
        return SignedConsent(
            artefact, device.binding, assertion, countersign(self.hub, artefact, device.binding, assertion)
        )


def seal_subject(
    device: Device, artefact: Artefact, agency: str, agency_key: bytes, suite: Suite = SEALING_SUITE
) -> bytes:
    """The person's identity sealed to the agency under this consent."""
    identity = Identity(device.person.name, device.person.resident_id, device.salt)
    info = subject_info(consent_id=artefact.id, subject=artefact.subject, agency=agency)
    return seal(suite, agency_key, info, identity.to_bytes())


def seal_parameters(
    artefact: Artefact, parameters: ActionParameters, action: str, agency: str, request_id: str, agency_key: bytes
) -> bytes:
    """An action's parameters sealed to the agency for this request under this consent."""
    info = parameters_info(
        action=action, agency=agency, consent_id=artefact.id, request_id=request_id, subject=artefact.subject
    )
    return seal(SEALING_SUITE, agency_key, info, parameters.to_bytes())


def open_result(recipient: KeyPair, artefact: Artefact, request: ActRequest, answer: ReadAnswer) -> dict[str, Any]:
    """What the recipient reads of an action's result."""
    info = result_info(
        consent_sha256=artefact.sha256,
        purpose=artefact.purpose.code,
        action=request.action_id,
        recipient=artefact.recipient.id,
        request_id=request.request_id,
    )
    payload = parse_canonical(open_sealed(answer.envelope, recipient.private, info))
    assert isinstance(payload, dict)
    return payload


def open_answer(recipient: KeyPair, artefact: Artefact, request: ReadRequest, answer: ReadAnswer) -> dict[str, Any]:
    """What the recipient reads."""
    info = payload_info(
        consent_sha256=artefact.sha256,
        purpose=artefact.purpose.code,
        dataset=request.dataset_id,
        fields=request.fields,
        recipient=artefact.recipient.id,
        request_id=request.request_id,
    )
    payload = parse_canonical(open_sealed(answer.envelope, recipient.private, info))
    assert isinstance(payload, dict)
    return payload


def _by_kid(key: ec.EllipticCurvePrivateKey) -> dict[str, ec.EllipticCurvePublicKey]:
    return {thumbprint(key.public_key()): key.public_key()}
