"""What every screen has in common: problems, keys, tokens, headers, OpenAPI."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian_protocol.errors import HuilianError, catalogue
from huilian_protocol.metadata import REPLAYED
from huilian_protocol.settings import SettingsError

from mini_program_api.__main__ import set_up_logs
from mini_program_api.app import create_app
from mini_program_api.openapi import specification
from mini_program_api.problems import problem_of, problem_response
from mini_program_api.settings import ApiSettings
from tests.unit.mini_program_api.conftest import Api
from tests.unit.sdk.fake_hub import FakeHub, failure

REVOKE = "huilian.consent.v1.ConsentService/RevokeConsent"
REVOCATION = "/consents/consent-00000001/revocation"


async def test_a_refusal_of_the_hub_keeps_its_code_and_speaks_both_languages(api: Api) -> None:
    api.hub.on(REVOKE, failure(HuilianError("CONSENT_EXPIRED", valid_until="2026-01-01T00:00:00Z")))
    status, problem = await api.post(REVOCATION)
    assert (status, problem["status"], problem["code"]) == (409, 409, "CONSENT_EXPIRED")
    assert "2026-01-01" in problem["title"] and "2026-01-01" in problem["title_en"]
    assert (problem["type"], problem["retry"]) == ("urn:huilian:error:CONSENT_EXPIRED", "never")


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_every_code_of_the_catalogue_is_a_problem(code: str) -> None:
    problem = problem_of(HuilianError(code, "internal words"))
    assert problem.status == catalogue()[code].http and problem.title and problem.title_en
    assert (problem.detail == "") == (problem.fault in {"hub", "provider"})


async def test_a_repeated_request_says_so(api: Api) -> None:
    api.hub.on(REVOKE, consent_pb.RevokeConsentResponse())
    api.hub.trailers = {REPLAYED: "true"}
    headers = {"Authorization": "Bearer t", "Idempotency-Key": "request-00000001"}
    async with api.client.post(f"/api/v1{REVOCATION}", headers=headers) as response:
        assert response.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", [None, "short", "has spaces in it", "x" * 65, "request-00000001\u00e9"])
async def test_a_writing_request_needs_a_key(api: Api, key: str | None) -> None:
    status, problem = await api.post(REVOCATION, key=key)
    assert (status, problem["params"]["field"]) == (400, "Idempotency-Key") and api.hub.asked == []


@pytest.mark.parametrize("path", ["/consents", "/loans", "/accesses", "/receivables", "/certificates", "/financings"])
async def test_personal_screens_need_a_token(api: Api, path: str) -> None:
    status, problem = await api.get(path, token="")
    assert (status, problem["code"]) == (401, "UNAUTHENTICATED") and api.hub.asked == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{not json", "request"),
        (b"[]", "request"),
        (b'{"amount_fen": 1, "surprise": 2}', "surprise"),
        (b'{"amount_fen": "1"}', "amount_fen"),
        (b'{"amount_fen": 0}', "amount_fen"),
        (b"{}", "amount_fen"),
    ],
)
async def test_a_body_that_does_not_fit_is_named_by_its_field(api: Api, body: bytes, field: str) -> None:
    headers = {
        "Authorization": "Bearer t",
        "Idempotency-Key": "request-00000001",
        "Content-Type": "application/json",
    }
    path = "/api/v1/loans/loan-00000001/repayments"
    async with api.client.post(path, data=body, headers=headers) as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["code"], problem["params"]["field"]) == (400, "INVALID_ARGUMENT", field)
    assert api.hub.asked == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/consents", 405), ("GET", "/consents/bad%20id", 400)],
)
async def test_what_http_itself_refuses_is_a_problem_too(api: Api, method: str, path: str, status: int) -> None:
    got, problem = await api.call(method, path)
    assert (got, problem["status"]) == (status, status) and problem["code"] in catalogue()


REPAYMENTS = "/api/v1/loans/loan-00000001/repayments"
WELL = b'{"amount_fen": 1}'


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json; charset=no-such", WELL, 415),
        ("application/json; charset=utf-16", WELL.decode().encode("utf-16"), 415),
        ("text/plain", WELL, 415),
        ("application/x-www-form-urlencoded", b"amount_fen=1", 415),
        ("", WELL, 415),
        ("application/json", b'{"amount_fen": \xff}', 400),
        ("application/json", b'{"amount_fen": ' + b"[" * 100 + b"]" * 100 + b"}", 400),
        ("application/json", b'{"amount_fen": ' + b"[" * 100_000, 400),
        ("application/json", b'{"amount_fen": NaN}', 400),
        ("application/json", b'{"amount_fen": 1, "half a pair": "\\ud800"}', 400),
        ("application/json", b'{"amount_fen": 9' + b"9" * 5_000 + b"}", 400),
        ("application/json; charset=UTF-8", b"\xef\xbb\xbf" + WELL, 400),
    ],
)
async def test_a_body_that_nobody_can_read_is_the_callers_mistake(
    api: Api, content_type: str, body: bytes, status: int
) -> None:
    headers = {"Authorization": "Bearer t", "Idempotency-Key": "request-00000001", "Content-Type": content_type}
    async with api.client.post(REPAYMENTS, data=body, headers=headers) as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["status"], problem["code"]) == (status, status, "INVALID_ARGUMENT")
    assert api.hub.asked == []


@pytest.mark.parametrize("token", ["", " ", "t t", "tökén", "t;x", "x" * 5_000, "=t"])
async def test_what_is_no_token_is_not_sent_on(api: Api, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with api.client.get("/api/v1/consents", headers=headers) as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["code"], api.hub.asked) == (401, "UNAUTHENTICATED", [])
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_method_that_is_not_allowed_says_which_are(api: Api) -> None:
    async with api.client.delete("/api/v1/consents") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET,POST")


@pytest.mark.parametrize(
    "path",
    [
        "/consents?page=2",
        "/consents/consent-00000001?verbose=1",
        "/loans?page_size=0",
        "/loans?page_size=201",
        "/loans?page_size=1099511627776",
        "/loans?page_token=%00",
        "/loans?page_token=%ED%A0%80",
        f"/accesses?page_token={'x' * 257}",
        "/receipts/%00",
    ],
)
async def test_a_query_that_means_nothing_is_refused(api: Api, path: str) -> None:
    status, problem = await api.get(path)
    assert (status, problem["code"], api.hub.asked) == (400, "INVALID_ARGUMENT", [])


@pytest.mark.parametrize("moment", ["2026-12-31T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_that_names_no_moment_is_refused(api: Api, moment: str) -> None:
    scope = {"dataset_id": "tax", "fields": ["a"], "from_month": "2026-01", "to_month": "2026-02"}
    wanted = {"consent_id": "consent-00000001", "purpose_code": "X", "recipient_id": "bank", "datasets": [scope]}
    terms = {"max_reads": 1, "data_life_days": 1, "valid_until": moment}
    status, problem = await api.post("/consents", {**wanted, **terms})
    assert (status, problem["params"]["field"], api.hub.asked) == (400, "valid_until", [])


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    status, problem = await api.post("/login/client", {"client_assertion": "x" * 300_000}, key=None)
    assert (status, problem["status"]) == (413, 413)


async def test_what_nobody_foresaw_is_a_bare_internal(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api.hub.on("huilian.lending.v1.LoanService/GetLoan", loan_pb.GetLoanResponse())

    def broken(_: Any) -> None:
        raise RuntimeError("张三 110105")

    monkeypatch.setattr("mini_program_api.screens.loans.loan_of", broken)
    with caplog.at_level(logging.DEBUG):
        status, problem = await api.get("/loans/loan-00000001")
    assert (status, problem["code"], problem["detail"]) == (500, "INTERNAL", "")
    assert "张三" not in caplog.text and "张三" not in str(problem)


async def test_answers_are_cached_nowhere(api: Api) -> None:
    async with api.client.get("/api/v1/consents") as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_request_that_cannot_be_parsed_is_quoted_in_no_log() -> None:
    set_up_logs()
    assert not logging.getLogger("aiohttp.server").isEnabledFor(logging.ERROR)


async def test_health_is_the_hubs(api: Api) -> None:
    path = "huilian.consent.v1.ConsentService/ListPurposes"
    api.hub.on(path, consent_pb.ListPurposesResponse())
    async with api.client.get("/health") as response:
        assert response.status == 200
    api.hub.on(path, failure(HuilianError("UNAVAILABLE")))
    async with api.client.get("/health") as response:
        assert response.status == 503


async def test_the_description_covers_every_screen(api: Api) -> None:
    async with api.client.get("/openapi.json") as response:
        spec = await response.json()
    paths = spec["paths"]
    assert len(paths) >= 35
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation["description"] and operation["tags"], (path, method)
            assert operation["responses"]["default"]["content"]["application/problem+json"]
    grant = paths["/api/v1/consents/{consent_id}/grant"]["post"]
    assert grant["security"] == [{"bearer": []}]
    assert [item["name"] for item in grant["parameters"]] == ["consent_id", "Idempotency-Key"]
    assert "security" not in paths["/api/v1/persons"]["post"]


def test_every_reference_of_the_description_resolves() -> None:
    spec = specification(create_app(FakeHub().client()))
    for reference in _references(spec):
        assert reference.removeprefix("#/components/schemas/") in spec["components"]["schemas"], reference


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [reference for value in node.values() for reference in _references(value)]
    return [reference for value in node for reference in _references(value)] if isinstance(node, list) else []


GOOD = {
    "HUILIAN_LISTEN": "127.0.0.1:0",
    "HUILIAN_TLS_CERTIFICATE_FILE": "a.pem",
    "HUILIAN_TLS_KEY_FILE": "a.key",
    "HUILIAN_HUB_ADDRESS": "127.0.0.1:7443",
    "HUILIAN_HUB_CA_FILE": "ca.pem",
    "HUILIAN_TRUST_ANCHORS_FILE": "trust-anchors.json",
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"HUILIAN_LISTEN": "nowhere"}, "HUILIAN_LISTEN"),
        ({"HUILIAN_HUB_ADRESS": "x:1"}, "HUILIAN_HUB_ADRESS"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, str], named: str) -> None:
    assert ApiSettings.from_environment(GOOD).hub_server_name is None
    with pytest.raises(SettingsError, match=named):
        ApiSettings.from_environment({**GOOD, **change})


def test_whoever_asks_too_often_is_told_when_to_come_back() -> None:
    response = problem_response(HuilianError("RATE_LIMITED", retry_after_seconds=7))
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert "Retry-After" not in problem_response(HuilianError("NOT_FOUND")).headers
