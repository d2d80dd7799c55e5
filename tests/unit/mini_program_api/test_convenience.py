"""The convenience zone's screens: each state is told apart, C3 values are masked, payments are ordered and followed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian.convenience.v1 import convenience_service_pb2 as pb
from huilian.exchange.v1 import exchange_service_pb2 as exchange_pb
from huilian_protocol.action import ActionParameters, commit_parameters, parameters_info
from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import Suite, generate_keypair, open_sealed

from mini_program_api.masking import masked
from tests.unit.mini_program_api.conftest import KEY, Api
from tests.unit.protocol.world import artefact_dict
from tests.unit.sdk.fake_hub import failure

ZONE, EXCHANGE = "huilian.convenience.v1.ConvenienceService", "huilian.exchange.v1.ExchangeService"
CONSENT, FINE = "consent-00000001", "traffic_police.pay_fine/v1"
CARD, POLICE = "social_insurance.card/v1", generate_keypair(Suite.XWING)
FIELDS = [
    connector_pb.Field(name="card_number", data_class="C3", mask="keep_ends"),
    connector_pb.Field(name="pin", data_class="C3", mask="hide"),
    connector_pb.Field(name="card_status", data_class="C1", mask="none"),
]
SCREENS = ["fines", "utility-bills", "social-card", "credit-report", "court-cases"]


def offers(api: Api) -> None:
    agency = exchange_pb.Agency(agency_id="traffic_police", sealing_suite="xwing", sealing_public_key=POLICE.public)
    action = connector_pb.Action(action_id=FINE, agency_id="traffic_police")
    dataset = connector_pb.Dataset(dataset_id=CARD, agency_id="social_insurance", fields=FIELDS)
    api.hub.on(
        f"{EXCHANGE}/ListDatasets",
        exchange_pb.ListDatasetsResponse(datasets=[dataset], agencies=[agency], actions=[action]),
    )


def reads(api: Api, **answer: Any) -> None:
    api.hub.on(f"{ZONE}/ReadRecord", pb.ReadRecordResponse(**answer))


async def test_the_card_is_shown_with_its_number_masked(api: Api) -> None:
    offers(api)
    data = {"card_number": "S00000012345", "card_status": "ACTIVE", "pin": "123456"}
    reads(api, status="present", data_json=json.dumps(data), access_record_id="access:1")
    status, shown = await api.post(f"/consents/{CONSENT}/social-card")
    assert (status, shown["status"], shown["access_record_id"]) == (200, "present", "access:1")
    assert shown["data"] == {"card_number": "S000****2345", "card_status": "ACTIVE", "pin": "****"}
    asked = api.hub.asked[0].request
    assert (asked.dataset_id, asked.consent_id, asked.request_id) == (CARD, CONSENT, KEY)


def test_a_value_that_nobody_described_is_hidden() -> None:
    dataset = connector_pb.Dataset(fields=FIELDS)
    assert masked({"card_number": "12345", "unknown": 7}, dataset) == {"card_number": "****", "unknown": "****"}


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_report_that_is_being_prepared_is_no_error(api: Api, screen: str) -> None:
    reads(api, status="preparing")
    status, shown = await api.post(f"/consents/{CONSENT}/{screen}")
    assert (status, shown["status"], shown["data"], shown["error_code"]) == (202, "preparing", {}, "")
    assert shown["text_zh"] and shown["text_en"]


@pytest.mark.parametrize("screen", SCREENS)
async def test_no_record_and_no_source_are_told_apart(api: Api, screen: str) -> None:
    reads(api, status="no_account")
    status, shown = await api.post(f"/consents/{CONSENT}/{screen}")
    assert (status, shown["status"], shown["error_code"]) == (200, "no_account", "") and shown["text_zh"]
    reads(api, status="unavailable", error_code="PROVIDER_UNAVAILABLE")
    status, shown = await api.post(f"/consents/{CONSENT}/{screen}")
    assert (status, shown["status"], shown["error_code"]) == (200, "unavailable", "PROVIDER_UNAVAILABLE")
    assert shown["text_zh"] != "" and shown["data"] == {}


async def test_a_consent_to_an_action_is_prepared(api: Api) -> None:
    answer = consent_pb.PrepareConsentResponse(artefact=b"{}", challenge=b"c" * 32, agency_ids=["traffic_police"])
    api.hub.on("huilian.consent.v1.ConsentService/PrepareConsent", answer)
    status, committed = await api.post("/action-commitments", {"parameters": {"amount_fen": 200}}, token="", key=None)
    expected = commit_parameters(ActionParameters({"amount_fen": 200}, b64u_decode(committed["salt"])))
    assert (status, committed["parameters_commitment"]) == (200, expected)
    grant = {"action_id": FINE, "max_uses": 1, "max_amount_fen": 200, "parameters_commitment": expected}
    form = {
        "consent_id": CONSENT,
        "purpose_code": "PUBLIC_PAYMENT",
        "recipient_id": "bank.convenience",
        "actions": [grant],
        "max_reads": 1,
        "data_life_days": 1,
        "valid_until": "2026-09-01T00:00:00Z",
    }
    assert (await api.post("/consents", form))[0] == 201
    sent = api.hub.asked[-1].request.actions[0]
    assert (sent.action_id, sent.max_amount_fen, b64u_encode(sent.parameters_commitment)) == (FINE, 200, expected)


async def test_parameters_are_sealed_to_the_agency_for_this_order(api: Api) -> None:
    offers(api)
    artefact = artefact_dict()
    form = {
        "parameters": {"amount_fen": 200},
        "salt": b64u_encode(bytes(32)),
        "artefact": b64u_encode(
            json.dumps(artefact, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        ),
        "action_id": FINE,
        "identity": {"name": "张三", "resident_id": "11010519491231002X", "salt": b64u_encode(bytes(32))},
    }
    status, sealed = await api.post("/sealed-parameters", form)
    assert status == 200
    info = parameters_info(
        action=FINE, agency="traffic_police", consent_id=artefact["id"], request_id=KEY, subject=artefact["subject"]
    )
    opened = open_sealed(b64u_decode(sealed["sealed_parameters"]), POLICE.private, info)
    assert ActionParameters.from_bytes(opened).values == {"amount_fen": 200}


ORDER = {"consent_id": CONSENT, "action_id": FINE, "sealed_parameters": b64u_encode(b"sealed")}


def stands(api: Api, state: str, **more: Any) -> None:
    payment = pb.Payment(payment_id=KEY, action_id=FINE, state=pb.PaymentState.Value(f"PAYMENT_STATE_{state}"), **more)
    api.hub.on(f"{ZONE}/GetPayment", pb.GetPaymentResponse(payment=payment))


async def test_a_payment_is_ordered_and_shown(api: Api) -> None:
    api.hub.on(f"{EXCHANGE}/PerformAction", exchange_pb.PerformActionResponse(outcome="EXECUTED"))
    stands(api, "PAID", reserved_fen=300, paid_fen=200, receipt_number="JJ00000001")
    status, shown = await api.post("/payments", ORDER)
    assert (status, shown["state"], shown["paid_fen"], shown["receipt_number"]) == (201, "PAID", 200, "JJ00000001")
    sent = next(one.request for one in api.hub.asked if "PerformAction" in one.path)
    assert (sent.request_id, sent.sealed_parameters) == (KEY, b"sealed")
    assert (await api.get(f"/payments/{KEY}"))[1] == shown
    api.hub.on(f"{ZONE}/ListPayments", pb.ListPaymentsResponse(payments=[pb.Payment(payment_id=KEY, state=2)]))
    assert [one["state"] for one in (await api.get("/payments"))[1]["payments"]] == ["PAID"]


async def test_a_payment_whose_end_is_unknown_is_a_state_and_no_error(api: Api) -> None:
    api.hub.on(f"{EXCHANGE}/PerformAction", failure(HuilianError("PROVIDER_TIMEOUT", provider="traffic_police")))
    stands(api, "RESERVED", reserved_fen=300)
    status, shown = await api.post("/payments", ORDER)
    assert (status, shown["state"], shown["paid_fen"]) == (201, "RESERVED", 0)


@pytest.mark.parametrize("code", ["INSUFFICIENT_FUNDS", "ALREADY_EXISTS", "ACTION_NOT_GRANTED"])
async def test_a_refusal_is_told_as_one(api: Api, code: str) -> None:
    api.hub.on(f"{EXCHANGE}/PerformAction", failure(HuilianError(code, resource="action")))
    status, problem = await api.post("/payments", ORDER)
    assert status >= 400 and problem["code"] == code


async def test_what_never_began_is_told_as_the_error_that_it_was(api: Api) -> None:
    api.hub.on(f"{EXCHANGE}/PerformAction", failure(HuilianError("PROVIDER_FAULT", provider="traffic_police")))
    api.hub.on(f"{ZONE}/GetPayment", failure(HuilianError("NOT_FOUND", resource="payment")))
    status, problem = await api.post("/payments", ORDER)
    assert (status, problem["code"]) == (502, "PROVIDER_FAULT")
