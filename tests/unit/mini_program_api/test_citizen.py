"""The citizen's screens: what each one asks of the hub and shows of its answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from huilian.common.v1 import common_pb2
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian.exchange.v1 import exchange_service_pb2 as exchange_pb
from huilian.exchange.v1 import notice_service_pb2 as notice_pb
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian.identity.v1 import privacy_service_pb2 as privacy_pb
from huilian.ledger.v1 import ledger_service_pb2 as ledger_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.clock import FixedClock, parse_time
from huilian_protocol.identity import Identity
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair, open_sealed, registration_info, subject_info
from huilian_protocol.trust import TrustedAgency
from huilian_sdk import SoftwareAuthenticator

from mini_program_api.app import create_app
from tests.unit.mini_program_api.conftest import KEY, Api
from tests.unit.protocol.world import TRUST, artefact_dict
from tests.unit.sdk.fake_hub import FakeHub

IDENTITY, TOKENS = "huilian.identity.v1.IdentityService", "huilian.identity.v1.TokenService"
CONSENTS, EXCHANGE = "huilian.consent.v1.ConsentService", "huilian.exchange.v1.ExchangeService"
FLASH, LOANS = "huilian.lending.v1.FlashLoanService", "huilian.lending.v1.LoanService"
NAME, NUMBER, SALT = "张三", "11010519491231002X", bytes(range(32))
DEVICE = SoftwareAuthenticator.generate(rp_id="huilian.example", origin="https://huilian.example")
AUTHORITY, HOUSING, TAX = (generate_keypair(Suite.XWING) for _ in range(3))
CONSENT = "consent-00000001"


def assertion(challenge: bytes = b"x") -> dict[str, str]:
    return DEVICE.sign(challenge).to_dict()


def money(amount_fen: int) -> common_pb2.Money:
    return common_pb2.Money(amount_fen=amount_fen, currency="CNY")


async def test_registering_seals_the_identity_and_gives_the_salt_to_the_phone(api: Api) -> None:
    key = identity_pb.SealingKey(party_id="identity_authority", suite="xwing", public_key=AUTHORITY.public)
    api.hub.on(f"{IDENTITY}/GetKeySet", identity_pb.GetKeySetResponse(sealing_keys=[key]))
    api.hub.on(f"{IDENTITY}/RegisterPerson", identity_pb.RegisterPersonResponse(subject="wh-1", key_binding="a.b.c"))
    form = {"name": NAME, "resident_id": NUMBER.lower(), "device_public_jwk": DEVICE.public_jwk}
    status, shown = await api.post("/persons", form, token="", key=None)
    assert (status, shown["subject"], shown["key_binding"]) == (201, "wh-1", "a.b.c")
    sent = api.hub.asked[-1].request
    opened = open_sealed(sent.sealed_identity, AUTHORITY.private, registration_info(authority="identity_authority"))
    assert Identity.from_bytes(opened) == Identity(NAME, NUMBER, b64u_decode(shown["salt"]))
    assert json.loads(sent.device_public_key_jwk) == DEVICE.public_jwk


async def test_registering_again_is_another_request(api: Api) -> None:
    key = identity_pb.SealingKey(party_id="identity_authority", suite="xwing", public_key=AUTHORITY.public)
    api.hub.on(f"{IDENTITY}/GetKeySet", identity_pb.GetKeySetResponse(sealing_keys=[key]))
    api.hub.on(f"{IDENTITY}/RegisterPerson", identity_pb.RegisterPersonResponse(subject="wh-1", key_binding="a.b.c"))
    form = {"name": NAME, "resident_id": NUMBER, "device_public_jwk": DEVICE.public_jwk}
    for _ in range(2):
        assert (await api.post("/persons", form, token="", key=KEY))[0] == 201
    sent = [one.request.request_id for one in api.hub.asked if hasattr(one.request, "sealed_identity")]
    assert len(set(sent)) == 2, "the same id with another sealing would be refused as REQUEST_ID_REUSED"


async def test_a_malformed_resident_id_is_told_without_repeating_it(api: Api) -> None:
    form = {"name": NAME, "resident_id": "110105194912310021", "device_public_jwk": DEVICE.public_jwk}
    status, problem = await api.post("/persons", form, token="")
    assert (status, problem["code"], problem["fault"]) == (400, "RESIDENT_ID_MALFORMED", "person")
    assert "1101051949" not in json.dumps(problem) and api.hub.asked == []


async def test_signing_in_passes_the_devices_assertion(api: Api) -> None:
    api.hub.on(f"{TOKENS}/CreateChallenge", identity_pb.CreateChallengeResponse(challenge=b"c" * 32))
    api.hub.on(f"{TOKENS}/IssueToken", identity_pb.IssueTokenResponse(access_token="jwt", subject="wh-000001"))
    status, challenge = await api.post("/login/challenges", token="", key=None)
    assert (status, b64u_decode(challenge["challenge"])) == (201, b"c" * 32)
    signed = assertion(b"c" * 32)
    form = {"subject": "wh-000001", "challenge": challenge["challenge"], "assertion": signed}
    status, token = await api.post("/login/device", form, token="", key=None)
    assert (status, token["access_token"]) == (200, "jwt")
    grant = api.hub.asked[-1].request.person
    assert (grant.challenge, b64u_encode(grant.assertion.signature)) == (b"c" * 32, signed["signature"])
    assert "authorization" not in api.hub.asked[-1].metadata


async def test_the_catalogue_joins_purposes_datasets_and_agencies(api: Api) -> None:
    api.hub.on(
        f"{CONSENTS}/ListPurposes",
        consent_pb.ListPurposesResponse(purposes=[consent_pb.Purpose(code="LOAN_APPLICATION", max_reads=24)]),
    )
    api.hub.on(f"{EXCHANGE}/ListDatasets", offered())
    status, shown = await api.get("/catalogue", token="")
    assert status == 200 and shown["purposes"][0]["max_reads"] == 24
    assert [agency["agency_id"] for agency in shown["agencies"]] == ["housing_fund", "tax"]
    assert shown["missing_agency_ids"] == ["police"]


async def test_the_status_names_what_is_down_and_which_fields_are_missing(api: Api) -> None:
    down = exchange_pb.DatasetStatus(
        dataset_id="tax.income/v1",
        agency_id="tax",
        state=exchange_pb.SERVICE_STATE_DOWN,
        breaker=exchange_pb.BREAKER_STATE_OPEN,
        last_failure_code="PROVIDER_TIMEOUT",
    )
    down.since_time.FromJsonString("2026-03-02T02:00:00Z")
    degraded = exchange_pb.DatasetStatus(
        dataset_id="housing_fund.account/v1",
        state=exchange_pb.SERVICE_STATE_DEGRADED,
        breaker=exchange_pb.BREAKER_STATE_CLOSED,
        degraded_fields=[exchange_pb.DegradedField(name="balance_fen", reason="missing")],
    )
    said = exchange_pb.GetServiceStatusResponse(datasets=[down, degraded], missing_agency_ids=["police"])
    api.hub.on(f"{EXCHANGE}/GetServiceStatus", said)
    status, shown = await api.get("/status")
    assert status == 200, shown
    first, second = shown["datasets"]
    assert (status, shown["missing_agency_ids"]) == (200, ["police"])
    assert (first["state"], first["breaker"], first["since"]) == ("down", "open", "2026-03-02T02:00:00Z")
    assert (first["last_success"], first["last_failure_code"]) == ("", "PROVIDER_TIMEOUT")
    assert (second["state"], second["degraded_fields"]) == ("degraded", [{"name": "balance_fen", "reason": "missing"}])
    assert (await api.get("/status", token=""))[0] == 401


def offered() -> exchange_pb.ListDatasetsResponse:
    agency = exchange_pb.Agency
    return exchange_pb.ListDatasetsResponse(
        datasets=[
            connector_pb.Dataset(dataset_id="housing_fund.account/v1", agency_id="housing_fund"),
            connector_pb.Dataset(dataset_id="tax.income/v1", agency_id="tax"),
        ],
        agencies=[
            agency(agency_id="housing_fund", sealing_suite="xwing", sealing_public_key=HOUSING.public),
            agency(agency_id="tax", sealing_suite="xwing", sealing_public_key=TAX.public),
        ],
        missing_agency_ids=["police"],
    )


def consent_form() -> dict[str, Any]:
    scope = {"dataset_id": "tax.income/v1", "fields": ["income_fen"], "from_month": "2025-01", "to_month": "2025-12"}
    return {
        "consent_id": CONSENT,
        "purpose_code": "LOAN_APPLICATION",
        "recipient_id": "bank.lending",
        "datasets": [scope],
        "max_reads": 3,
        "data_life_days": 30,
        "valid_until": "2026-04-01T08:00:00+08:00",
    }


async def test_preparing_a_consent(api: Api) -> None:
    answer = consent_pb.PrepareConsentResponse(artefact=b"{}", challenge=b"h" * 32, agency_ids=["tax"])
    api.hub.on(f"{CONSENTS}/PrepareConsent", answer)
    status, shown = await api.post("/consents", consent_form())
    assert (status, shown) == (
        201,
        {"artefact": b64u_encode(b"{}"), "challenge": b64u_encode(b"h" * 32), "agency_ids": ["tax"]},
    )
    asked = api.hub.asked[-1]
    assert (asked.request.request_id, asked.metadata["authorization"]) == (KEY, "Bearer token-1")
    assert asked.request.valid_until_time.ToJsonString() == "2026-04-01T00:00:00Z"
    assert asked.request.datasets[0].period.to_month == "2025-12"


async def test_identities_are_sealed_to_exactly_the_agencies_that_the_artefact_asks(api: Api) -> None:
    api.hub.on(f"{EXCHANGE}/ListDatasets", offered())
    datasets = [artefact_dict()["datasets"][1]]
    raw = json.dumps(
        artefact_dict(datasets=datasets), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()
    form = {
        "artefact": b64u_encode(raw),
        "identity": {"name": NAME, "resident_id": NUMBER, "salt": b64u_encode(SALT)},
    }
    status, shown = await api.post(f"/consents/{CONSENT}/sealed-subjects", form, key=None)
    assert status == 200 and set(shown["sealed_subjects"]) == {"tax"}
    info = subject_info(consent_id=CONSENT, subject=artefact_dict()["subject"], agency="tax")
    opened = open_sealed(b64u_decode(shown["sealed_subjects"]["tax"]), TAX.private, info)
    assert Identity.from_bytes(opened) == Identity(NAME, NUMBER, SALT)


async def test_nothing_is_sealed_to_a_key_that_is_not_pinned() -> None:
    pin = SealingKey(Suite.XWING, HOUSING.public)
    trust = replace(TRUST, agencies={"tax": TrustedAgency((pin,), {})}, identity_authority_sealing_keys=(pin,))
    hub = FakeHub()
    key = identity_pb.SealingKey(party_id="identity_authority", suite="xwing", public_key=AUTHORITY.public)
    hub.on(f"{IDENTITY}/GetKeySet", identity_pb.GetKeySetResponse(sealing_keys=[key]))
    hub.on(f"{EXCHANGE}/ListDatasets", offered())
    identity = {"name": NAME, "resident_id": NUMBER, "salt": b64u_encode(SALT)}
    raw = json.dumps(artefact_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    async with TestClient(TestServer(create_app(hub.client(), lambda: trust))) as client:
        api = Api(client, hub)
        person = {"name": NAME, "resident_id": NUMBER, "device_public_jwk": DEVICE.public_jwk}
        status, problem = await api.post("/persons", person, token="")
        assert (status, problem["code"], problem["params"]) == (409, "KEY_NOT_PINNED", {"party": "identity_authority"})
        form = {"artefact": b64u_encode(raw), "identity": identity}
        status, problem = await api.post(f"/consents/{CONSENT}/sealed-subjects", form, key=None)
        assert (status, problem["code"]) == (409, "KEY_NOT_PINNED")
    assert [asked.path.rsplit("/")[-1] for asked in hub.asked] == ["GetKeySet", "ListDatasets"]


@pytest.mark.parametrize(("days", "status"), [(0, 201), (1, 201), (2, 400), (-2, 400)])
async def test_nobody_is_asked_to_sign_for_another_day(days: int, status: int) -> None:
    artefact, hub = artefact_dict(), FakeHub()
    raw = json.dumps(artefact, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    hub.on(f"{CONSENTS}/PrepareConsent", consent_pb.PrepareConsentResponse(artefact=raw))
    clock = FixedClock(parse_time(artefact["valid_from"]) + timedelta(days=days))
    async with TestClient(TestServer(create_app(hub.client(), lambda: TRUST, clock=clock))) as client:
        assert (await Api(client, hub).post("/consents", consent_form()))[0] == status


async def test_granting_passes_artefact_assertion_and_sealed_subjects_unchanged(api: Api) -> None:
    state = consent_pb.CONSENT_STATE_GRANTED
    granted = consent_pb.Consent(consent_id=CONSENT, state=state, grant_record_id=f"consent-grant:{CONSENT}")
    api.hub.on(f"{CONSENTS}/GrantConsent", consent_pb.GrantConsentResponse(consent=granted))
    raw = json.dumps(artefact_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    signed = assertion()
    form = {
        "artefact": b64u_encode(raw),
        "assertion": signed,
        "sealed_subjects": {"tax": b64u_encode(b"sealed")},
    }
    status, shown = await api.post(f"/consents/{CONSENT}/grant", form)
    assert (status, shown["state"], shown["grant_record_id"]) == (200, "GRANTED", f"consent-grant:{CONSENT}")
    sent = api.hub.asked[-1].request
    assert (sent.artefact, sent.sealed_subjects[0].envelope) == (raw, b"sealed")
    status, problem = await api.post("/consents/consent-00000002/grant", form)
    assert (status, problem["code"], problem["params"]) == (400, "INVALID_ARGUMENT", {"field": "artefact"})


async def test_listing_revoking_declining_and_exporting(api: Api) -> None:
    revoked = consent_pb.Consent(consent_id=CONSENT, state=consent_pb.CONSENT_STATE_REVOKED)
    revoked.revoked_time.FromJsonString("2026-03-02T03:00:00Z")
    page = common_pb2.PageResponse(next_page_token="more")
    api.hub.on(f"{CONSENTS}/ListConsents", consent_pb.ListConsentsResponse(consents=[revoked], page=page))
    api.hub.on(f"{CONSENTS}/RevokeConsent", consent_pb.RevokeConsentResponse(consent=revoked))
    api.hub.on(f"{CONSENTS}/RejectConsent", consent_pb.RejectConsentResponse(consent=revoked))
    exported = consent_pb.Consent(consent_id=CONSENT, signed_consent=b'{"a":1}')
    api.hub.on(
        f"{CONSENTS}/GetConsent", consent_pb.GetConsentResponse(consent=exported), consent_pb.GetConsentResponse()
    )
    status, shown = await api.get("/consents?page_size=1")
    assert (status, shown["next_page_token"], shown["consents"][0]["revoked_at"]) == (
        200,
        "more",
        "2026-03-02T03:00:00Z",
    )
    assert (await api.post(f"/consents/{CONSENT}/revocation"))[1]["state"] == "REVOKED"
    assert (await api.post(f"/consents/{CONSENT}/rejection"))[0] == 200
    assert await api.get(f"/consents/{CONSENT}/file") == (200, {"a": 1})
    assert (await api.get(f"/consents/{CONSENT}/file"))[1]["code"] == "NOT_FOUND"


async def test_the_preview_shows_data_absence_and_failure_apart(api: Api) -> None:
    item = loan_pb.EvidenceItem
    items = [
        item(dataset_id="a", status="present", data_json='{"balance_fen": 1}'),
        item(dataset_id="b", status="no_account"),
        item(dataset_id="c", status="unavailable", error_code="PROVIDER_TIMEOUT"),
    ]
    api.hub.on(f"{FLASH}/PreviewEvidence", loan_pb.PreviewEvidenceResponse(items=items))
    _, shown = await api.post(f"/consents/{CONSENT}/preview")
    assert [entry["data"] for entry in shown["items"]] == [{"balance_fen": 1}, {}, {}]
    assert [entry["status"] for entry in shown["items"]] == ["present", "no_account", "unavailable"]
    assert [entry["fault"] for entry in shown["items"]] == ["", "", "provider"]
    failed = shown["items"][2]
    assert failed["retry"] == "backoff" and "c" in failed["reason_en"] and failed["reason_zh"]


async def test_accesses_with_their_receipts(api: Api) -> None:
    record = exchange_pb.AccessRecord(
        access_record_id="access:1", recipient_id="bank.lending", outcome="CONSENT_REVOKED", refused_by="edge"
    )
    api.hub.on(f"{EXCHANGE}/ListAccessRecords", exchange_pb.ListAccessRecordsResponse(access_records=[record]))
    api.hub.on("huilian.ledger.v1.LedgerService/GetReceipt", ledger_pb.GetReceiptResponse(receipt=b'{"r": 1}'))
    _, shown = await api.get("/accesses")
    [access] = shown["accesses"]
    assert (access["outcome"], access["refused_by"]) == ("CONSENT_REVOKED", "edge")
    assert await api.get(f"/receipts/{access['access_record_id']}") == (200, {"r": 1})
    assert api.hub.asked[-1].request.record_id == "access:1"


async def test_a_period_of_accesses_is_stated_and_downloaded(api: Api) -> None:
    stated = exchange_pb.IssueAccessStatementResponse(statement_id="access-statement:request-1", record_count=3)
    api.hub.on(f"{EXCHANGE}/IssueAccessStatement", stated)
    api.hub.on(f"{EXCHANGE}/ExportAccessRecords", exchange_pb.ExportAccessRecordsResponse(export=b'{"e": 1}'))
    status, shown = await api.post("/accesses/statements", {"period_from": "2026-01-01T08:00:00+08:00"})
    assert (status, shown) == (201, {"statement_id": "access-statement:request-1", "record_count": 3})
    asked = api.hub.asked[-1].request
    assert asked.from_time.ToJsonString() == "2026-01-01T00:00:00Z" and not asked.HasField("to_time")
    assert await api.get(f"/accesses/exports/{shown['statement_id']}") == (200, {"e": 1})
    assert api.hub.asked[-1].request.statement_id == shown["statement_id"]


async def test_a_person_has_everything_destroyed_and_fetches_the_receipt_without_an_account(api: Api) -> None:
    privacy, erasure_id = "huilian.identity.v1.PrivacyService", "erasure-0123456789abcdef"
    kept = privacy_pb.Retention(code="AML_LOAN_RECORDS", text_zh="贷款", text_en="loans")
    api.hub.on(f"{privacy}/PrepareErasure", privacy_pb.PrepareErasureResponse(order=b"{}", retained=[kept]))
    done = privacy_pb.EraseMyDataResponse(erasure_id=erasure_id, certificate="a.b.c", retained=[kept])
    api.hub.on(f"{privacy}/EraseMyData", done)
    api.hub.on(f"{privacy}/GetErasureReceipt", privacy_pb.GetErasureReceiptResponse(receipt=b'{"r": 1}'))
    status, order = await api.post("/erasures", {"erasure_id": erasure_id})
    assert (status, order["order"], order["retained"][0]["code"]) == (201, "e30", "AML_LOAN_RECORDS")
    signed = {"assertion": {"authenticator_data": "AAAA", "client_data_json": "AAAA", "signature": "AAAA"}}
    status, erased = await api.post(f"/erasures/{erasure_id}/signature", signed)
    assert (status, erased["certificate"], erased["erasure_id"]) == (200, "a.b.c", erasure_id)
    assert api.hub.asked[-1].request.assertion.signature == bytes(3)
    assert await api.get(f"/erasures/{erasure_id}/receipt") == (200, {"r": 1})
    assert "authorization" not in api.hub.asked[-1].metadata


async def test_the_inbox_is_read_marked_and_switched_to_a_digest(api: Api) -> None:
    notices = "huilian.exchange.v1.NoticeService"
    item = notice_pb.NoticeItem(
        dataset_id="tax.personal_income/v1", title_zh="个人所得税", recipient_id="bank", count=2
    )
    listed = notice_pb.ListNoticesResponse(notices=[notice_pb.Notice(notice_id="access:1", items=[item])])
    api.hub.on(f"{notices}/ListNotices", listed)
    api.hub.on(f"{notices}/MarkNoticesRead", notice_pb.MarkNoticesReadResponse(marked_count=1))
    api.hub.on(f"{notices}/GetNoticePreference", notice_pb.GetNoticePreferenceResponse(daily_digest=False))
    api.hub.on(f"{notices}/SetNoticePreference", notice_pb.SetNoticePreferenceResponse(daily_digest=True))
    _, inbox = await api.get("/notices")
    assert (inbox["notices"][0]["read_at"], inbox["notices"][0]["items"][0]["count"]) == ("", 2)
    assert await api.post("/notices/read", {"notice_ids": ["access:1"]}) == (200, {"marked_count": 1})
    assert await api.get("/notices/preference") == (200, {"daily_digest": False})
    assert await api.post("/notices/preference", {"daily_digest": True}) == (200, {"daily_digest": True})
    assert api.hub.asked[-1].request.daily_digest


async def test_pausing_going_on_and_the_papers_of_the_end(api: Api) -> None:
    paused = consent_pb.Consent(consent_id=CONSENT, state=consent_pb.CONSENT_STATE_PAUSED, resumption_statement=b"{}")
    granted = consent_pb.Consent(consent_id=CONSENT, state=consent_pb.CONSENT_STATE_GRANTED)
    api.hub.on(f"{CONSENTS}/PauseConsent", consent_pb.PauseConsentResponse(consent=paused))
    api.hub.on(f"{CONSENTS}/ResumeConsent", consent_pb.ResumeConsentResponse(consent=granted))
    api.hub.on(f"{CONSENTS}/RevokeConsent", consent_pb.RevokeConsentResponse(consent=granted))
    api.hub.on(f"{CONSENTS}/GetTerminationReceipt", consent_pb.GetTerminationReceiptResponse(receipt=b'{"t":1}'))
    api.hub.on(f"{CONSENTS}/ExportConsentRecord", consent_pb.ExportConsentRecordResponse(record=b'{"r":1}'))
    status, shown = await api.post(f"/consents/{CONSENT}/pause")
    assert (status, shown["state"], shown["resumption_statement"]) == (200, "PAUSED", b64u_encode(b"{}"))
    form = {"statement": shown["resumption_statement"], "assertion": assertion()}
    assert (await api.post(f"/consents/{CONSENT}/resumption", form))[1]["state"] == "GRANTED"
    assert api.hub.asked[-1].request.statement == b"{}"
    dataset = {"dataset_id": "tax.income/v1"}
    assert (await api.post(f"/consents/{CONSENT}/dataset-revocation", dataset))[0] == 200
    assert api.hub.asked[-1].request.dataset_id == "tax.income/v1"
    assert await api.get(f"/consents/{CONSENT}/termination") == (200, {"t": 1})
    assert await api.get(f"/consents/{CONSENT}/record") == (200, {"r": 1})
