"""Delegations: who may consent for somebody else, to what, how long, and whether they may pass it on.

A delegation is a statement with a proof. The first one of a chain names the subject of the data as its delegator and is
proved by whoever can speak for that subject: a person's bound device key (民法典 §161), a company's CA-certified
secp256k1 key, or, for a child, who has no device, the identity authority's word about the guardian (民法典 §27, PIPL
article 31). Each further one is signed by the delegate before it and can only narrow: grants, purposes, time, depth.
``depth`` counts the links that a chain may have from this one on: 1 lets the delegate consent but not delegate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.binding import Binding, verify_binding
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.certificate import verify_enterprise_certificate
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.confirmation import check_signature
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import MAX_TOKEN_CHARS, sign_jws, thumbprint, verify_jws
from huilian_protocol.strict import bytes_at, integer_at, list_at, matching_at, object_with, text_at
from huilian_protocol.subject import SubjectProof
from huilian_protocol.trust import TrustAnchors
from huilian_protocol.webauthn import Assertion, verify_assertion

__all__ = [
    "DEFAULT_DEPTH",
    "MAX_DEPTH",
    "Basis",
    "Delegation",
    "DeviceProof",
    "EnterpriseProof",
    "GuardianProof",
    "Link",
    "chain_from",
    "chain_to",
    "check_scope",
    "link_from",
    "sign_guardianship",
    "verify_chain",
]

TYPE = "huilian-delegation/v1"
GUARDIANSHIP_TYP = "huilian-guardianship+jwt"
DEFAULT_DEPTH, MAX_DEPTH = 1, 3
MAX_GRANTS, MAX_PURPOSES = 32, 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)
_KEYS = [
    "type",
    "id",
    "basis",
    "delegator",
    "delegate",
    "grants",
    "purposes",
    "valid_from",
    "valid_until",
    "depth",
    "parent",
    "identity_commitment",
]


class Basis(StrEnum):
    """Why the delegator may speak."""

    PERSON = "PERSON"
    COMPANY = "COMPANY"
    GUARDIAN = "GUARDIAN"


@dataclass(frozen=True)
class Delegation:
    """One statement. ``grants`` are ids of datasets and actions, ``purposes`` codes, both sorted; ``parent`` is the
    SHA-256 of the statement before it, None for the first; ``identity_commitment`` is the child's, for a guardian.
    """

    id: str
    basis: Basis
    delegator: str
    delegate: str
    grants: tuple[str, ...]
    purposes: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime
    depth: int = DEFAULT_DEPTH
    parent: bytes | None = None
    identity_commitment: bytes | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "type": TYPE,
            "id": self.id,
            "basis": self.basis.value,
            "delegator": self.delegator,
            "delegate": self.delegate,
            "grants": list(self.grants),
            "purposes": list(self.purposes),
            "valid_from": format_time(self.valid_from),
            "valid_until": format_time(self.valid_until),
            "depth": self.depth,
            "parent": _text(self.parent),
            "identity_commitment": _text(self.identity_commitment),
        }

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the canonical statement: what is signed, and the challenge of a device."""
        return sha256_canonical(self.to_dict())

    def narrows(self, earlier: Delegation) -> str | None:
        """What this one claims beyond ``earlier``, or None when it only narrows."""
        beyond = {
            "grants": set(self.grants) <= set(earlier.grants),
            "purposes": set(self.purposes) <= set(earlier.purposes),
            "time": earlier.valid_from <= self.valid_from and self.valid_until <= earlier.valid_until,
            "depth": self.depth < earlier.depth,
        }
        return next((name for name, within in beyond.items() if not within), None)


@dataclass(frozen=True, slots=True)
class DeviceProof:
    """A person's WebAuthn assertion over the statement, with the binding of the device key."""

    binding: str
    assertion: Assertion

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"binding": self.binding, "assertion": self.assertion.to_dict()}


@dataclass(frozen=True, slots=True)
class EnterpriseProof:
    """A company's r || s || v (65 bytes) over the statement's SHA-256, with the certificate of its key."""

    certificate: str
    signature: bytes

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"certificate": self.certificate, "signature": b64u_encode(self.signature)}


@dataclass(frozen=True, slots=True)
class GuardianProof:
    """The identity authority's JWS over the statement's SHA-256."""

    token: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"token": self.token}


@dataclass(frozen=True)
class Link:
    """A statement with the proof that its delegator made it."""

    statement: Delegation
    proof: DeviceProof | EnterpriseProof | GuardianProof

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"statement": self.statement.to_dict(), "proof": self.proof.to_dict()}

    def to_bytes(self) -> bytes:
        """The canonical JSON of a delegation document."""
        return canonicalise(self.to_dict())


def sign_guardianship(authority_key: ec.EllipticCurvePrivateKey, statement: Delegation) -> Link:
    """The identity authority's statement that ``delegate`` is the guardian of ``delegator``."""
    claims = {"statement_sha256": b64u_encode(statement.sha256)}
    token = sign_jws(authority_key, claims, GUARDIANSHIP_TYP, thumbprint(authority_key.public_key()))
    return Link(statement, GuardianProof(token))


def chain_to(links: Sequence[Link]) -> list[dict[str, Any]]:
    """The JSON form of a chain, as it travels in a signed consent."""
    return [link.to_dict() for link in links]


def chain_from(raw: Any) -> tuple[Link, ...]:
    """Read a chain of 1 to 3 links without verifying it; raises :class:`HuilianError` DELEGATION_INVALID."""
    try:
        return tuple(_read_link(item) for item in list_at({"delegation": raw}, "delegation", MAX_DEPTH, least=1))
    except (ValueError, TypeError) as error:
        raise _invalid(f"malformed: {error}") from error


def link_from(document: bytes) -> Link:
    """Read one delegation document without verifying it; raises :class:`HuilianError` DELEGATION_INVALID."""
    try:
        return chain_from([parse_canonical(document)])[0]
    except ValueError as error:
        raise _invalid(f"not canonical JSON: {error}") from error


def verify_chain(
    links: Sequence[Link], *, subject: str, delegate: str, trust: TrustAnchors, now: datetime
) -> SubjectProof:
    """Check a whole chain from the subject of the data to the delegate who consents: every proof, validity at ``now``,
    narrowing, depth. Returns how to recognise the subject. What the last link covers is :func:`check_scope`'s.

    Raises :class:`HuilianError` DELEGATION_INVALID with the link's number and what is wrong with it.
    """
    if not links:
        raise _invalid("no delegation")
    proof, expected, earlier = None, subject, None
    for number, link in enumerate(links, 1):
        try:
            found = _check_link(link, expected, earlier, trust, now)
        except HuilianError as error:
            raise _invalid(f"link {number}: {error.detail or error.code}") from error
        proof, expected, earlier = proof or found, link.statement.delegate, link.statement
    if expected != delegate:
        raise _invalid("the chain ends at somebody else")
    assert proof is not None, "there is at least one link"
    return proof


def check_scope(last: Delegation, grants: Sequence[str], purpose: str, valid_until: datetime) -> None:
    """Raises :class:`HuilianError` DELEGATION_INVALID unless the last link covers a consent to this."""
    beyond = sorted(set(grants) - set(last.grants))
    if beyond:
        raise _invalid(f"{beyond[0]} is not delegated")
    if purpose not in last.purposes:
        raise _invalid(f"purpose {purpose} is not delegated")
    if valid_until > last.valid_until:
        raise _invalid("the consent would outlive the delegation")


def _check_link(
    link: Link, delegator: str, earlier: Delegation | None, trust: TrustAnchors, now: datetime
) -> SubjectProof:
    statement = link.statement
    if statement.delegator != delegator:
        raise _invalid("made by somebody else")
    if statement.delegate == statement.delegator:
        raise _invalid("nobody is their own delegate")
    if statement.parent != (None if earlier is None else earlier.sha256):
        raise _invalid("it continues another chain")
    if earlier is not None:
        wider = statement.narrows(earlier)
        if wider is not None:
            raise _invalid(f"it widens {wider}")
        if statement.basis is not Basis.PERSON:
            raise _invalid("only a delegate passes a delegation on")
    if not statement.valid_from <= now < statement.valid_until:
        raise _invalid("not valid now")
    return _check_proof(link, trust, now)


def _check_proof(link: Link, trust: TrustAnchors, now: datetime) -> SubjectProof:
    statement, proof = link.statement, link.proof
    if isinstance(proof, DeviceProof) and statement.basis is Basis.PERSON:
        return SubjectProof(commitment=_check_device(statement, proof, trust, now).identity_commitment)
    if isinstance(proof, EnterpriseProof) and statement.basis is Basis.COMPANY:
        return _check_enterprise(statement, proof, trust, now)
    if isinstance(proof, GuardianProof) and statement.basis is Basis.GUARDIAN:
        return _check_guardian(statement, proof, trust)
    raise _invalid("the proof does not fit the basis")


def _check_device(statement: Delegation, proof: DeviceProof, trust: TrustAnchors, now: datetime) -> Binding:
    bound = verify_binding(proof.binding, trust.identity_authority_keys, now)
    if bound.subject != statement.delegator:
        raise _invalid("signed by somebody else's device")
    verify_assertion(proof.assertion, bound.device_key, statement.sha256, trust.rp_id, trust.origin)
    return bound


def _check_enterprise(
    statement: Delegation, proof: EnterpriseProof, trust: TrustAnchors, now: datetime
) -> SubjectProof:
    enterprise = verify_enterprise_certificate(proof.certificate, trust.enterprise_ca, now)
    if enterprise.uscc != statement.delegator:
        raise _invalid("signed by another company")
    try:
        check_signature(statement.sha256, proof.signature, enterprise.public_key)
    except ValueError as error:
        raise _invalid(str(error)) from error
    return SubjectProof(enterprise=enterprise)


def _check_guardian(statement: Delegation, proof: GuardianProof, trust: TrustAnchors) -> SubjectProof:
    claims = verify_jws(proof.token, trust.identity_authority_keys, GUARDIANSHIP_TYP, code="DELEGATION_INVALID")
    if claims != {"statement_sha256": b64u_encode(statement.sha256)}:
        raise _invalid("the authority signed something else")
    return SubjectProof(commitment=statement.identity_commitment)


def _read_link(raw: Any) -> Link:
    value = object_with(raw, ["proof", "statement"], "link")
    return Link(_read_statement(value["statement"]), _read_proof(value["proof"]))


def _read_statement(raw: Any) -> Delegation:
    value = object_with(raw, _KEYS, "delegation")
    if value["type"] != TYPE:
        raise ValueError("another type")
    statement = Delegation(
        id=matching_at(value, "id", _NAME),
        basis=Basis(text_at(value, "basis")),
        delegator=matching_at(value, "delegator", _NAME),
        delegate=matching_at(value, "delegate", _NAME),
        grants=_names_at(value, "grants", MAX_GRANTS),
        purposes=_names_at(value, "purposes", MAX_PURPOSES),
        valid_from=parse_time(text_at(value, "valid_from")),
        valid_until=parse_time(text_at(value, "valid_until")),
        depth=integer_at(value, "depth", 1, MAX_DEPTH),
        parent=None if value["parent"] is None else bytes_at(value, "parent", hashlib.sha256().digest_size),
        identity_commitment=None
        if value["identity_commitment"] is None
        else bytes_at(value, "identity_commitment", hashlib.sha256().digest_size),
    )
    if (statement.basis is Basis.GUARDIAN) != (statement.identity_commitment is not None):
        raise ValueError("exactly a guardian's statement commits to who the child is")
    return statement


def _read_proof(raw: Any) -> DeviceProof | EnterpriseProof | GuardianProof:
    if not isinstance(raw, dict):
        raise ValueError("the proof is no object")
    if "assertion" in raw:
        value = object_with(raw, ["assertion", "binding"], "proof")
        return DeviceProof(text_at(value, "binding", most=MAX_TOKEN_CHARS), Assertion.from_dict(value["assertion"]))
    if "certificate" in raw:
        value = object_with(raw, ["certificate", "signature"], "proof")
        return EnterpriseProof(text_at(value, "certificate", most=16_384), b64u_decode(text_at(value, "signature")))
    return GuardianProof(text_at(object_with(raw, ["token"], "proof"), "token", most=MAX_TOKEN_CHARS))


def _names_at(value: dict[str, Any], key: str, most: int) -> tuple[str, ...]:
    names = list_at(value, key, most, least=1)
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names) or names != sorted(set(names)):
        raise ValueError(f"{key} are not sorted, unique names")
    return tuple(names)


def _text(digest: bytes | None) -> str | None:
    return None if digest is None else b64u_encode(digest)


def _invalid(reason: str) -> HuilianError:
    return HuilianError("DELEGATION_INVALID", reason, reason=reason)
