"""A hub in memory for the pages behind a sign-in: it checks the browser's own assertion, and has something to show."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from huilian.accounting.v1 import reconciliation_service_pb2 as case_pb
from huilian.common.v1 import common_pb2, sandbox_service_pb2
from huilian.convenience.v1 import payment_desk_service_pb2 as payment_pb
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian.lending.v1 import credit_service_pb2 as credit_pb
from huilian.lending.v1 import dealer_loan_service_pb2 as dealer_pb
from huilian.lending.v1 import document_service_pb2 as document_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import referral_service_pb2 as referral_pb
from huilian.lending.v1 import warning_service_pb2 as warning_pb
from huilian.notification.v1 import notification_service_pb2 as pb
from huilian.onboarding.v1 import onboarding_service_pb2 as signer_pb
from huilian.receivables.v1 import freeze_service_pb2 as freeze_pb
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.client_assertion import verify_client_assertion
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import public_key_to_jwk, thumbprint
from huilian_sdk import Huilian

from hub.notification.kinds import BY_CODE
from tests.browser import lending
from tests.unit.sdk.fake_hub import Asked, FakeHub, failure

ORIGIN, NOW = "hub-a.huilian.example", datetime(2027, 3, 2, 2, 0, tzinfo=UTC)
KEY = ec.derive_private_key(2026, ec.SECP256R1())
BUYER, SUPPLIER = "91449900MA0H00010W", "91449900MA0H00029R"
NOTIFICATIONS = "huilian.notification.v1.NotificationService"
REFERRALS = "huilian.lending.v1.ReferralService"


def key_file(client_id: str) -> bytes:
    """What somebody signs in with."""
    scalar = KEY.private_numbers().private_value.to_bytes(32, "big")
    return json.dumps(
        {"client_id": client_id, "key": {**public_key_to_jwk(KEY.public_key()), "d": b64u_encode(scalar)}}
    ).encode()


def hub() -> FakeHub:
    """Answers of a busy morning; the clock is a year ahead, as a sandbox's may be."""
    made = FakeHub()
    clock = sandbox_service_pb2.GetClockResponse()
    clock.now_time.FromDatetime(NOW)
    made.on("huilian.common.v1.SandboxService/GetClock", clock)
    made.on("huilian.identity.v1.IdentityService/GetKeySet", identity_pb.GetKeySetResponse(origin=ORIGIN))
    made.on("huilian.identity.v1.TokenService/IssueToken", _token)
    made.on("huilian.identity.v1.TokenService/RevokeToken", identity_pb.RevokeTokenResponse())
    made.on(f"{NOTIFICATIONS}/ListNotifications", pb.ListNotificationsResponse(notifications=_told(), unread_count=3))
    made.on(f"{NOTIFICATIONS}/MarkNotificationsRead", pb.MarkNotificationsReadResponse(marked_count=3))
    made.on(f"{NOTIFICATIONS}/ListWebhooks", pb.ListWebhooksResponse(webhooks=_webhooks()))
    made.on("huilian.lending.v1.WarningService/ListWarnings", warning_pb.ListWarningsResponse(warnings=_warnings()))
    made.on(
        "huilian.lending.v1.WarningService/AcknowledgeWarning",
        warning_pb.AcknowledgeWarningResponse(warning=_warnings()[0]),
    )
    made.on(
        "huilian.lending.v1.DealerLoanService/ListReferredDealerLoans",
        dealer_pb.ListReferredDealerLoansResponse(dealer_loans=[_dealer()]),
    )
    made.on(f"{REFERRALS}/ListReferrals", referral_pb.ListReferralsResponse(referrals=_referrals()))
    made.on(f"{REFERRALS}/DecideReferral", failure(HuilianError("LIMIT_EXCEEDED", available_fen=100)))
    freezes = freeze_pb.ListFreezesResponse(orders=[_freeze()])
    made.on("huilian.receivables.v1.FreezeService/ListFreezes", freezes)
    payments = payment_pb.ListUnresolvedPaymentsResponse(payments=_payments())
    made.on("huilian.convenience.v1.PaymentDeskService/ListUnresolvedPayments", payments)
    made.on("huilian.accounting.v1.ReconciliationService/ListCases", case_pb.ListCasesResponse(cases=_cases()))
    made.on("huilian.lending.v1.CreditService/GetDecisionReport", credit_pb.GetDecisionReportResponse(tables=_counts()))
    made.on("huilian.lending.v1.LoanService/ListLoans", loan_pb.ListLoansResponse(loans=_loans()))
    papers = document_pb.ListLoanDocumentsResponse(documents=_papers())
    made.on("huilian.lending.v1.DocumentService/ListLoanDocuments", papers)
    pdf = document_pb.GetDocumentResponse(pdf=b"%PDF-1.7 contract", file_name="loan-statement-financing-2026-0110.pdf")
    made.on("huilian.lending.v1.DocumentService/GetDocument", pdf)
    signers = signer_pb.ListSignersResponse(signers=_signers())
    made.on("huilian.onboarding.v1.OnboardingService/ListSigners", signers)
    lending.open_accounts(made)
    lending.offer_terms(made, "financing-2026-0110")
    return made


@contextmanager
def serving(make: Callable[[Huilian], web.Application], behind: FakeHub) -> Iterator[str]:
    """The application on a port of this machine, in a thread of its own; its address."""
    loop, started, address = asyncio.new_event_loop(), threading.Event(), list[str]()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(make(behind.client()))
        await runner.setup()
        await web.TCPSite(runner, "localhost", 0).start()
        address.append(f"http://localhost:{runner.addresses[0][1]}")
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _token(asked: Asked) -> Any:
    try:
        keys = {thumbprint(KEY.public_key()): KEY.public_key()}
        proof = verify_client_assertion(asked.request.client_assertion, keys, ORIGIN, NOW)
    except HuilianError as error:
        return failure(error)
    issued = identity_pb.IssueTokenResponse(access_token="token-of-the-page", subject=proof.client_id)
    issued.expire_time.FromDatetime(NOW + timedelta(minutes=15))
    return issued


def _kind(code: str) -> common_pb2.Reason:
    kind = BY_CODE[code]
    return common_pb2.Reason(code=code, text_zh=kind.text_zh, text_en=kind.text_en)


def _told() -> list[pb.Notification]:
    said = [
        ("COLLECTION_STEP", "receivable-2026-0117", {"step": "CALL", "days_overdue": "7"}, False),
        ("LOAN_CALLED", "loan-2026-0042", {"cause": "DISPUTED", "due_on": "2027-03-12"}, False),
        ("CERTIFICATE_FROZEN", "certificate-2026-0009", {"kind": "CERTIFICATE"}, False),
        ("REFERRAL_DECIDED", "financing-2026-0110", {"product_id": "receivable-loan", "state": "APPROVED"}, True),
    ]
    found = []
    for number, (code, about, facts, read) in enumerate(said):
        kind = BY_CODE[code]
        one = pb.Notification(
            notification_id=f"notification-{number}", kind=_kind(code), facts=facts, object_id=about,
            urgency=pb.NotificationUrgency.Value(f"NOTIFICATION_URGENCY_{kind.urgency}"), object_kind=kind.object_kind,
        )  # fmt: skip
        one.notify_time.FromDatetime(NOW - timedelta(hours=number))
        if read:
            one.read_time.FromDatetime(NOW)
        found.append(one)
    return found


def _webhooks() -> list[pb.Webhook]:
    good = pb.Webhook(
        webhook_id="webhook-1", url="https://erp.example.com/huilian", state=pb.WEBHOOK_STATE_ACTIVE, last_outcome="204"
    )
    gone = pb.Webhook(
        webhook_id="webhook-2",
        url="https://old.example.com/in",
        state=pb.WEBHOOK_STATE_DISABLED,
        last_outcome="timeout",
        failures=10,
    )
    return [good, gone]


def _loans() -> list[loan_pb.Loan]:
    owed = common_pb2.Money(amount_fen=45_000_000, currency="CNY")
    return [
        loan_pb.Loan(
            loan_id="financing-2026-0110", state=loan_pb.LOAN_STATE_OVERDUE, product_id="receivable-loan",
            outstanding_principal=owed, due_date="2027-02-20",
        ),
        loan_pb.Loan(loan_id="dealer-loan-0001", state=loan_pb.LOAN_STATE_ACTIVE, product_id="dealer-loan"),
    ]  # fmt: skip


def _papers() -> list[document_pb.LoanDocument]:
    said = [
        (document_pb.DOCUMENT_KIND_LOAN_CONTRACT, 0, "", "融资合同", "Loan contract"),
        (document_pb.DOCUMENT_KIND_LOAN_STATEMENT, 0, "", "贷款对账单", "Loan statement"),
        (document_pb.DOCUMENT_KIND_RESTRUCTURING_AGREEMENT, 4, "2027-02-25", "贷款重组协议", "Restructuring agreement"),
    ]
    return [
        document_pb.LoanDocument(kind=kind, sequence=number, day=day, title_zh=zh, title_en=en)
        for kind, number, day, zh, en in said
    ]


def _signers() -> list[signer_pb.Signer]:
    powers = [signer_pb.SIGNING_POWER_FINANCE, signer_pb.SIGNING_POWER_PAY, signer_pb.SIGNING_POWER_DISPUTE]
    return [
        signer_pb.Signer(signer_id="signer-finance-01", powers=powers, limit_fen=500_000_000, active=True),
        signer_pb.Signer(signer_id="signer-left-02"),
    ]


def _warnings() -> list[warning_pb.Warning]:
    rule = common_pb2.Reason(code="LATE_BUYER", text_zh="核心企业付款逾期", text_en="A core enterprise pays late")
    red = warning_pb.Warning(
        warning_id=f"LATE_BUYER:BUYER:{BUYER}:2027-03-02", rule=rule, level=warning_pb.WARNING_LEVEL_RED, subject=BUYER,
        subject_kind=warning_pb.WARNING_SUBJECT_KIND_BUYER, business_day="2027-03-02",
        state=warning_pb.WARNING_STATE_RAISED, facts={"days_past_due": 31, "overdue_receivables": 2},
    )  # fmt: skip
    amber = warning_pb.Warning()
    amber.CopyFrom(red)
    amber.warning_id, amber.subject = f"LATE_BUYER:SUPPLIER:{SUPPLIER}:2027-03-02", SUPPLIER
    amber.level, amber.subject_kind = warning_pb.WARNING_LEVEL_AMBER, warning_pb.WARNING_SUBJECT_KIND_SUPPLIER
    amber.state = warning_pb.WARNING_STATE_ACKNOWLEDGED
    amber.acknowledged_by, amber.acknowledged_reason = "operator.wang", "已联系企业财务"
    return [red, amber]


def _referrals() -> list[referral_pb.Referral]:
    why = common_pb2.Reason(code="RED_WARNING", text_zh="存在红色预警", text_en="A red warning stands")
    money = common_pb2.Money(amount_fen=120_000_000, currency="CNY")
    made = []
    for number, by in enumerate(("", "operator.wang", "operator.li")):
        one = referral_pb.Referral(
            application_id=f"financing-000{number}", product_id="receivable-loan", applicant_uscc=SUPPLIER,
            amount=money,
            reasons=[why], state=referral_pb.REFERRAL_STATE_OPEN, needs_two=True, proposed_by=by,
            proposal="APPROVE" if by else "", proposal_reason="已核实贸易背景" if by else "",
        )  # fmt: skip
        one.create_time.FromDatetime(NOW)
        made.append(one)
    return made


def _dealer() -> dealer_pb.DealerLoan:
    return dealer_pb.DealerLoan(
        loan_id="dealer-loan-0001", core_uscc=BUYER, dealer_uscc=SUPPLIER,
        limit=common_pb2.Money(amount_fen=300_000_000, currency="CNY"),
    )  # fmt: skip


def _freeze() -> freeze_pb.FreezingOrder:
    order = freeze_pb.FreezingOrder(
        freeze_id="freeze-0001", kind=freeze_pb.FROZEN_KIND_CERTIFICATE, object_id="certificate-2026-0009",
        order_number="（2027）沙01执1号", authority="沙盒市中级人民法院",
    )  # fmt: skip
    order.frozen_time.FromDatetime(NOW)
    return order


def _payments() -> list[payment_pb.UnresolvedPayment]:
    end = payment_pb.PaymentResolution(end=payment_pb.PAYMENT_END_SETTLE, paid_fen=20_000, reason="机关回单已核对")
    waiting = payment_pb.UnresolvedPayment(
        payment_key="net-1/pay-1",
        agency_id="traffic_police",
        action_id="traffic_police.pay_fine/v1",
        reserved_fen=20_000,
    )
    proposed = payment_pb.UnresolvedPayment(
        payment_key="net-2/pay-2",
        agency_id="utilities",
        action_id="utilities.pay_bill/v1",
        reserved_fen=20_000,
        proposal=end,
        proposed_by="operator.wang",
    )
    for one in (waiting, proposed):
        one.ordered_time.FromDatetime(NOW)
    return [waiting, proposed]


def _cases() -> list[case_pb.ReconciliationCase]:
    return [
        case_pb.ReconciliationCase(
            case_id="case-0001",
            state=case_pb.CASE_STATE_OPEN,
            reason="SEVERAL_FIT",
            account_id="cash:sandbox",
            item_id="entry-77",
            item_date="2027-03-01",
            amount_fen=500_000,
            candidate_ids=["clear:receivable-1"],
        ),
        case_pb.ReconciliationCase(
            case_id="case-0002",
            state=case_pb.CASE_STATE_PROPOSED,
            reason="NOTHING_LIKE_IT",
            account_id="cash:sandbox",
            item_id="entry-78",
            item_date="2027-03-01",
            amount_fen=-3_000,
            proposed_by="operator.wang",
            proposal=case_pb.CaseProposal(resolution=case_pb.CASE_RESOLUTION_COMPENSATED, reason="银行手续费"),
        ),
    ]


def _counts() -> list[credit_pb.DecisionCounts]:
    why = common_pb2.Reason(code="INCOME_TOO_LOW", text_zh="收入低于要求", text_en="Income is too low")
    return [
        credit_pb.DecisionCounts(
            table="flash-loan",
            total=40,
            approved=31,
            rejected=8,
            referred=1,
            automatic_share="0.9750",
            reasons=[credit_pb.ReasonCount(reason=why, count=8)],
        ),
        credit_pb.DecisionCounts(
            table="receivable-loan", total=12, approved=9, rejected=0, referred=3, automatic_share="0.7500"
        ),
    ]
