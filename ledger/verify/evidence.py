"""Evidence inside a receipt: a buyer's confirmation, a person's consent or contract, an edge's signature."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from huilian_protocol.action import TYP as ACTION_TYP
from huilian_protocol.answer import TYP as ANSWER_TYP
from huilian_protocol.binding import verify_binding
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.confirmation import ReceivableConfirmation, verify_confirmation
from huilian_protocol.consent import verify_evidence
from huilian_protocol.jose import verify_jws
from huilian_protocol.termination import verify_termination
from huilian_protocol.trust import TrustAnchors, TrustedAgency
from huilian_protocol.webauthn import Assertion, verify_assertion

from ledger.verify.verdict import CheckFailed, require

_MAX_CLOCK_SKEW_S = 300


def _sha256(evidence: Mapping[str, Any]) -> str:
    return b64u_encode(sha256_canonical(dict(evidence)))


_SHA256_OF_NONE = _sha256({})


def check_evidence(record: Mapping[str, Any], evidence: Mapping[str, Any], trust: TrustAnchors) -> str:
    """Check that the evidence is the recorded one and proves what it claims; return what it shows.

    Raises `CheckFailed`, or HuilianError of the format that is wrong.
    """
    recorded = _sha256(evidence) if evidence else _SHA256_OF_NONE
    require(record.get("evidence_sha256") == recorded, "the evidence is not the one that was recorded")
    check = _CHECKS.get(frozenset(evidence))
    if check is None:
        raise CheckFailed(f"unknown kind of evidence: {', '.join(sorted(evidence))}")
    return check(record, evidence, trust)


def _nothing(record: Mapping[str, Any], _evidence: Mapping[str, Any], _trust: TrustAnchors) -> str:
    # A confirmation without the buyer's signature would be only the hub's word for it.
    require(record.get("type") != "receivable.confirmed", "a confirmation without the buyer's signature")
    return "none attached; the record is the hub's own statement"


def _confirmation(record: Mapping[str, Any], evidence: Mapping[str, Any], trust: TrustAnchors) -> str:
    message = ReceivableConfirmation.from_dict(evidence["confirmation"])
    buyer = verify_confirmation(
        message, b64u_decode(evidence["signature"]), evidence["certificate"], trust.enterprise_ca
    )
    pinned = trust.knows_chain(message.chain_id, message.verifying_contract)
    require(pinned, "the confirmation is for another chain or contract")
    _require_same(message.to_dict(), record["content"])
    recorded = parse_time(record["recorded_at"]).timestamp()
    require(message.confirmed_at <= recorded + _MAX_CLOCK_SKEW_S, "confirmed after it was recorded")
    return f"EIP-712 confirmation by {buyer.uscc}, whose key the enterprise CA certifies"


def _consent(record: Mapping[str, Any], evidence: Mapping[str, Any], trust: TrustAnchors) -> str:
    consent = verify_evidence(b64u_decode(evidence["signed_consent"]), trust, parse_time(record["recorded_at"]))
    signed = b64u_encode(consent.artefact.sha256)
    _require_same({"consent_id": consent.artefact.id, "artefact_sha256": signed}, record["content"])
    return f"consent {consent.artefact.id}, signed by a device that the identity authority vouches for"


def _contract(record: Mapping[str, Any], evidence: Mapping[str, Any], trust: TrustAnchors) -> str:
    signed = b64u_decode(evidence["contract"])
    contract, content = parse_canonical(signed), record["content"]
    recorded = parse_time(record["recorded_at"])
    device = verify_binding(evidence["binding"], trust.identity_authority_keys, recorded)
    require(device.subject == contract["borrower"], "the contract was signed by somebody else's device")
    assertion = Assertion.from_dict(evidence["assertion"])
    verify_assertion(assertion, device.device_key, hashlib.sha256(signed).digest(), trust.rp_id, trust.origin)
    stated = {key: contract[key] for key in ("borrower", "principal_fen", "currency", "terms")}
    _require_same({**stated, "loan_id": contract["application_id"]}, content)
    return "loan contract signed by the borrower's device, for which the identity authority vouches"


def _answer(record: Mapping[str, Any], evidence: Mapping[str, Any], trust: TrustAnchors) -> str:
    content = dict(record["content"])
    fields, dataset = content["fields"], content["dataset"]
    texts = isinstance(fields, list) and all(isinstance(item, str) for item in [*fields, dataset])
    require(texts, "the record's dataset or fields are no texts")
    content["fields"] = sorted(fields)
    # A dataset's id begins with the id of the agency that owns it; an edge can sign for its own only.
    name = dataset.partition(".")[0]
    agency = trust.agencies.get(name)
    claims = _edge_claims(evidence["edge_signature"], agency, ANSWER_TYP)
    _require_same({key: claims[key] for key in ("request_id", "consent_sha256", "dataset", "fields")}, content)
    if agency is None:
        return f"the edge's signature names this request; no key of {name} is pinned to check it"
    return f"the pinned key of {name}'s edge signed the answer to this request"


def _deed(record: Mapping[str, Any], evidence: Mapping[str, Any], trust: TrustAnchors) -> str:
    content = record["content"]
    require(isinstance(content["action"], str), "the record's action is no text")
    # An action's id begins with the id of the agency that does it.
    name = content["action"].partition(".")[0]
    agency = trust.agencies.get(name)
    claims = _edge_claims(evidence["action_signature"], agency, ACTION_TYP)
    _require_same({key: claims[key] for key in ("request_id", "consent_sha256", "action")}, content)
    if agency is None:
        return f"the edge's signature names this order; no key of {name} is pinned to check it"
    return f"the pinned key of {name}'s edge signed the result of this order"


def _edge_claims(token: str, agency: TrustedAgency | None, typ: str) -> dict[str, Any]:
    if agency is not None:
        return verify_jws(token, agency.signing_keys, typ, code="PROVIDER_FAULT")
    parts = token.split(".")
    require(len(parts) == 3, "the edge's signature is malformed")
    claims = parse_canonical(b64u_decode(parts[1]))
    require(isinstance(claims, dict), "the edge's signature is malformed")
    return dict(claims)


def _require_same(stated: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    for key, value in stated.items():
        # Canonical bytes: Python takes true for 1, other readers of the same receipt do not.
        alike = key in content and canonicalise(content[key]) == canonicalise(value)
        require(alike, f"the record states another {key} than the evidence")


_CHECKS: dict[frozenset[str], Callable[[Mapping[str, Any], Mapping[str, Any], TrustAnchors], str]] = {
    frozenset(): _nothing,
    frozenset({"confirmation", "signature", "certificate"}): _confirmation,
    frozenset({"signed_consent"}): _consent,
    frozenset({"edge_signature"}): _answer,
    frozenset({"action_signature"}): _deed,
    frozenset({"assertion", "binding", "contract"}): _contract,
}


def check_consent(data: bytes, trust: TrustAnchors, now: datetime) -> str:
    """Check a signed consent by itself: its signatures as of a moment when it was valid, and where it stands now."""
    value = parse_canonical(data)
    valid_from, valid_until = (parse_time(value["artefact"][key]) for key in ("valid_from", "valid_until"))
    at = max(valid_from, now) if now < valid_until else valid_from
    consent = verify_evidence(data, trust, at.astimezone(UTC))
    standing = "valid" if at == now else ("expired" if now >= valid_until else "not yet valid")
    return f"consent {consent.artefact.id}: device, authority and hub signed it; today it is {standing}"


def check_termination(data: bytes, trust: TrustAnchors) -> str:
    """Check a termination receipt by itself: the hub's signature and the consent inside."""
    ended = verify_termination(data, trust)
    due, reads = format_time(ended.deletion_due), sum(ended.reads.values())
    how = f"{ended.ending.value} at {format_time(ended.ended_at)} after {reads} reads"
    return f"consent {ended.consent_id}, version {ended.version}: {how}; nothing may be left after {due}"
