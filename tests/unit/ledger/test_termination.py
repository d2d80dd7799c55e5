"""Termination receipts as files: what the offline verifier finds in them, and what it refuses."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.jose import sign_jws, thumbprint
from huilian_protocol.termination import Ending, issue_termination
from huilian_protocol.trust import TrustAnchors

from ledger.verify import Verdict, verify_bytes
from tests.unit.protocol import world
from tests.unit.protocol.test_endings import CONSENT, ended

TRUST = TrustAnchors.from_dict(world.trust_dict())
RECEIPT = issue_termination(world.HUB, ended(), CONSENT)


def checked(data: bytes) -> Verdict:
    return verify_bytes(data, TRUST, world.NOW + timedelta(days=4_000))


def reason(data: bytes) -> str:
    verdict = checked(data)
    assert (verdict.kind, verdict.ok) == ("termination", False)
    return verdict.checks[0].reason


def signed(body: dict[str, Any], key: Any = world.HUB) -> bytes:
    """What a hub signs, whatever it says."""
    claims = {"termination_sha256": b64u_encode(sha256_canonical(body))}
    token = sign_jws(key, claims, "huilian-termination+jwt", thumbprint(key.public_key()))
    return canonicalise({**body, "signature": token})


def body(**statement: Any) -> dict[str, Any]:
    value = {key: item for key, item in parse_canonical(RECEIPT).items() if key != "signature"}
    return {**value, "statement": {**value["statement"], **statement}}


def test_a_good_one_says_how_it_ended_and_by_when_nothing_is_left() -> None:
    verdict = checked(RECEIPT)
    assert (verdict.kind, verdict.ok, [check.name for check in verdict.checks]) == (
        "termination",
        True,
        ["termination"],
    )
    told = verdict.checks[0].reason
    assert "REVOKED" in told and "after 2 reads" in told and "2026-03-03" in told


@pytest.mark.parametrize("ending", [Ending.REJECTED, Ending.EXPIRED])
def test_what_was_never_granted_can_only_be_rejected_or_expire(ending: Ending) -> None:
    assert checked(issue_termination(world.HUB, ended(ending=ending), None)).ok
    assert "never granted" in reason(issue_termination(world.HUB, ended(), None))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"reads": {}}, "exactly the granted datasets"),
        ({"reads": dict.fromkeys(ended().reads, world.artefact().max_reads + 1)}, "more reads than were granted"),
        ({"version": 2}, "another one"),
        ({"consent_id": "consent-other"}, "another one"),
        ({"artefact_sha256": b64u_encode(bytes(32))}, "another one"),
        ({"ending": "FORGOTTEN"}, "FORGOTTEN"),
        ({"deletion_due": "2026-01-01T00:00:00Z"}, "before the end"),
        ({"more": 1}, "unknown or missing keys"),
    ],
)
def test_a_hub_cannot_sign_what_contradicts_the_consent_inside(change: dict[str, Any], why: str) -> None:
    assert why in reason(signed(body(**change)))


def test_only_a_pinned_hub_ends_a_consent_and_only_as_it_signed() -> None:
    assert "unknown key" in reason(signed(body(), world.STRANGER))
    other = parse_canonical(RECEIPT) | {"statement": body(version=2)["statement"]}
    assert "something else" in reason(canonicalise(other))
    assert "canonical" in reason(json.dumps(parse_canonical(RECEIPT), indent=1).encode())
