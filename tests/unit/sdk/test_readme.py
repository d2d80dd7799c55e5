"""The README is true: its Python runs against a hub in memory, its commands and paths exist."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian.consent.v1 import consent_service_pb2
from huilian.exchange.v1 import exchange_service_pb2
from huilian.identity.v1 import identity_service_pb2
from huilian.ledger.v1 import ledger_service_pb2
from huilian.onboarding.v1 import account_opening_service_pb2
from huilian.receivables.v1 import receivable_service_pb2
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair
from huilian_protocol.signers import OpeningSubmission, verify_statement
from huilian_sdk import Huilian, Keystore, Person, SoftwareAuthenticator, cli, keystore

from tests.unit.protocol.world import BUYER_USCC, NAME, ORIGIN, RESIDENT_ID, RP_ID, trust_dict
from tests.unit.sdk.fake_hub import FakeHub
from tests.unit.sdk.test_facades import confirming_hub, receivable
from tests.unit.sdk.test_tokens import ISSUE

SDK = Path(__file__).parents[3] / "sdk"
README = (SDK / "README.md").read_text("utf-8")
KEYS = generate_keypair(Suite.XWING)


def example(number: int) -> dict[str, Any]:
    """What the README's Python block defines."""
    defined: dict[str, Any] = {}
    block = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[number]
    exec(compile(block, "README.md", "exec"), defined)
    return defined


async def test_the_enterprise_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keystore, "SCRYPT_N", 2**8)
    Keystore.generate(BUYER_USCC, "核心企业").save("keys.json", "secret")
    matched = receivable(state=receivable_service_pb2.RECEIVABLE_STATE_MATCHED)
    draft = receivable(receivable_id="rcv-00000002", state=receivable_service_pb2.RECEIVABLE_STATE_DRAFT)
    hub = confirming_hub(matched)
    hub.on(ISSUE, identity_service_pb2.IssueTokenResponse(access_token="token"))
    services = "huilian.receivables.v1.ReceivableService"
    hub.on(f"{services}/SyncTradeDocuments", receivable_service_pb2.SyncTradeDocumentsResponse())
    hub.on(f"{services}/ListReceivables", receivable_service_pb2.ListReceivablesResponse(receivables=[draft, matched]))
    hub.on("huilian.ledger.v1.LedgerService/GetReceipt", ledger_service_pb2.GetReceiptResponse(receipt=b"{}"))
    monkeypatch.setattr(Huilian, "connect", lambda target, *, signer, **rest: hub.client(signer=signer))
    await example(0)["confirm_what_matches"]("hub:1", "hub.huilian.example", b"", "secret")
    assert set(os.listdir(tmp_path)) == {"keys.json", "rcv-00000001.receipt.json"}


async def test_the_opening_example_runs() -> None:
    [number] = [
        n for n, block in enumerate(re.findall(r"```python\n(.*?)```", README, re.DOTALL)) if "openings" in block
    ]
    hub, service = FakeHub(), "huilian.onboarding.v1.AccountOpeningService"
    opening = account_opening_service_pb2.Opening(
        application_id="opening-0001",
        uscc=BUYER_USCC,
        next_submission=1,
        reasons=[account_opening_service_pb2.OpeningReason(code="DOCUMENT_MISSING", text_zh="缺少公司章程，请上传")],
    )
    for name in ("StartOpening", "UploadOpeningDocument", "SubmitOpening"):
        hub.on(f"{service}/{name}", getattr(account_opening_service_pb2, f"{name}Response")(opening=opening))
    key, licence = ec.generate_private_key(ec.SECP256R1()), b"%PDF-1.7 %%EOF"
    assert await example(number)["hand_in"](hub.client(), key, "沙盒赵安", {1: licence}) == ["缺少公司章程，请上传"]
    sent = hub.asked[-1].request
    assert sent.legal_person_commitment == hashlib.sha256(sent.salt + "沙盒赵安".encode()).digest()
    digests = {"BUSINESS_LICENCE": hashlib.sha256(licence).digest()}
    signed = OpeningSubmission(BUYER_USCC, "opening-0001", 1, "", digests)
    verify_statement(key.public_key(), signed, sent.signature)


def write_trust(path: Path) -> None:
    pinned = [SealingKey(Suite.XWING, KEYS.public).to_dict()]
    agencies = {"housing_fund": {"sealing_keys": pinned, "signing_keys": {"keys": []}}}
    path.write_text(json.dumps(trust_dict() | {"agencies": agencies, "identity_authority_sealing_keys": pinned}))


async def test_the_persons_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_trust(tmp_path / "trust-anchors.json")
    hub, blocks = FakeHub(), example(1)
    person, device = Person.create(NAME, RESIDENT_ID), SoftwareAuthenticator.generate(rp_id=RP_ID, origin=ORIGIN)
    key = identity_service_pb2.SealingKey(party_id="identity_authority", suite="xwing", public_key=KEYS.public)
    identity = "huilian.identity.v1.IdentityService"
    hub.on(f"{identity}/GetKeySet", identity_service_pb2.GetKeySetResponse(sealing_keys=[key]))
    hub.on(f"{identity}/RegisterPerson", identity_service_pb2.RegisterPersonResponse(subject="wh-00000001"))
    agency = exchange_service_pb2.Agency(
        agency_id="housing_fund", sealing_suite="xwing", sealing_public_key=KEYS.public
    )
    datasets = exchange_service_pb2.ListDatasetsResponse(agencies=[agency])
    hub.on("huilian.exchange.v1.ExchangeService/ListDatasets", datasets)
    hub.on("huilian.identity.v1.TokenService/CreateChallenge", identity_service_pb2.CreateChallengeResponse())
    hub.on(ISSUE, identity_service_pb2.IssueTokenResponse(access_token="token"))
    consents = "huilian.consent.v1.ConsentService"
    prepared = consent_service_pb2.PrepareConsentResponse(
        artefact=b"{}", challenge=bytes(32), agency_ids=["housing_fund"]
    )
    hub.on(f"{consents}/PrepareConsent", prepared)
    granted = consent_service_pb2.Consent(consent_id="consent-00000001")
    hub.on(f"{consents}/GrantConsent", consent_service_pb2.GrantConsentResponse(consent=granted))

    signed_in = await blocks["register"](hub.client(), person, device)
    until = datetime(2026, 9, 1, tzinfo=UTC)
    assert await blocks["grant"](signed_in, person, device, "wh-00000001", until) == "consent-00000001"
    assert [sealed.agency_id for sealed in hub.asked[-1].request.sealed_subjects] == ["housing_fund"]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"huilian ((?:\w+ )+)", README.replace("\n", " ")))))
def test_commands_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in command.split() if word not in ("from", "is")]
    with pytest.raises(SystemExit) as caught:
        cli.main([*words, "--help"])
    assert caught.value.code == 0


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (SDK / link).resolve().exists()
