"""The screens for opening an account, and for a company's signers."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian.common.v1 import common_pb2
from huilian.onboarding.v1 import account_opening_service_pb2 as pb
from huilian.onboarding.v1 import onboarding_service_pb2 as signers_pb
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.jose import public_key_to_jwk

from mini_program_api.app import create_app
from mini_program_api.openapi import specification
from tests.unit.mini_program_api.conftest import KEY, Api
from tests.unit.sdk.fake_hub import FakeHub

POWERS = [signers_pb.SIGNING_POWER_FINANCE, signers_pb.SIGNING_POWER_TRANSFER]
OPENINGS = "huilian.onboarding.v1.AccountOpeningService"
ONBOARDING = "huilian.onboarding.v1.OnboardingService"
LICENCE = pb.OPENING_DOCUMENT_KIND_BUSINESS_LICENCE
ONE = "/account-openings/opening-0001"
USCC = "91350100M000100Y43"
JWK = dict(public_key_to_jwk(ec.derive_private_key(5, ec.SECP256R1()).public_key()))
OPENING = pb.Opening(
    application_id="opening-0001",
    uscc=USCC,
    state=pb.OPENING_STATE_BOOKED,
    reasons=[
        pb.OpeningReason(
            code="DOCUMENT_MISSING", kind=pb.OPENING_DOCUMENT_KIND_ARTICLES, text_zh="缺少公司章程", text_en="missing"
        )
    ],
    documents=[pb.OpeningDocument(kind=LICENCE, media_type="application/pdf", size_bytes=9, sha256=bytes(32))],
    next_submission=2,
    visit=pb.OpeningVisit(branch_code="SB01", day="2026-03-03", slot="09:00", queue_number="SB01-0303-0900-1"),
)


async def post_file(api: Api, path: str, content: bytes, media_type: str) -> tuple[int, Any]:
    headers = {"Authorization": "Bearer t", "Idempotency-Key": KEY, "Content-Type": media_type}
    async with api.client.post(f"/api/v1{path}", data=content, headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def test_from_the_requirements_to_the_visit(api: Api) -> None:
    needed = pb.OpeningRequirement(
        kind=pb.OPENING_DOCUMENT_KIND_BUSINESS_LICENCE, name_zh="营业执照", media_types=["image/png"], most_bytes=9
    )
    api.hub.on(f"{OPENINGS}/ListOpeningRequirements", pb.ListOpeningRequirementsResponse(requirements=[needed]))
    _, listed = await api.get("/opening-requirements", token="")
    assert listed["requirements"][0]["kind"] == "BUSINESS_LICENCE"
    for name in ("StartOpening", "GetOpening", "SubmitOpening", "WithdrawOpening", "BookVisit", "CancelVisit"):
        api.hub.on(f"{OPENINGS}/{name}", getattr(pb, f"{name}Response")(opening=OPENING))
    api.hub.on(f"{OPENINGS}/ListOpenings", pb.ListOpeningsResponse(openings=[OPENING]))
    status, started = await api.post("/account-openings", {"application_id": "opening-0001"})
    assert (status, started["state"], started["visit"]["queue_number"]) == (201, "BOOKED", "SB01-0303-0900-1")
    assert (started["reasons"][0]["kind"], started["documents"][0]["kind"]) == ("ARTICLES", "BUSINESS_LICENCE")
    assert (await api.get("/account-openings"))[1]["openings"] == [started]
    assert (await api.get(ONE))[1] == started
    handed_in = {"legal_person_commitment": "A" * 43, "salt": "A" * 43, "signature": b64u_encode(bytes(64))}
    assert (await api.post(f"{ONE}/submission", handed_in))[1] == started
    assert api.hub.asked[-1].request.salt == bytes(32)
    slot = pb.OpeningBranch(branch_code="SB01", slots=[pb.OpeningSlot(slot="09:00", free=2)])
    api.hub.on(f"{OPENINGS}/ListOpeningSlots", pb.ListOpeningSlotsResponse(branches=[slot]))
    _, free = await api.get("/opening-slots?day=2026-03-03")
    assert free["branches"][0]["slots"] == [{"slot": "09:00", "free": 2}]
    visit = {"branch_code": "SB01", "day": "2026-03-03", "slot": "09:00"}
    assert (await api.post(f"{ONE}/visit", visit))[1] == started
    assert api.hub.asked[-1].request.day == "2026-03-03"
    assert (await api.post(f"{ONE}/visit/cancellation"))[1] == started
    assert (await api.post(f"{ONE}/withdrawal"))[1] == started
    assert (await api.post(f"{ONE}/visit", {**visit, "day": "2026-02-30"}))[0] == 400


async def test_a_document_is_the_body_itself(api: Api) -> None:
    api.hub.on(f"{OPENINGS}/UploadOpeningDocument", pb.UploadOpeningDocumentResponse(opening=OPENING))
    # Larger than any JSON body may be.
    content = b"%PDF-1.7" + bytes(1_000_000) + b"%%EOF"
    path = f"{ONE}/documents/BUSINESS_LICENCE"
    status, shown = await post_file(api, f"{path}?valid_until=2030-01-31", content, "application/pdf")
    assert (status, shown["application_id"]) == (200, "opening-0001")
    sent = api.hub.asked[-1].request
    assert (sent.content, sent.media_type, sent.kind, sent.valid_until, sent.request_id) == (
        content,
        "application/pdf",
        pb.OPENING_DOCUMENT_KIND_BUSINESS_LICENCE,
        "2030-01-31",
        KEY,
    )
    asked = len(api.hub.asked)
    assert (await post_file(api, path, b"<html>", "text/html"))[0] == 415
    assert (await post_file(api, path, b"{}", "application/json"))[0] == 415
    assert (await post_file(api, path, bytes(3 * 1024 * 1024 + 1), "application/pdf"))[0] == 413
    assert (await post_file(api, path, b"", "application/pdf"))[0] == 400
    assert (await post_file(api, f"{ONE}/documents/PASSPORT", content, "application/pdf"))[0] == 400
    assert len(api.hub.asked) == asked


def test_the_description_says_that_it_is_a_file() -> None:
    spec = specification(create_app(FakeHub().client()))
    body = spec["paths"]["/api/v1/account-openings/{application_id}/documents/{kind}"]["post"]["requestBody"]
    assert set(body["content"]) == {"application/pdf", "image/jpeg", "image/png"}


async def test_a_company_is_verified_and_names_its_signers(api: Api) -> None:
    compared = signers_pb.Verification(
        uscc=USCC,
        state=signers_pb.VERIFICATION_STATE_REFUSED,
        reasons=[common_pb2.Reason(code="ABNORMAL", text_zh="经营异常", text_en="abnormal")],
        next_change_number=1,
    )
    api.hub.on(f"{ONBOARDING}/VerifyEnterprise", signers_pb.VerifyEnterpriseResponse(verification=compared))
    api.hub.on(f"{ONBOARDING}/GetVerification", signers_pb.GetVerificationResponse(verification=compared))
    form = {"uscc": USCC, "name": "沙盒", "legal_person_commitment": "A" * 43, "salt": "A" * 43}
    form |= {"stated_at": "2026-03-02T01:30:00Z", "signature": b64u_encode(bytes(64))}
    _, shown = await api.post("/enterprise-verifications", {**form, "legal_person_jwk": JWK})
    assert api.hub.asked[-1].request.stated_time.ToJsonString() == "2026-03-02T01:30:00Z"
    assert api.hub.asked[-1].request.signature == bytes(64)
    assert (shown["state"], shown["reasons"][0]["code"]) == ("REFUSED", "ABNORMAL")
    assert (await api.get(f"/enterprise-verifications/{USCC}"))[1] == shown
    signer = signers_pb.Signer(signer_id="signer-01", powers=POWERS, limit_fen=100, active=True)
    api.hub.on(f"{ONBOARDING}/ChangeSigner", signers_pb.ChangeSignerResponse(signer=signer))
    api.hub.on(f"{ONBOARDING}/ListSigners", signers_pb.ListSignersResponse(signers=[signer]))
    change = {
        "change_number": 1,
        "signer_id": "signer-01",
        "public_jwk": JWK,
        "powers": ["FINANCE", "TRANSFER"],
        "limit_fen": 100,
        "approvals": [{"signature": b64u_encode(bytes(64))}],
        "proof": b64u_encode(bytes(70)),
    }
    status, changed = await api.post("/signers", change)
    assert (status, changed["powers"]) == (201, ["FINANCE", "TRANSFER"])
    assert list(api.hub.asked[-1].request.powers) == [3, 4]
    assert api.hub.asked[-1].request.proof == bytes(70)
    assert (await api.get("/signers"))[1]["signers"] == [changed]
    status, problem = await api.post("/signers", {**change, "public_jwk": {"kty": "EC"}})
    assert (status, problem["params"]["field"]) == (400, "public_jwk")


async def test_a_signers_word_is_handed_in(api: Api) -> None:
    api.hub.on(f"{ONBOARDING}/AuthoriseAct", signers_pb.AuthoriseActResponse())
    form = {
        "power": "FUND",
        "object_id": "bid-000001",
        "amount_fen": 100,
        "signer_id": "signer-01",
        "signature": b64u_encode(bytes(64)),
    }
    status, given = await api.post("/mandates", form)
    assert (status, given) == (201, {"power": "FUND", "object_id": "bid-000001"})
    sent = api.hub.asked[-1].request
    assert (sent.power, sent.amount_fen) == (signers_pb.SIGNING_POWER_FUND, 100)
    assert (await api.post("/mandates", {**form, "power": "EVERYTHING"}))[0] == 400
