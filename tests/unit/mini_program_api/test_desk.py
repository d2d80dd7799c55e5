"""The operators' desk over HTTP: what it serves, and what it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from huilian.accounting.v1 import reconciliation_service_pb2 as case_pb
from huilian.common.v1 import common_pb2
from huilian.convenience.v1 import convenience_service_pb2
from huilian.convenience.v1 import payment_desk_service_pb2 as payment_pb
from huilian.lending.v1 import credit_service_pb2 as credit_pb
from huilian.lending.v1 import dealer_loan_service_pb2 as dealer_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import referral_service_pb2 as referral_pb
from huilian.lending.v1 import restructuring_service_pb2 as restructuring_pb
from huilian.lending.v1 import warning_service_pb2 as warning_pb
from huilian.lending.v1 import workout_service_pb2 as workout_pb
from huilian.notification.v1 import notification_service_pb2 as pb
from huilian.onboarding.v1 import account_opening_service_pb2 as opening_pb
from huilian.receivables.v1 import freeze_service_pb2 as freeze_pb
from huilian_protocol.errors import HuilianError
from huilian_protocol.restructuring import Restructuring

from mini_program_api.app import create_app, create_desk
from tests.unit.mini_program_api.conftest import Api
from tests.unit.sdk.fake_hub import FakeHub, failure

WARNING = "LATE_PAYMENT:BUYER:91449900MA0H00010W:2026-03-02"
REASON = common_pb2.Reason(code="LATE_PAYMENT", text_zh="逾期", text_en="late")
NOTIFICATIONS = "huilian.notification.v1.NotificationService"


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Api]:
    hub = FakeHub()
    async with TestClient(TestServer(create_desk(hub.client()))) as client:
        yield Api(client, hub)


def test_neither_face_serves_what_is_the_others() -> None:
    def paths(app: object) -> set[str]:
        return {route.resource.canonical for route in app.router.routes()}  # type: ignore[attr-defined]

    public, bank = paths(create_app(FakeHub().client())), paths(create_desk(FakeHub().client()))
    assert not [path for path in public if path.startswith("/api/v1/desk")]
    assert public & bank == {
        "/health", "/openapi.json", "/api/v1/site", "/api/v1/login", "/api/v1/login/challenges", "/api/v1/login/client",
        "/api/v1/login/device", "/api/v1/notifications", "/api/v1/notifications/read", "/api/v1/webhooks",
        "/api/v1/webhooks/{webhook_id}/enable", "/api/v1/webhooks/{webhook_id}/remove",
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        *("warnings", "referrals", "dealer-loans", "payments", "cases", "account-openings", "loans/loan-00000001"),
        "decisions?from_day=2026-01-01&to_day=2026-02-01",
    ],
)
async def test_without_a_token_nothing_is_shown(desk: Api, path: str) -> None:
    status, problem = await desk.get(f"/desk/{path}", token="")
    assert (status, problem["code"]) == (401, "UNAUTHENTICATED")
    assert desk.hub.asked == []


async def test_warnings_are_seen_and_resolved(desk: Api) -> None:
    red = warning_pb.Warning(
        warning_id=WARNING, rule=REASON, level=warning_pb.WARNING_LEVEL_RED, facts={"overdue_fen": 5},
        state=warning_pb.WARNING_STATE_RAISED, subject_kind=warning_pb.WARNING_SUBJECT_KIND_BUYER,
    )  # fmt: skip
    service = "huilian.lending.v1.WarningService"
    desk.hub.on(f"{service}/ListWarnings", warning_pb.ListWarningsResponse(warnings=[red]))
    desk.hub.on(f"{service}/ResolveWarning", warning_pb.ResolveWarningResponse(warning=red))
    desk.hub.on(f"{service}/AcknowledgeWarning", warning_pb.AcknowledgeWarningResponse(warning=red))
    _, listed = await desk.get("/desk/warnings")
    assert (listed["warnings"][0]["level"], listed["warnings"][0]["facts"]) == ("RED", {"overdue_fen": 5})
    assert desk.hub.asked[-1].request.only_open
    for step in ("acknowledge", "resolve"):
        status, _ = await desk.post(f"/desk/warnings/{WARNING}/{step}", {"reason": "已联系买方"})
        assert status == 200
        assert (desk.hub.asked[-1].request.warning_id, desk.hub.asked[-1].request.reason) == (WARNING, "已联系买方")
        assert desk.hub.asked[-1].metadata["authorization"] == "Bearer token-1"
    status, _ = await desk.post(f"/desk/warnings/{WARNING}/resolve", {"reason": ""})
    assert status == 400


async def test_a_referral_is_proposed_by_one_and_refused_to_the_same(desk: Api) -> None:
    service = "huilian.lending.v1.ReferralService"
    waiting = referral_pb.Referral(
        application_id="financing-1", needs_two=True, proposed_by="operator.li", proposal="APPROVE", reasons=[REASON],
        amount=common_pb2.Money(amount_fen=7, currency="CNY"), state=referral_pb.REFERRAL_STATE_OPEN,
    )  # fmt: skip
    desk.hub.on(f"{service}/ListReferrals", referral_pb.ListReferralsResponse(referrals=[waiting]))
    desk.hub.on(
        f"{service}/DecideReferral",
        referral_pb.DecideReferralResponse(referral=waiting),
        failure(HuilianError("PERMISSION_DENIED")),
    )
    _, listed = await desk.get("/desk/referrals")
    assert (listed["referrals"][0]["amount_fen"], listed["referrals"][0]["needs_two"]) == (7, True)
    said = {"approve": True, "reason": "已核实"}
    assert (await desk.post("/desk/referrals/financing-1/decision", said))[0] == 200
    status, problem = await desk.post("/desk/referrals/financing-1/decision", said, key="request-00000002")
    assert (status, problem["code"]) == (403, "PERMISSION_DENIED")


async def test_a_dealers_application_is_proposed_and_reviewed(desk: Api) -> None:
    service = "huilian.lending.v1.DealerLoanService"
    review = dealer_pb.DealerLoanReview(proposed_by="operator.li", proposal="REJECT", proposal_reason="库存过高")
    loan = dealer_pb.DealerLoan(loan_id="dealer-01", review=review, reasons=[REASON])
    desk.hub.on(f"{service}/ListReferredDealerLoans", dealer_pb.ListReferredDealerLoansResponse(dealer_loans=[loan]))
    desk.hub.on(f"{service}/ProposeDealerLoanReview", dealer_pb.ProposeDealerLoanReviewResponse(dealer_loan=loan))
    desk.hub.on(f"{service}/ReviewDealerLoan", dealer_pb.ReviewDealerLoanResponse(dealer_loan=loan))
    assert (await desk.get("/desk/dealer-loans"))[1]["dealer_loans"][0]["proposal"] == "REJECT"
    for step in ("proposal", "review"):
        said = {"approve": False, "reason": "库存过高"}
        assert (await desk.post(f"/desk/dealer-loans/dealer-01/{step}", said))[0] == 200
        assert not desk.hub.asked[-1].request.approve


async def test_freezes_are_entered_and_lifted(desk: Api) -> None:
    order = freeze_pb.FreezingOrder(
        freeze_id="freeze-01", kind=freeze_pb.FROZEN_KIND_CERTIFICATE, object_id="certificate-1"
    )
    service = "huilian.receivables.v1.FreezeService"
    desk.hub.on(f"{service}/Freeze", freeze_pb.FreezeResponse(order=order))
    desk.hub.on(f"{service}/Unfreeze", freeze_pb.UnfreezeResponse(order=order))
    desk.hub.on(f"{service}/ListFreezes", freeze_pb.ListFreezesResponse(orders=[order]))
    form = {
        "freeze_id": "freeze-01",
        "kind": "CERTIFICATE",
        "object_id": "certificate-1",
        "order_number": "1号",
        "authority": "法院",
    }
    status, made = await desk.post("/desk/freezes", form)
    assert (status, made["kind"]) == (201, "CERTIFICATE")
    _, found = await desk.get("/desk/freezes?kind=CERTIFICATE&object_id=certificate-1")
    assert len(found["freezes"]) == 1
    assert (await desk.post("/desk/freezes/freeze-01/lift", {"order_number": "2号"}))[0] == 200


async def test_payments_and_cases_are_proposed_and_decided(desk: Api) -> None:
    payments, cases = "huilian.convenience.v1.PaymentDeskService", "huilian.accounting.v1.ReconciliationService"
    payment = payment_pb.UnresolvedPayment(payment_key="net-1/pay-1", reserved_fen=9)
    case = case_pb.ReconciliationCase(case_id="case-0001", state=case_pb.CASE_STATE_OPEN, amount_fen=-3)
    desk.hub.on(f"{payments}/ListUnresolvedPayments", payment_pb.ListUnresolvedPaymentsResponse(payments=[payment]))
    desk.hub.on(f"{payments}/ProposePaymentResolution", payment_pb.ProposePaymentResolutionResponse(payment=payment))
    desk.hub.on(
        f"{payments}/DecidePaymentResolution",
        payment_pb.DecidePaymentResolutionResponse(state=convenience_service_pb2.PAYMENT_STATE_PAID),
    )
    desk.hub.on(f"{cases}/ListCases", case_pb.ListCasesResponse(cases=[case]))
    desk.hub.on(f"{cases}/ProposeResolution", case_pb.ProposeResolutionResponse(case=case))
    desk.hub.on(f"{cases}/DecideResolution", case_pb.DecideResolutionResponse(case=case))
    assert (await desk.get("/desk/payments"))[1]["payments"][0]["reserved_fen"] == 9
    proposal = {"payment_key": "net-1/pay-1", "end": "REFUND", "reason": "机关确认未收到"}
    assert (await desk.post("/desk/payments/proposals", proposal))[0] == 200
    assert (await desk.post("/desk/payments/decisions", {"payment_key": "net-1/pay-1", "approve": True}))[0] == 200
    assert (await desk.get("/desk/cases?state=OPEN"))[1]["cases"][0]["amount_fen"] == -3
    assert (
        await desk.post("/desk/cases/proposals", {"case_id": "case-0001", "resolution": "NOTED", "reason": "对方改正"})
    )[0] == 200
    assert (await desk.post("/desk/cases/decisions", {"case_id": "case-0001", "approve": False, "note": "再查"}))[
        0
    ] == 200


async def test_an_accounts_closing_is_entered_with_its_day(desk: Api) -> None:
    service = "huilian.onboarding.v1.AccountOpeningService"
    opened = opening_pb.Opening(application_id="opening-0001", state=opening_pb.OPENING_STATE_OPENED)
    closed = opening_pb.Opening(closed_day="2026-03-02", documents_kept_until_day="2036-03-02")
    closed.MergeFrom(opened)
    desk.hub.on(f"{service}/ListOpenings", opening_pb.ListOpeningsResponse(openings=[opened]))
    refusal = failure(HuilianError("INVALID_ARGUMENT", field="closed_day"))
    desk.hub.on(f"{service}/CloseAccount", opening_pb.CloseAccountResponse(opening=closed), refusal)
    _, listed = await desk.get("/desk/account-openings?state=OPENED&uscc=91449900MA0H00029R")
    assert (listed["openings"][0]["state"], listed["openings"][0]["closed_day"]) == ("OPENED", "")
    sought = desk.hub.asked[-1].request
    assert (sought.state, sought.uscc) == (opening_pb.OPENING_STATE_OPENED, "91449900MA0H00029R")
    assert (await desk.get("/desk/account-openings?uscc=short"))[0] == 400
    path = "/desk/account-openings/opening-0001/closure"
    status, shown = await desk.post(path, {"closed_day": "2026-03-02"})
    assert (status, shown["closed_day"], shown["documents_kept_until_day"]) == (200, "2026-03-02", "2036-03-02")
    asked = desk.hub.asked[-1].request
    assert (asked.application_id, asked.closed_day) == ("opening-0001", "2026-03-02")
    status, problem = await desk.post(path, {"closed_day": "2026-03-03"}, key="request-00000002")
    assert (status, problem["code"]) == (400, "INVALID_ARGUMENT"), "a day to come"
    assert (await desk.post(path, {"closed_day": "yesterday"}))[0] == 400


async def test_other_terms_are_offered_and_seen(desk: Api) -> None:
    service = "huilian.lending.v1.WorkoutService"
    loan = loan_pb.Loan(loan_id="loan-00000001", state=loan_pb.LOAN_STATE_OVERDUE)
    plan = {"kind": "equal_principal", "first_due_date": "2026-05-20", "every_months": 1}
    until = datetime(2026, 4, 30, tzinfo=UTC)
    terms = Restructuring(loan.loan_id, 1, 900_000, "0.03", date(2026, 8, 20), plan, until)
    state = workout_pb.RESTRUCTURING_STATE_OFFERED
    offer = workout_pb.Restructuring(loan_id=loan.loan_id, number=1, state=state, terms=terms.canonical())
    listed = restructuring_pb.ListRestructuringsResponse(restructurings=[offer])
    desk.hub.on(f"{service}/GetLoanCase", workout_pb.GetLoanCaseResponse(loan=loan))
    desk.hub.on(f"{service}/RestructureLoan", workout_pb.RestructureLoanResponse(loan=loan, restructuring=offer))
    desk.hub.on("huilian.lending.v1.RestructuringService/ListRestructurings", listed)
    _, case = await desk.get("/desk/loans/loan-00000001")
    assert (case["loan"]["state"], case["restructurings"][0]["number"]) == ("OVERDUE", 1)
    form = {"annual_rate": "0.0300", "due_date": "2026-08-20", "plan": "EQUAL_PRINCIPAL"}
    cycle = {"first_due_date": "2026-05-20", "every_months": 1}
    status, made = await desk.post("/desk/loans/loan-00000001/restructurings", {**form, **cycle})
    assert (status, made["state"], made["repayment"]) == (201, "OFFERED", plan)
    asked = desk.hub.asked[-1].request
    assert (asked.annual_rate, asked.due_date, asked.repayment_plan.kind) == ("0.0300", "2026-08-20", "equal_principal")
    assert (asked.repayment_plan.first_due_date, asked.repayment_plan.every_months) == ("2026-05-20", 1)
    await desk.post("/desk/loans/loan-00000001/restructurings", {**form, "plan": "BULLET"}, key="request-00000002")
    asked = desk.hub.asked[-1].request
    assert asked.repayment_plan == workout_pb.RepaymentPlan(kind="bullet")
    for wrong in ({"annual_rate": "3"}, {"annual_rate": "1e-2"}, {"plan": "BALLOON"}, {"every_months": 13}):
        status, _ = await desk.post("/desk/loans/loan-00000001/restructurings", {**form, **wrong})
        assert status == 400


async def test_the_share_of_automatic_decisions(desk: Api) -> None:
    counts = credit_pb.DecisionCounts(table="flash-loan", total=4, approved=3, referred=1, automatic_share="0.7500")
    desk.hub.on(
        "huilian.lending.v1.CreditService/GetDecisionReport", credit_pb.GetDecisionReportResponse(tables=[counts])
    )
    _, report = await desk.get("/desk/decisions?from_day=2026-02-01&to_day=2026-03-02")
    assert report["tables"][0]["automatic_share"] == "0.7500"


async def test_what_an_enterprise_is_told_and_where(api: Api) -> None:
    told = pb.Notification(
        notification_id="n" * 32, kind=REASON, urgency=pb.NOTIFICATION_URGENCY_ALERT, facts={"step": "CALL"}
    )
    hook = pb.Webhook(webhook_id="webhook-1", url="https://erp.example.com/", state=pb.WEBHOOK_STATE_ACTIVE)
    for method, answer in {
        "ListNotifications": pb.ListNotificationsResponse(notifications=[told], unread_count=1),
        "MarkNotificationsRead": pb.MarkNotificationsReadResponse(marked_count=1),
        "RegisterWebhook": pb.RegisterWebhookResponse(webhook=hook),
        "ListWebhooks": pb.ListWebhooksResponse(webhooks=[hook]),
        "EnableWebhook": pb.EnableWebhookResponse(webhook=hook),
        "RemoveWebhook": pb.RemoveWebhookResponse(),
    }.items():
        api.hub.on(f"{NOTIFICATIONS}/{method}", answer)
    _, inbox = await api.get("/notifications")
    assert (inbox["unread_count"], inbox["notifications"][0]["urgency"]) == (1, "ALERT")
    assert (await api.post("/notifications/read", {"notification_ids": ["n" * 32]}))[1] == {"marked_count": 1}
    assert (await api.post("/webhooks", {"webhook_id": "webhook-1", "url": "https://erp.example.com/"}))[0] == 201
    assert (await api.get("/webhooks"))[1]["webhooks"][0]["state"] == "ACTIVE"
    assert (await api.post("/webhooks/webhook-1/enable"))[0] == 200
    async with api.client.post(
        "/api/v1/webhooks/webhook-1/remove",
        headers={"Authorization": "Bearer token-1", "Idempotency-Key": "request-00000009"},
    ) as response:
        assert response.status == 204
    assert (await api.post("/webhooks", {"webhook_id": "webhook-1", "url": "http://erp.example.com/"}))[0] == 400
