"""Consents on behalf of others: a guardian for a child, an officer for a company."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.delegation import Basis, Delegation, Link, sign_guardianship
from huilian_protocol.guardianship import GuardianshipRequest, guardianship_info
from huilian_protocol.identity import Identity
from huilian_protocol.sealing import open_sealed, subject_info

from connectors.kit.sandbox_families import DEMO_CHILD
from tests.unit.mini_program_api.conftest import Api
from tests.unit.mini_program_api.test_citizen import (
    AUTHORITY,
    CONSENT,
    CONSENTS,
    EXCHANGE,
    IDENTITY,
    NAME,
    NUMBER,
    SALT,
    TAX,
    consent_form,
    offered,
)
from tests.unit.protocol.world import artefact_dict


async def test_a_guardian_consents_for_a_child_and_takes_the_delegation_back(api: Api) -> None:
    key = identity_pb.SealingKey(party_id="identity_authority", suite="xwing", public_key=AUTHORITY.public)
    api.hub.on(f"{IDENTITY}/GetKeySet", identity_pb.GetKeySetResponse(sealing_keys=[key]))
    document = guardianship().to_bytes()
    api.hub.on(f"{IDENTITY}/RequestGuardianship", identity_pb.RequestGuardianshipResponse(delegation=document))
    form = {
        "guardian": {"name": NAME, "resident_id": NUMBER, "salt": b64u_encode(SALT)},
        "ward": {"name": "林小满", "resident_id": DEMO_CHILD.person.resident_id},
        "grants": ["tax.income/v1"],
        "purposes": ["LOAN_APPLICATION"],
        "valid_until": "2026-05-01T08:00:00+08:00",
    }
    status, shown = await api.post("/guardianships", form, key=None)
    assert (status, shown["delegation"]) == (201, json.loads(document))
    info = guardianship_info(authority="identity_authority")
    asked = open_sealed(api.hub.asked[-1].request.sealed_request, AUTHORITY.private, info)
    request = GuardianshipRequest.from_bytes(asked)
    assert request.guardian == Identity(NAME, NUMBER, SALT)
    assert (request.ward.name, b64u_encode(request.ward.salt)) == ("林小满", shown["ward_salt"])
    api.hub.on(f"{CONSENTS}/PrepareConsent", consent_pb.PrepareConsentResponse(artefact=b"{}"))
    assert (await api.post("/consents", consent_form() | {"delegation": [shown["delegation"]]}))[0] == 201
    assert json.loads(api.hub.asked[-1].request.delegation) == [shown["delegation"]]
    ended = consent_pb.RevokeDelegationResponse(consent_ids=[CONSENT], delegation_sha256=b"d" * 32)
    api.hub.on(f"{CONSENTS}/RevokeDelegation", ended)
    status, shown = await api.post("/delegations/revocation", {"delegation": [shown["delegation"]]})
    assert (status, shown) == (200, {"consent_ids": [CONSENT], "delegation_sha256": b64u_encode(b"d" * 32)})
    status, problem = await api.post("/consents", consent_form() | {"delegation": [{"statement": {}}]})
    assert (status, problem["code"]) == (403, "DELEGATION_INVALID")


def guardianship() -> Link:
    statement = Delegation(
        id="guardianship-1",
        basis=Basis.GUARDIAN,
        delegator="net-child",
        delegate="net-parent",
        grants=("tax.income/v1",),
        purposes=("LOAN_APPLICATION",),
        valid_from=datetime(2026, 3, 1, tzinfo=UTC),
        valid_until=datetime(2026, 5, 1, tzinfo=UTC),
        identity_commitment=b"c" * 32,
    )
    return sign_guardianship(ec.generate_private_key(ec.SECP256R1()), statement)


async def test_a_companys_name_and_code_are_sealed_for_its_officer(api: Api) -> None:
    api.hub.on(f"{EXCHANGE}/ListDatasets", offered())
    uscc = "91449900MA0H00045F"
    raw = artefact_dict(datasets=[artefact_dict()["datasets"][1]]) | {"subject": uscc}
    text = json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    identity = {"name": "沙盒公司", "resident_id": uscc, "salt": b64u_encode(SALT)}
    form = {"artefact": b64u_encode(text), "identity": identity}
    status, shown = await api.post(f"/consents/{CONSENT}/sealed-subjects", form, key=None)
    assert status == 200
    info = subject_info(consent_id=CONSENT, subject=uscc, agency="tax")
    opened = Identity.from_bytes(open_sealed(b64u_decode(shown["sealed_subjects"]["tax"]), TAX.private, info))
    assert (opened.name, opened.resident_id) == ("沙盒公司", uscc)
