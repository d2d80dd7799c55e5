"""Every RPC that callers may use has a facade, and each facade sends what it was given."""

from __future__ import annotations

import importlib
import inspect
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian.accounting.v1 import reconciliation_service_pb2
from huilian.common.v1 import common_pb2
from huilian.convenience.v1 import payment_desk_service_pb2
from huilian.lending.v1 import workout_service_pb2
from huilian.onboarding.v1 import account_opening_service_pb2
from huilian.receivables.v1 import freeze_service_pb2, receivable_service_pb2
from huilian_protocol.artefact import ActionGrant, DatasetGrant, Period
from huilian_protocol.delegation import Basis, Delegation, EnterpriseProof, Link
from huilian_protocol.signers import EnterpriseVerification, Mandate, Power, SignerChange
from huilian_sdk import Call, Huilian, Keystore, Pages, RefusedError

from tests.unit.protocol.world import BUYER_USCC, DEVICE, SUPPLIER_USCC, confirmation
from tests.unit.sdk.fake_hub import SERVICES, FakeHub, messages

SIGNER_KEY = ec.derive_private_key(5, ec.SECP256R1()).public_key()
FACADES = [
    "identity",
    "consents",
    "exchange",
    "convenience",
    "onboarding",
    "openings",
    "receivables",
    "certificates",
    "freezes",
    "financing",
    "order_loans",
    "auctions",
    "loans",
    "workouts",
    "credit",
    "dealer_loans",
    "collections",
    "warnings",
    "referrals",
    "payment_desk",
    "accounting",
    "reconciliation",
    "documents",
    "ledger",
    "privacy",
    "notices",
    "notifications",
    "supervision",
    "sandbox",
]
STREAMS = {"/huilian.consent.v1.ConsentService/WatchRevocations"}  # for connectors, which follow it themselves


def _link() -> Link:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    made = Delegation("d-1", Basis.COMPANY, BUYER_USCC, "wh-2", ("tax.enterprise/v1",), ("LOAN_APPLICATION",), now, now)
    return Link(made, EnterpriseProof("PEM", bytes(65)))


EXAMPLES: dict[str, Any] = {
    "amends_version": 1,
    "business_day": date(2026, 3, 1),
    "camt053": b"<Document/>",
    "resolution": payment_desk_service_pb2.PaymentResolution(reason="why"),
    "proposal": reconciliation_service_pb2.CaseProposal(reason="why"),
    "source": reconciliation_service_pb2.CASE_SOURCE_BANK,
    "state": reconciliation_service_pb2.CASE_STATE_OPEN,
    "statement": b"statement",
    "delegation": [_link()],
    "version": 1,
    "actions": [ActionGrant("a.b/v1", 1, 100, "A" * 43)],
    "sealed_parameters": b"sealed",
    "sealed_request": b"sealed",
    "daily_digest": True,
    "dimension": "BUYER",
    "core_uscc": BUYER_USCC,
    "granted": True,
    "approve": True,
    "content": b"%PDF-1.7",
    "media_type": "application/pdf",
    "review": account_opening_service_pb2.OPENING_REVIEW_DOCUMENT_UNREADABLE,
    "branch_code": "SB01",
    "slot": "09:30",
    "day": date(2026, 3, 3),
    "account_number": "622200000001",
    "missing_originals": [account_opening_service_pb2.OPENING_DOCUMENT_KIND_ARTICLES],
    "applicant_absent": True,
    "reason": "why",
    "party": BUYER_USCC,
    "limit_fen": 1,
    "enterprise_uscc": BUYER_USCC,
    "group_id": "group-1",
    "decision_id": "decision-1",
    "from_day": date(2026, 3, 1),
    "notice_ids": ["access:one"],
    "to_day": date(2026, 3, 2),
    "amount_fen": 100,
    "annual_rate": Decimal("0.05"),
    "artefact": b"{}",
    "assertion": DEVICE.sign(bytes(32)),
    "as_of": date(2026, 8, 29),
    "confirmation": confirmation(),
    "data_life_days": 30,
    "deadline_ms": 500,
    "due_date": date(2026, 8, 29),
    "event_id": "loan-00000001:3",
    "most_fen": 100,
    "period_from": datetime(2026, 1, 1, tzinfo=UTC),
    "period_to": datetime(2026, 2, 1, tzinfo=UTC),
    "plan": workout_service_pb2.RepaymentPlan(kind="bullet"),
    "value_date": date(2026, 8, 29),
    "datasets": [DatasetGrant("d/v1", ("a", "b"), Period("2025-01", "2025-12"))],
    "device_public_jwk": DEVICE.public_jwk,
    "fields": ["b", "a"],
    "from_start": True,
    "ground": receivable_service_pb2.DISPUTE_GROUND_QUALITY,
    "kind": freeze_service_pb2.FROZEN_KIND_CERTIFICATE,
    "leaf_index": 1,
    "level": 1,
    "index": 1,
    "width": 256,
    "reads": [("d/v1", ["b", "a"], Period("2025-01", "2025-12"))],
    "max_reads": 3,
    "new_size": 7,
    "old_size": 5,
    "buyer_uscc": BUYER_USCC,
    "funder_uscc": BUYER_USCC,
    "highest_rate": Decimal("0.06"),
    "bidding": timedelta(hours=1),
    "revealing": timedelta(hours=1),
    "commitment": bytes(32),
    "salt": bytes(32),
    "first_day": date(2026, 8, 1),
    "last_day": date(2026, 8, 29),
    "rule": "INVOICE_SPLIT",
    "change": SignerChange(BUYER_USCC, 1, "signer-00001", SIGNER_KEY, frozenset({Power.CONFIRM}), 100),
    "approvals": [("signer-00002", bytes(64))],
    "mandate": Mandate(BUYER_USCC, Power.CONFIRM, "rcv-00000001", 100, "signer-00001"),
    "legal_person_commitment": bytes(32),
    "proof": bytes(64),
    "sequence": 1,
    "stated": EnterpriseVerification(BUYER_USCC, "沙盒买方", bytes(32), SIGNER_KEY, datetime(2026, 1, 1, tzinfo=UTC)),
    "note": "looked at",
    "closed_day": date(2026, 3, 2),
    "number": 1,
    "parts_fen": {"cert-0000001": 60, "cert-0000002": 40},
    "period": Period("2025-01", "2025-12"),
    "receiver_uscc": SUPPLIER_USCC,
    "sealed_identity": b"sealed",
    "sealed_subjects": {"tax": b"t", "housing_fund": b"h"},
    "signature": bytes(65),
    "target": datetime(2026, 9, 1, tzinfo=UTC),
    "only_open": True,
    "only_unread": True,
    "severity": "RED",
    "subject_kind": "BUYER",
    "term_days": 90,
    "warning_id": "FALLING_ORDERS:BUYER:91310000MA1FL0001X:2026-03-02",
    "token_public_jwk": DEVICE.public_jwk,
    "tree_size": 5,
    "valid_until": datetime(2026, 9, 1, tzinfo=UTC),
}


class _Everything(FakeHub):
    """Answers every method with an empty answer of its type."""

    async def unary(self, path: str, request: bytes, **rest: Any) -> Any:
        self.on(path.lstrip("/"), self.answer(path))
        return await super().unary(path, request, **rest)

    @staticmethod
    def answer(path: str) -> Any:
        made: Any = messages(path)[1]()
        if path.endswith("/PrepareConfirmation"):
            made.confirmation.due_date = "2026-08-29"
        return made


def public_methods(facade: Any) -> list[tuple[str, Any]]:
    # Not by `inspect.getmembers`: it reads `__weakref__`, which early 3.11 refuses on dataclasses with slots.
    members = [(name, getattr(facade, name)) for name in dir(facade) if not name.startswith("_") and name != "confirm"]
    return [(name, method) for name, method in members if inspect.ismethod(method)]


def arguments(method: Any) -> dict[str, Any]:
    """An example for every parameter of a facade's method."""
    from huilian.identity.v1 import identity_service_pb2

    given: dict[str, Any] = {}
    for name in inspect.signature(method).parameters:
        if name == "request":
            given[name] = identity_service_pb2.IssueTokenRequest(client_assertion="x")
        elif name != "call":
            given[name] = EXAMPLES.get(name, f"{name.replace('_', '-')}-0001")
    return given


async def call_everything(hub: FakeHub) -> None:
    client = hub.client()
    for name in FACADES:
        for _, method in public_methods(getattr(client, name)):
            outcome = method(**arguments(method))
            if isinstance(outcome, Pages):
                outcome = outcome.page(page_token="t", page_size=7)
            await outcome


async def test_every_rpc_for_callers_has_a_facade() -> None:
    hub = _Everything()
    await call_everything(hub)
    called = {asked.path for asked in hub.asked}
    offered = set()
    for service, module in SERVICES.items():
        descriptor = importlib.import_module(module).DESCRIPTOR.services_by_name[service.rsplit(".", 1)[1]]
        offered |= {f"/{service}/{method.name}" for method in descriptor.methods}
    assert called == offered - STREAMS


async def test_every_request_is_filled_completely() -> None:
    """No field of a request is forgotten by every method that sends it (a ``oneof`` is filled on one side)."""
    hub = _Everything()
    await call_everything(hub)
    filled: dict[str, set[str]] = defaultdict(set)
    for asked in hub.asked:
        filled[asked.path] |= {field.name for field, _ in asked.request.ListFields()}
    for asked in hub.asked:
        fields = asked.request.DESCRIPTOR.fields
        needed = {field.name for field in fields if field.containing_oneof is None}
        assert needed <= filled[asked.path], asked.path


async def test_every_parameter_has_a_type() -> None:
    client = FakeHub().client()
    for name in FACADES:
        for _, method in public_methods(getattr(client, name)):
            assert get_type_hints(method).keys() >= {*inspect.signature(method).parameters, "return"}


async def test_pages_are_read_to_the_end() -> None:
    hub = FakeHub()
    path = "huilian.receivables.v1.ReceivableService/ListReceivables"
    answers = [
        receivable_service_pb2.ListReceivablesResponse(
            receivables=[receivable_service_pb2.Receivable(receivable_id=name) for name in names],
            page=common_pb2.PageResponse(next_page_token=token),
        )
        for names, token in ((["a", "b"], "2"), ([], "3"), (["c"], ""))
    ]
    hub.on(path, *answers)
    found = [item.receivable_id async for item in hub.client().receivables.list()]
    assert found == ["a", "b", "c"]
    assert [asked.request.page.page_token for asked in hub.asked] == ["", "2", "3"]


async def test_one_page_at_a_time() -> None:
    hub = _Everything()
    page = await hub.client().loans.list().page(page_token="t", page_size=7)
    assert (page.items, page.next_page_token) == ([], "")
    assert (hub.asked[0].request.page.page_token, hub.asked[0].request.page.page_size) == ("t", 7)


def receivable(**changes: Any) -> receivable_service_pb2.Receivable:
    offered = confirmation()
    usual: dict[str, Any] = {
        "receivable_id": offered.receivable_id,
        "buyer_uscc": offered.buyer_uscc,
        "supplier_uscc": offered.supplier_uscc,
        "amount": common_pb2.Money(amount_fen=offered.amount_fen, currency="CNY"),
        "due_date": offered.due_date.isoformat(),
        "evidence_hash": offered.evidence_hash,
    }
    return receivable_service_pb2.Receivable(**(usual | changes))


def confirming_hub(shown: receivable_service_pb2.Receivable) -> FakeHub:
    from huilian_sdk._receivables import to_message

    hub, service = FakeHub(), "huilian.receivables.v1.ReceivableService"
    hub.on(f"{service}/GetReceivable", receivable_service_pb2.GetReceivableResponse(receivable=shown))
    offered = receivable_service_pb2.PrepareConfirmationResponse(confirmation=to_message(confirmation()))
    hub.on(f"{service}/PrepareConfirmation", offered)
    hub.on(f"{service}/ConfirmReceivable", receivable_service_pb2.ConfirmReceivableResponse(receivable=shown))
    return hub


async def test_confirming_signs_what_the_hub_offers() -> None:
    hub, keystore = confirming_hub(receivable()), Keystore.generate(BUYER_USCC, "企业")
    await hub.client().receivables.confirm("rcv-00000001", keystore, call=Call(request_id="confirm-00001"))
    sent = hub.asked[-1].request
    assert sent.request_id == "confirm-00001"
    assert sent.signature == keystore.sign_confirmation(confirmation())


@pytest.mark.parametrize(
    "changes",
    [
        {"receivable_id": "rcv-00000002"},
        {"supplier_uscc": BUYER_USCC},
        {"amount": common_pb2.Money(amount_fen=1, currency="CNY")},
        {"due_date": "2026-08-30"},
        {"evidence_hash": bytes(32)},
    ],
)
async def test_a_hub_that_shows_one_thing_and_offers_another_gets_no_signature(changes: dict[str, Any]) -> None:
    hub = confirming_hub(receivable(**changes))
    with pytest.raises(RefusedError) as caught:
        await hub.client().receivables.confirm("rcv-00000001", Keystore.generate(BUYER_USCC, "企业"))
    assert caught.value.code == "CONFIRMATION_MISMATCH"
    assert not any(asked.path.endswith("ConfirmReceivable") for asked in hub.asked)


async def test_nobody_signs_for_another_buyer() -> None:
    hub = confirming_hub(receivable())
    with pytest.raises(RefusedError):
        await hub.client().receivables.confirm("rcv-00000001", Keystore.generate(SUPPLIER_USCC, "供应商"))


def test_the_client_has_exactly_these_facades() -> None:
    client = Huilian(FakeHub())
    assert {name for name in vars(client) if not name.startswith("_")} == set(FACADES)
