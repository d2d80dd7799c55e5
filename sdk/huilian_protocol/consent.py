"""Signed consents: an artefact with the person's device signature, the key binding and the hub's countersignature.

A signed consent is the canonical JSON ``{"artefact", "binding", "assertion", "countersignature"}``. The assertion's
challenge is the SHA-256 of the canonical artefact; the countersignature is a JWS of type ``huilian-consent+jwt`` over
the three hashes, so neither the hub alone nor the person's device alone can make or change a consent. A delegate's
consent carries the chain of delegations (``"delegation"``) as well, whose hash the countersignature then covers too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.artefact import Artefact, DatasetGrant, EvidenceLevel, Period, Purpose, Recipient, parse_artefact
from huilian_protocol.binding import Binding, verify_binding
from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.delegation import Link, chain_from, chain_to, check_scope, verify_chain
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import MAX_TOKEN_CHARS, sign_jws, thumbprint, verify_jws
from huilian_protocol.strict import object_with, text_at
from huilian_protocol.subject import SubjectProof
from huilian_protocol.trust import TrustAnchors
from huilian_protocol.webauthn import Assertion, verify_assertion

__all__ = [
    "Artefact",
    "DatasetGrant",
    "EvidenceLevel",
    "Period",
    "Purpose",
    "Recipient",
    "SignedConsent",
    "VerifiedConsent",
    "countersign",
    "parse_artefact",
    "parse_signed_consent",
    "verify_countersignature",
    "verify_delegation",
    "verify_device_signature",
    "verify_evidence",
    "verify_signed_consent",
]

TYP = "huilian-consent+jwt"
MAX_CONSENT_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class SignedConsent:
    """The parts of a signed consent as they came, not yet verified; ``delegation`` is empty where the subject signs."""

    artefact: Artefact
    binding: str
    assertion: Assertion
    countersignature: str
    delegation: tuple[Link, ...] = ()

    def to_bytes(self) -> bytes:
        """The canonical JSON that is stored, forwarded and put into evidence."""
        value = {
            "artefact": self.artefact.to_dict(),
            "assertion": self.assertion.to_dict(),
            "binding": self.binding,
            "countersignature": self.countersignature,
        }
        return canonicalise(value | {"delegation": chain_to(self.delegation)} if self.delegation else value)


@dataclass(frozen=True, slots=True)
class VerifiedConsent:
    """A consent whose signatures and validity were checked: the binding of whoever signed, how to recognise whom the
    data is about, and the SHA-256 of each delegation that lies between the two.
    """

    artefact: Artefact
    binding: Binding
    subject: SubjectProof
    delegations: tuple[bytes, ...] = ()

    @property
    def is_delegated(self) -> bool:
        """Whether somebody else than the subject signed."""
        return bool(self.delegations)


def countersign(
    hub_key: ec.EllipticCurvePrivateKey,
    artefact: Artefact,
    binding: str,
    assertion: Assertion,
    delegation: Sequence[Link] = (),
) -> str:
    """The hub's countersignature; the ``kid`` is the key's thumbprint."""
    hashes = _hashes(artefact, binding, assertion, delegation)
    return sign_jws(hub_key, hashes, TYP, thumbprint(hub_key.public_key()))


def parse_signed_consent(data: bytes) -> SignedConsent:
    """Read a signed consent without verifying it.

    Raises :class:`HuilianError` ARTEFACT_INVALID for a malformed artefact or consent, ASSERTION_INVALID for a malformed
    assertion and DELEGATION_INVALID for a malformed chain.
    """
    try:
        if len(data) > MAX_CONSENT_BYTES:
            raise ValueError("too large")
        raw = parse_canonical(data)
        delegated = ["delegation"] if isinstance(raw, dict) and "delegation" in raw else []
        value = object_with(raw, ["artefact", "assertion", "binding", "countersignature", *delegated], "consent")
        binding = text_at(value, "binding", most=MAX_TOKEN_CHARS)
        countersignature = text_at(value, "countersignature", most=MAX_TOKEN_CHARS)
    except (ValueError, TypeError) as error:
        raise HuilianError("ARTEFACT_INVALID", f"signed consent: {error}") from error
    artefact = parse_artefact(_object(value["artefact"]))
    chain = chain_from(value["delegation"]) if delegated else ()
    return SignedConsent(artefact, binding, _assertion(value["assertion"]), countersignature, chain)


def verify_device_signature(
    artefact: Artefact,
    binding: str,
    assertion: Assertion,
    trust: TrustAnchors,
    now: datetime,
) -> Binding:
    """Check that its signer signed exactly this artefact with a device key that an identity authority vouches for.

    This is what the hub checks before it countersigns. Raises :class:`HuilianError` EVIDENCE_LEVEL_TOO_LOW,
    BINDING_INVALID, SUBJECT_MISMATCH (the binding is somebody else's), ARTEFACT_TAMPERED (something else was signed)
    or ASSERTION_INVALID.
    """
    if artefact.evidence_level is not EvidenceLevel.DEVICE_SIGNED:
        required = EvidenceLevel.DEVICE_SIGNED.value
        raise HuilianError("EVIDENCE_LEVEL_TOO_LOW", "this form of consent is device-signed", required=required)
    bound = verify_binding(binding, trust.identity_authority_keys, now)
    if bound.subject != artefact.signed_by:
        raise HuilianError("SUBJECT_MISMATCH", "the binding belongs to another subject")
    if _challenge(assertion) != b64u_encode(artefact.sha256):
        raise HuilianError("ARTEFACT_TAMPERED", "the device signed something else")
    verify_assertion(assertion, bound.device_key, artefact.sha256, trust.rp_id, trust.origin)
    return bound


def verify_delegation(
    artefact: Artefact, delegation: Sequence[Link], bound: Binding, trust: TrustAnchors, now: datetime
) -> SubjectProof:
    """How to recognise the subject: by the signer's own binding, or by the chain of delegations that leads to them.

    Raises :class:`HuilianError` DELEGATION_INVALID for a chain that does not hold at ``now``, covers less than the
    artefact, is missing, or stands where nobody delegated.
    """
    if artefact.signer is None:
        if delegation:
            raise HuilianError("DELEGATION_INVALID", reason="the subject signs, nobody delegated")
        return SubjectProof(commitment=bound.identity_commitment)
    subject = verify_chain(delegation, subject=artefact.subject, delegate=artefact.signer, trust=trust, now=now)
    check_scope(delegation[-1].statement, sorted(artefact.grant_ids), artefact.purpose.code, artefact.valid_until)
    return subject


def verify_countersignature(consent: SignedConsent, trust: TrustAnchors) -> None:
    """Raises :class:`HuilianError` COUNTERSIGNATURE_INVALID unless a trusted hub countersigned exactly these
    parts.
    """
    code = "COUNTERSIGNATURE_INVALID"
    claims = verify_jws(consent.countersignature, trust.hub_signing_keys(), TYP, code=code)
    if claims != _hashes(consent.artefact, consent.binding, consent.assertion, consent.delegation):
        raise HuilianError(code, "the countersignature is over something else")


def verify_evidence(data: bytes, trust: TrustAnchors, now: datetime) -> VerifiedConsent:
    """Verify everything that a signed consent proves by itself, at the instant ``now``; revocation and quota are the
    edge's own.

    Raises :class:`HuilianError` as :func:`parse_signed_consent`, :func:`verify_device_signature`,
    :func:`verify_delegation` and :func:`verify_countersignature` do, and CONSENT_NOT_YET_VALID or CONSENT_EXPIRED.
    """
    consent = parse_signed_consent(data)
    bound = verify_device_signature(consent.artefact, consent.binding, consent.assertion, trust, now)
    subject = verify_delegation(consent.artefact, consent.delegation, bound, trust, now)
    verify_countersignature(consent, trust)
    consent.artefact.check_valid_at(now)
    delegations = tuple(link.statement.sha256 for link in consent.delegation)
    return VerifiedConsent(consent.artefact, bound, subject, delegations)


def verify_signed_consent(data: bytes, trust: TrustAnchors, now: datetime) -> Artefact:
    """The artefact of a signed consent that :func:`verify_evidence` accepts; raises as it does."""
    return verify_evidence(data, trust, now).artefact


def _hashes(artefact: Artefact, binding: str, assertion: Assertion, delegation: Sequence[Link]) -> dict[str, str]:
    hashes = {
        "artefact_sha256": b64u_encode(artefact.sha256),
        "assertion_sha256": b64u_encode(sha256_canonical(assertion.to_dict())),
        "binding_sha256": b64u_encode(hashlib.sha256(binding.encode("utf-8")).digest()),
    }
    if delegation:
        hashes["delegation_sha256"] = b64u_encode(sha256_canonical(chain_to(delegation)))
    return hashes


def _challenge(assertion: Assertion) -> Any:
    try:
        return assertion.client_data().get("challenge")
    except ValueError as error:
        raise HuilianError("ASSERTION_INVALID", f"client data: {error}") from error


def _assertion(raw: Any) -> Assertion:
    try:
        return Assertion.from_dict(raw)
    except ValueError as error:
        raise HuilianError("ASSERTION_INVALID", str(error)) from error


def _object(raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise HuilianError("ARTEFACT_INVALID", "the artefact is no object")
    return raw
