"""A citizen's loans: apply, sign, follow, repay, pay off, agree to other terms."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import restructuring_service_pb2 as restructuring_pb
from huilian.lending.v1 import workout_service_pb2 as workout_pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.restructuring import Restructuring
from huilian_sdk import SoftwareAuthenticator

from tests.unit.mini_program_api.conftest import Api
from tests.unit.sdk.fake_hub import failure

FLASH, LOANS = "huilian.lending.v1.FlashLoanService", "huilian.lending.v1.LoanService"
TERMS = "huilian.lending.v1.RestructuringService"
DEVICE = SoftwareAuthenticator.generate(rp_id="huilian.example", origin="https://huilian.example")
CONSENT = "consent-00000001"


def assertion(challenge: bytes = b"x") -> dict[str, str]:
    return DEVICE.sign(challenge).to_dict()


def money(amount_fen: int) -> common_pb2.Money:
    return common_pb2.Money(amount_fen=amount_fen, currency="CNY")


def due_line(day: str, principal_fen: int, interest_fen: int, fee_fen: int = 0) -> financing_pb.DueLine:
    total_fen = principal_fen + interest_fen + fee_fen
    return financing_pb.DueLine(
        due_date=day,
        principal=money(principal_fen),
        interest=money(interest_fen),
        fee=money(fee_fen),
        total=money(total_fen),
    )


def application(state: str, loan_id: str = "") -> loan_pb.FlashLoanApplication:
    return loan_pb.FlashLoanApplication(
        application_id="application-1",
        state=loan_pb.FlashLoanState.Value(f"FLASH_LOAN_STATE_{state}"),
        limit=money(5_000_000),
        principal=money(1_000_000),
        total_cost=money(12_345),
        apr="0.0450",
        reasons=[common_pb2.Reason(code="STEADY_DEPOSITS", text_zh="缴存连续", text_en="Steady deposits")],
        contract=b"{}",
        loan_id=loan_id,
    )


async def test_applying_and_signing(api: Api) -> None:
    api.hub.on(f"{FLASH}/ApplyForFlashLoan", loan_pb.ApplyForFlashLoanResponse(application=application("OFFERED")))
    api.hub.on(
        f"{FLASH}/SignFlashLoan", loan_pb.SignFlashLoanResponse(application=application("DISBURSED", "loan-00000001"))
    )
    form = {
        "application_id": "application-1",
        "consent_id": CONSENT,
        "amount_fen": 1_000_000,
        "term_days": 90,
    }
    status, offer = await api.post("/flash-loans", form)
    assert (status, offer["state"], offer["total_cost_fen"], offer["apr"]) == (201, "OFFERED", 12_345, "0.0450")
    assert offer["reasons"] == [{"code": "STEADY_DEPOSITS", "text_zh": "缴存连续", "text_en": "Steady deposits"}]
    _, signed = await api.post("/flash-loans/application-1/signature", {"assertion": assertion()})
    assert (signed["state"], signed["loan_id"]) == ("DISBURSED", "loan-00000001")


async def test_money_is_a_whole_number_of_fen(api: Api) -> None:
    form = {"application_id": "application-1", "consent_id": CONSENT, "amount_fen": 10.5, "term_days": 90}
    status, problem = await api.post("/flash-loans", form)
    assert (status, problem["params"]["field"]) == (400, "amount_fen") and api.hub.asked == []


async def test_progress_tells_each_change_once_until_the_end(api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr("mini_program_api.progress.LOOK_EVERY_S", 0.01)
    stages = [application("OFFERED"), application("OFFERED"), application("DISBURSED", "loan-00000001")]
    answers = [loan_pb.GetFlashLoanApplicationResponse(application=stage) for stage in stages]
    api.hub.on(f"{FLASH}/GetFlashLoanApplication", failure(HuilianError("NOT_FOUND", resource="application")), *answers)
    headers = {"Authorization": "Bearer token-1"}
    async with api.client.get("/api/v1/flash-loans/application-1/progress", headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        text = (await response.read()).decode()
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    assert [event["state"] for event in events] == ["CHECKING", "OFFERED", "DISBURSED"]


async def test_progress_without_a_right_to_see_it_is_an_ordinary_problem(api: Api) -> None:
    api.hub.on(f"{FLASH}/GetFlashLoanApplication", failure(HuilianError("TOKEN_EXPIRED")))
    status, problem = await api.get("/flash-loans/application-1/progress")
    assert (status, problem["code"]) == (401, "TOKEN_EXPIRED")


async def test_a_failure_on_the_way_ends_the_progress_with_a_problem(api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr("mini_program_api.progress.LOOK_EVERY_S", 0.01)
    first = loan_pb.GetFlashLoanApplicationResponse(application=application("OFFERED"))
    api.hub.on(f"{FLASH}/GetFlashLoanApplication", first, failure(HuilianError("TOKEN_EXPIRED")))
    headers = {"Authorization": "Bearer token-1"}
    async with api.client.get("/api/v1/flash-loans/application-1/progress", headers=headers) as response:
        text = (await response.read()).decode()
    assert "event: problem" in text and "TOKEN_EXPIRED" in text


async def test_loans_repayment_and_exact_payoff(api: Api) -> None:
    event = loan_pb.LoanEvent(event_id="e1", kind="REPAYMENT", amount=money(100), interest_part=money(7))
    loan = loan_pb.Loan(
        loan_id="loan-00000001",
        state=loan_pb.LOAN_STATE_ACTIVE,
        outstanding_principal=money(900_000),
        events=[event],
    )
    api.hub.on(f"{LOANS}/ListLoans", loan_pb.ListLoansResponse(loans=[loan]))
    api.hub.on(f"{LOANS}/GetLoan", loan_pb.GetLoanResponse(loan=loan))
    api.hub.on(f"{LOANS}/RepayLoan", loan_pb.RepayLoanResponse(loan=loan))
    api.hub.on(f"{LOANS}/DrawLoan", loan_pb.DrawLoanResponse(loan=loan))
    quote = loan_pb.QuotePayoffResponse(
        principal=money(900_000), interest=money(1_234), total=money(901_234), as_of_date="2026-04-01"
    )
    api.hub.on(f"{LOANS}/QuotePayoff", quote)
    assert (await api.get("/loans"))[1]["loans"][0]["outstanding_principal_fen"] == 900_000
    assert (await api.get("/loans/loan-00000001"))[1]["events"][0]["interest_part_fen"] == 7
    assert (await api.post("/loans/loan-00000001/repayments", {"amount_fen": 100}))[0] == 200
    assert api.hub.asked[-1].request.amount_fen == 100
    assert (await api.post("/loans/loan-00000001/draws", {"amount_fen": 5}))[0] == 200
    _, payoff = await api.get("/loans/loan-00000001/payoff?as_of=2026-04-01")
    assert payoff == {"principal_fen": 900_000, "interest_fen": 1_234, "total_fen": 901_234, "as_of": "2026-04-01"}
    assert api.hub.asked[-1].request.as_of_date == "2026-04-01"


async def test_other_terms_are_shown_as_they_are_signed(api: Api) -> None:
    plan = {"kind": "equal_principal", "first_due_date": "2026-05-20", "every_months": 1}
    until = datetime(2026, 4, 1, tzinfo=UTC)
    terms = Restructuring("loan-00000001", 2, 900_000, "0.03", date(2026, 8, 20), plan, until)
    offer = workout_pb.Restructuring(
        loan_id=terms.loan_id,
        number=2,
        state=workout_pb.RESTRUCTURING_STATE_OFFERED,
        principal=money(1),
        annual_rate="0.99",
        terms=terms.canonical(),
        challenge=terms.challenge,
        former_schedule=[due_line("2026-03-05", 900_000, 4_000)],
        schedule=[due_line("2026-05-20", 450_000, 6_000), due_line("2026-08-20", 450_000, 3_000, 100)],
    )
    api.hub.on(f"{TERMS}/ListRestructurings", restructuring_pb.ListRestructuringsResponse(restructurings=[offer]))
    _, shown = await api.get("/loans/loan-00000001/restructurings")
    [listed] = shown["restructurings"]
    assert (listed["number"], listed["state"], listed["due_date"]) == (2, "OFFERED", "2026-08-20")
    assert (listed["annual_rate"], listed["principal_fen"]) == ("0.03", 900_000), "what is signed, not what is said"
    assert (listed["challenge"], listed["repayment"]) == (terms.act_id, plan)
    assert [line["due_date"] for line in listed["plan"]["lines"]] == ["2026-05-20", "2026-08-20"]
    assert (listed["former_plan"]["cost_fen"], listed["plan"]["cost_fen"]) == (4_000, 9_100)
    assert (listed["former_plan"]["total_fen"], listed["plan"]["total_fen"]) == (904_000, 909_100)
    changed = loan_pb.Loan(loan_id="loan-00000001", state=loan_pb.LOAN_STATE_ACTIVE, due_date="2026-08-20")
    api.hub.on(f"{TERMS}/SignRestructuring", restructuring_pb.SignRestructuringResponse(loan=changed))
    path = "/loans/loan-00000001/restructurings/2/signature"
    status, signed = await api.post(path, {"assertion": assertion(terms.challenge)})
    assert (status, signed["due_date"]) == (200, "2026-08-20")
    sent = api.hub.asked[-1].request
    assert (sent.number, sent.HasField("assertion")) == (2, True)
    agreed = await api.post("/loans/loan-00000001/restructurings/2/agreement")
    assert agreed[0] == 200, "an enterprise's signer gave a mandate before"
    assert not api.hub.asked[-1].request.HasField("assertion")
