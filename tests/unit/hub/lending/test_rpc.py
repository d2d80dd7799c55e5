"""The services on the wire: both journeys over messages, repeated requests, refusals under their own codes."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian_protocol.webauthn import Assertion

from hub.lending.loans.rpc import FlashLoanServicer, LoanServicer
from hub.lending.rpc import FinancingServicer
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.unit.hub.lending.world import CONSENT, SUPPLIER, LendingWorld, refused


class Wire:
    """The servicers, called as somebody with a fresh request id; messages pass through their wire form both ways."""

    def __init__(self, world: LendingWorld) -> None:
        self.world = world
        idempotency = Idempotency(world.database, world.clock)
        kinds = (FinancingServicer, FlashLoanServicer, LoanServicer)
        self._servicers = [kind(world.service, idempotency) for kind in kinds]
        self._numbers = itertools.count(1)

    async def call(self, caller: str, request: Any) -> Any:
        """The answer to a request; its type names the method."""
        if hasattr(request, "request_id") and not request.request_id:
            request.request_id = f"request-{next(self._numbers)}"
        set_current_caller(Caller(caller, Role.ENTERPRISE if caller == SUPPLIER else Role.CITIZEN))
        name = type(request).__name__.removesuffix("Request")
        servicer = next(item for item in self._servicers if name in type(item).__dict__)
        answer = await getattr(servicer, name)(type(request).FromString(request.SerializeToString()), None)
        return type(answer).FromString(answer.SerializeToString())


@pytest.fixture
def wire(world: LendingWorld) -> Wire:
    return Wire(world)


def apply_request(**changes: Any) -> financing_pb.ApplyForFinancingRequest:
    return financing_pb.ApplyForFinancingRequest(
        **{"financing_id": "financing-1", "certificate_id": "certificate-1", "amount_fen": 0, **changes}
    )


async def test_the_suppliers_money(wire: Wire) -> None:
    await wire.world.held()
    quoted = await wire.call(SUPPLIER, financing_pb.QuoteFinancingRequest(certificate_id="certificate-1"))
    assert (quoted.quote.principal.amount_fen, quoted.quote.annual_rate) == (45_000, "0.0385")
    applied = await wire.call(SUPPLIER, apply_request())
    assert applied.financing.state == financing_pb.FINANCING_STATE_OFFERED
    assert applied.financing.quote == quoted.quote
    signed = await wire.call(SUPPLIER, financing_pb.AcceptFinancingRequest(financing_id="financing-1"))
    assert signed.financing.state == financing_pb.FINANCING_STATE_SIGNED
    await wire.world.settle_outbox()
    got = await wire.call(SUPPLIER, financing_pb.GetFinancingRequest(financing_id="financing-1"))
    assert (got.financing.state, got.financing.loan_id) == (financing_pb.FINANCING_STATE_DISBURSED, "financing-1")
    listed = await wire.call(SUPPLIER, financing_pb.ListFinancingsRequest())
    assert list(listed.financings) == [got.financing]
    loans = await wire.call(SUPPLIER, loan_pb.ListLoansRequest())
    assert [loan.loan_id for loan in loans.loans] == ["financing-1"]


async def test_a_repeated_request_gives_the_first_answer(wire: Wire) -> None:
    await wire.world.held()
    request = apply_request(request_id="request-again")
    first = await wire.call(SUPPLIER, request)
    before = await wire.world.snapshot()
    assert await wire.call(SUPPLIER, request) == first
    await refused(
        "REQUEST_ID_REUSED", wire.call(SUPPLIER, apply_request(request_id="request-again", amount_fen=20_000))
    )
    assert await wire.world.snapshot() == before


async def test_withdrawing_over_the_wire(wire: Wire) -> None:
    await wire.world.held()
    await wire.call(SUPPLIER, apply_request())
    withdrawn = await wire.call(SUPPLIER, financing_pb.WithdrawFinancingRequest(financing_id="financing-1"))
    assert withdrawn.financing.state == financing_pb.FINANCING_STATE_WITHDRAWN


def flash_request(**changes: Any) -> loan_pb.ApplyForFlashLoanRequest:
    wanted = {"application_id": "application-1", "consent_id": CONSENT, "amount_fen": 5_000_000, "term_days": 90}
    return loan_pb.ApplyForFlashLoanRequest(**{**wanted, **changes})


def assertion_message(assertion: Assertion) -> identity_pb.DeviceAssertion:
    return identity_pb.DeviceAssertion(
        authenticator_data=assertion.authenticator_data,
        client_data_json=assertion.client_data_json,
        signature=assertion.signature,
    )


async def test_the_citizens_loan(wire: Wire) -> None:
    citizen = wire.world.borrower()
    me = citizen.subject
    shown = await wire.call(me, loan_pb.PreviewEvidenceRequest(consent_id=CONSENT))
    assert [item.status for item in shown.items] == ["present"] * 3
    assert json.loads(shown.items[0].data_json)["base_fen"] == 1_850_000
    offer = (await wire.call(me, flash_request())).application
    assert (offer.state, offer.apr, offer.total_cost.amount_fen) == (
        loan_pb.FLASH_LOAN_STATE_OFFERED,
        "0.037005",
        45_000,
    )
    assertion = assertion_message(citizen.device.sign(offer.contract_challenge))
    sign = loan_pb.SignFlashLoanRequest(application_id="application-1", assertion=assertion)
    signed = (await wire.call(me, sign)).application
    assert (signed.state, signed.loan_id) == (loan_pb.FLASH_LOAN_STATE_DISBURSED, "application-1")
    wire.world.clock.advance(timedelta(days=30))
    repaid = await wire.call(me, loan_pb.RepayLoanRequest(loan_id="application-1", amount_fen=1_000_000))
    assert repaid.loan.outstanding_principal.amount_fen == 4_015_000
    drawn = await wire.call(me, loan_pb.DrawLoanRequest(loan_id="application-1", amount_fen=5_000))
    assert drawn.loan.outstanding_principal.amount_fen == 4_020_000
    payoff = await wire.call(me, loan_pb.QuotePayoffRequest(loan_id="application-1", as_of_date="2026-04-11"))
    assert (payoff.principal.amount_fen, payoff.interest.amount_fen) == (4_020_000, 4_020)
    loan = (await wire.call(me, loan_pb.GetLoanRequest(loan_id="application-1"))).loan
    assert [event.kind for event in loan.events] == ["DRAW", "REPAYMENT", "DRAW"]
    assert loan.state == loan_pb.LOAN_STATE_ACTIVE
    got = await wire.call(me, loan_pb.GetFlashLoanApplicationRequest(application_id="application-1"))
    assert got.application == signed


async def test_a_repeated_application_does_not_ask_the_sources_again(wire: Wire) -> None:
    citizen = wire.world.borrower()
    request = flash_request(request_id="request-flash")
    first = await wire.call(citizen.subject, request)
    asked = len(wire.world.sources.reads)
    assert await wire.call(citizen.subject, request) == first
    assert len(wire.world.sources.reads) == asked


async def test_a_repeated_signature_pays_once(wire: Wire) -> None:
    citizen = wire.world.borrower()
    offer = (await wire.call(citizen.subject, flash_request())).application
    assertion = assertion_message(citizen.device.sign(offer.contract_challenge))
    request = loan_pb.SignFlashLoanRequest(
        request_id="request-sign", application_id="application-1", assertion=assertion
    )
    first = await wire.call(citizen.subject, request)
    assert await wire.call(citizen.subject, request) == first
    assert await wire.world.balance(citizen.subject) == 5_000_000


@pytest.mark.parametrize("day", ["2026-02-30", "2026-03-01"])
async def test_a_payoff_is_quoted_for_real_days_from_today_on(wire: Wire, day: str) -> None:
    citizen = wire.world.borrower()
    await wire.world.borrowed(citizen)
    request = loan_pb.QuotePayoffRequest(loan_id="application-1", as_of_date=day)
    await refused("INVALID_ARGUMENT", wire.call(citizen.subject, request))


async def test_a_stranger_sees_nothing(wire: Wire) -> None:
    citizen = wire.world.borrower()
    await wire.world.borrowed(citizen)
    for request in (
        loan_pb.GetLoanRequest(loan_id="application-1"),
        loan_pb.QuotePayoffRequest(loan_id="application-1"),
        loan_pb.GetFlashLoanApplicationRequest(application_id="application-1"),
        loan_pb.RepayLoanRequest(loan_id="application-1", amount_fen=1),
        loan_pb.DrawLoanRequest(loan_id="application-1", amount_fen=1),
    ):
        await refused("NOT_FOUND", wire.call("wh-stranger", request))
    assert not (await wire.call("wh-stranger", loan_pb.ListLoansRequest())).loans
