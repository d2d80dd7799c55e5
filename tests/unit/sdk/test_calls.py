"""What every call does: request ids, deadlines, retries, replays, typed errors."""

from __future__ import annotations

import pytest
from huilian.ledger.v1 import ledger_service_pb2
from huilian.lending.v1 import loan_service_pb2 as pb
from huilian_protocol.errors import HuilianError, catalogue
from huilian_sdk import (
    AuthenticationError,
    Call,
    CallerError,
    ConflictError,
    DeadlineError,
    HubError,
    InvalidInputError,
    NotFoundError,
    PersonError,
    ProviderError,
    RateLimitedError,
    RefusedError,
    RetryPolicy,
    UnavailableError,
)

from tests.unit.sdk.fake_hub import FakeHub, failure

REPAY = "huilian.lending.v1.LoanService/RepayLoan"
RECEIPT = "huilian.ledger.v1.LedgerService/GetReceipt"
AWAY = HuilianError("UNAVAILABLE")
PAID = pb.RepayLoanResponse(loan=pb.Loan(loan_id="loan-00000001"))


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub()


async def test_a_write_gets_a_request_id_of_its_own_or_the_given_one(hub: FakeHub) -> None:
    hub.on(REPAY, PAID)
    first, given = Call(), Call(request_id="repay-0000001")
    await hub.client().loans.repay("loan-00000001", 100, call=first)
    await hub.client().loans.repay("loan-00000001", 100, call=given)
    sent = [asked.request.request_id for asked in hub.asked]
    assert sent == [first.request_id, "repay-0000001"] and first.request_id


async def test_retries_keep_the_request_id_and_pause_longer_each_time(hub: FakeHub) -> None:
    hub.on(REPAY, failure(AWAY), failure(AWAY), failure(AWAY), PAID)
    call = Call()
    loan = await hub.client().loans.repay("loan-00000001", 100, call=call)
    assert loan.loan_id == "loan-00000001" and call.attempts == 4
    assert len({asked.request.request_id for asked in hub.asked}) == 1
    assert len({asked.metadata["huilian-trace-id"] for asked in hub.asked}) == 1
    assert hub.slept == pytest.approx([0.1, 0.2, 0.4])


async def test_tries_run_out(hub: FakeHub) -> None:
    hub.on(REPAY, failure(AWAY))
    with pytest.raises(UnavailableError):
        await hub.client(retry=RetryPolicy(attempts=3)).loans.repay("loan-00000001", 100)
    assert len(hub.asked) == 3


async def test_the_deadline_is_for_all_tries_together(hub: FakeHub) -> None:
    hub.on(REPAY, failure(AWAY))
    with pytest.raises(UnavailableError):
        await hub.client(retry=RetryPolicy(attempts=99)).loans.repay("loan-00000001", 1, call=Call(timeout_s=1.0))
    timeouts = [asked.timeout_s for asked in hub.asked]
    assert timeouts == pytest.approx([1.0, 0.9, 0.7, 0.3])


async def test_a_call_without_time_does_not_reach_the_hub(hub: FakeHub) -> None:
    hub.on(REPAY, PAID)
    with pytest.raises(DeadlineError):
        await hub.client(timeout_s=0.0).loans.repay("loan-00000001", 1)
    assert hub.asked == []


@pytest.mark.parametrize("code", [code for code, entry in catalogue().items() if entry.grpc != "UNAVAILABLE"])
async def test_only_unavailability_is_tried_again(hub: FakeHub, code: str) -> None:
    hub.on(REPAY, failure(HuilianError(code)))
    with pytest.raises(HuilianError) as caught:
        await hub.client().loans.repay("loan-00000001", 100)
    assert caught.value.code == code and len(hub.asked) == 1


async def test_the_hub_steers_the_pause(hub: FakeHub) -> None:
    limited = failure(HuilianError("RATE_LIMITED", retry_after_seconds=1), grpc_retry_pushback_ms="1500")
    hub.on(REPAY, limited, PAID)
    await hub.client().loans.repay("loan-00000001", 100)
    assert hub.slept == [1.5]


@pytest.mark.parametrize("word", ["-1", "soon", ""])
async def test_the_hub_can_forbid_a_retry(hub: FakeHub, word: str) -> None:
    hub.on(REPAY, failure(AWAY, grpc_retry_pushback_ms=word), PAID)
    with pytest.raises(UnavailableError):
        await hub.client().loans.repay("loan-00000001", 100)
    assert len(hub.asked) == 1


async def test_a_pause_beyond_the_deadline_is_not_slept(hub: FakeHub) -> None:
    hub.on(REPAY, failure(AWAY, grpc_retry_pushback_ms="60000"), PAID)
    with pytest.raises(UnavailableError):
        await hub.client().loans.repay("loan-00000001", 100)
    assert hub.slept == []


async def test_a_replayed_answer_is_reported(hub: FakeHub) -> None:
    hub.on(REPAY, PAID)
    call = Call(request_id="repay-0000001")
    await hub.client().loans.repay("loan-00000001", 100, call=call)
    assert not call.replayed
    hub.trailers["huilian-replayed"] = "true"
    await hub.client().loans.repay("loan-00000001", 100, call=call)
    assert call.replayed


async def test_a_pending_receipt_is_waited_for(hub: FakeHub) -> None:
    ready = ledger_service_pb2.GetReceiptResponse(receipt=b"{}")
    hub.on(RECEIPT, failure(HuilianError("RECEIPT_PENDING")), ready)
    assert await hub.client().ledger.receipt("confirmation:rcv-00000001") == b"{}"


@pytest.mark.parametrize(
    ("code", "kind", "parent"),
    [
        ("UNKNOWN_FIELD", InvalidInputError, CallerError),
        ("TOKEN_EXPIRED", AuthenticationError, CallerError),
        ("ARTEFACT_TAMPERED", RefusedError, CallerError),
        ("NOT_FOUND", NotFoundError, CallerError),
        ("REQUEST_ID_REUSED", ConflictError, CallerError),
        ("STATE_CONFLICT", ConflictError, CallerError),
        ("RATE_LIMITED", RateLimitedError, CallerError),
        ("ASSERTION_INVALID", PersonError, HuilianError),
        ("PROVIDER_TIMEOUT", ProviderError, HuilianError),
        ("RECEIPT_PENDING", UnavailableError, HubError),
        ("DEADLINE_EXCEEDED", DeadlineError, HubError),
        ("INTERNAL", HubError, HuilianError),
    ],
)
async def test_errors_have_a_class_of_the_tree(
    hub: FakeHub, code: str, kind: type[HuilianError], parent: type[HuilianError]
) -> None:
    hub.on(REPAY, failure(HuilianError(code, "why", field="x")))
    with pytest.raises(parent) as caught:
        await hub.client(retry=RetryPolicy(attempts=1)).loans.repay("loan-00000001", 100)
    assert type(caught.value) is kind
    assert caught.value.params == {"field": "x"}


async def test_a_new_object_is_named_after_a_given_request_id(hub: FakeHub) -> None:
    path = "huilian.receivables.v1.CertificateService/IssueCertificate"
    from huilian.receivables.v1 import certificate_service_pb2

    hub.on(path, certificate_service_pb2.IssueCertificateResponse())
    certificates = hub.client().certificates
    for _ in range(2):
        await certificates.issue("rcv-00000001", 5, call=Call(request_id="issue-0000001"))
    await certificates.issue("rcv-00000001", 5, certificate_id="cert-0000001")
    ids = [asked.request.certificate_id for asked in hub.asked]
    assert ids == ["issue-0000001", "issue-0000001", "cert-0000001"]


async def test_closing_the_client_closes_the_transport(hub: FakeHub) -> None:
    async with hub.client():
        assert not hub.closed
    assert hub.closed
