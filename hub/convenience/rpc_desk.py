"""The bank's own side of payments on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.convenience.v1 import convenience_service_pb2, payment_desk_service_pb2_grpc
from huilian.convenience.v1 import payment_desk_service_pb2 as pb

from hub.convenience.payment_desk import PaymentDesk, Unresolved
from hub.convenience.rules import Resolution
from hub.platform.callers import current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE

_END = "PAYMENT_END_"


class PaymentDeskServicer(payment_desk_service_pb2_grpc.PaymentDeskServiceServicer):
    """Serves the bank's operators."""

    def __init__(self, desk: PaymentDesk, database: Database, idempotency: Idempotency) -> None:
        self._desk, self._database, self._idempotency = desk, database, idempotency

    async def ListUnresolvedPayments(
        self, request: pb.ListUnresolvedPaymentsRequest, context: Any
    ) -> pb.ListUnresolvedPaymentsResponse:
        """Payments set aside, oldest first."""
        page = await self._desk.page(request.page.page_size or DEFAULT_PAGE_SIZE, request.page.page_token)
        return pb.ListUnresolvedPaymentsResponse(
            payments=[_payment(one) for one in page.payments],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ProposePaymentResolution(
        self, request: pb.ProposePaymentResolutionRequest, context: Any
    ) -> pb.ProposePaymentResolutionResponse:
        """One operator's word."""

        async def use_case() -> pb.ProposePaymentResolutionResponse:
            given = request.resolution
            kind = pb.PaymentEnd.Name(given.end).removeprefix(_END)
            resolution = Resolution(kind, given.paid_fen, given.receipt_number, given.reason)
            payment = await self._desk.propose(current_caller().id, request.payment_key, resolution)
            return pb.ProposePaymentResolutionResponse(payment=_payment(payment))

        response_type = pb.ProposePaymentResolutionResponse
        return await self._idempotency.run("ProposePaymentResolution", request, response_type, use_case)

    async def DecidePaymentResolution(
        self, request: pb.DecidePaymentResolutionRequest, context: Any
    ) -> pb.DecidePaymentResolutionResponse:
        """Another operator's decision."""

        async def use_case() -> pb.DecidePaymentResolutionResponse:
            state = await self._desk.decide(current_caller().id, request.payment_key, approve=request.approve)
            value = convenience_service_pb2.PaymentState.Value(f"PAYMENT_STATE_{state}")
            return pb.DecidePaymentResolutionResponse(state=value)

        response_type = pb.DecidePaymentResolutionResponse
        return await self._idempotency.run("DecidePaymentResolution", request, response_type, use_case)

    async def GetPaymentBooks(self, request: pb.GetPaymentBooksRequest, context: Any) -> pb.GetPaymentBooksResponse:
        """The books against the payments, as of one moment."""
        async with self._database.transaction():
            books = await self._desk.books()
        return pb.GetPaymentBooksResponse(
            reserved_fen=books.reserved_fen,
            reserved_difference_fen=books.reserved_difference_fen,
            owed=[
                pb.OwedToAgency(
                    agency_id=agency, owed_fen=owed_fen, difference_fen=books.owed_difference_fen.get(agency, 0)
                )
                for agency, owed_fen in sorted(books.owed_fen.items())
            ],
        )

    async def PayOverToAgency(self, request: pb.PayOverToAgencyRequest, context: Any) -> pb.PayOverToAgencyResponse:
        """What is owed to one agency."""

        async def use_case() -> pb.PayOverToAgencyResponse:
            paid = await self._desk.pay_over(request.payover_id, request.agency_id)
            return pb.PayOverToAgencyResponse(
                amount_fen=paid.amount_fen, journal_id=paid.journal_id, end_to_end_id=paid.reference
            )

        return await self._idempotency.run("PayOverToAgency", request, pb.PayOverToAgencyResponse, use_case)


def _payment(one: Unresolved) -> pb.UnresolvedPayment:
    message = pb.UnresolvedPayment(
        payment_key=one.payment_key,
        agency_id=one.agency,
        action_id=one.action_id,
        reserved_fen=one.reserved_fen,
        proposed_by=one.proposed_by or "",
    )
    message.ordered_time.FromDatetime(one.ordered_at)
    if one.proposal is not None:
        made = one.proposal
        message.proposal.end = pb.PaymentEnd.Value(f"{_END}{made.kind}")
        message.proposal.paid_fen, message.proposal.reason = made.paid_fen, made.reason
        message.proposal.receipt_number = made.receipt_number
    return message
