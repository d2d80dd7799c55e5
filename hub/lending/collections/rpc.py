"""Part payments and collections of huilian.lending.v1 on the wire."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import collection_service_pb2 as pb
from huilian.lending.v1 import collection_service_pb2_grpc as pb_grpc

from hub.lending.clearing.stored import PartPayment
from hub.lending.collections.stored import CollectionEvent
from hub.lending.messages import money
from hub.lending.service import LendingService
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE


class CollectionServicer(pb_grpc.CollectionServiceServicer):
    """Serves buyers who pay, and the operators who look after what is due."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._payments, self._desk, self._idempotency = service.part_payments, service.collections, idempotency

    async def PayReceivable(self, request: pb.PayReceivableRequest, context: Any) -> pb.PayReceivableResponse:
        """A part from the buyer's own account."""

        async def use_case() -> pb.PayReceivableResponse:
            caller = current_caller().id
            paid = await self._payments.pay_own(caller, request.payment_id, request.receivable_id, request.amount_fen)
            return pb.PayReceivableResponse(payment=_payment(paid))

        return await self._idempotency.run("PayReceivable", request, pb.PayReceivableResponse, use_case)

    async def BookReceivablePayment(
        self, request: pb.BookReceivablePaymentRequest, context: Any
    ) -> pb.BookReceivablePaymentResponse:
        """A part from any party's account."""

        async def use_case() -> pb.BookReceivablePaymentResponse:
            paid = await self._payments.book(
                request.payment_id, request.receivable_id, request.payer_id, request.amount_fen
            )
            return pb.BookReceivablePaymentResponse(payment=_payment(paid))

        return await self._idempotency.run("BookReceivablePayment", request, pb.BookReceivablePaymentResponse, use_case)

    async def ListReceivablePayments(
        self, request: pb.ListReceivablePaymentsRequest, context: Any
    ) -> pb.ListReceivablePaymentsResponse:
        """The part payments on a receivable."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._payments.page_of(request.receivable_id, size, request.page.page_token)
        return pb.ListReceivablePaymentsResponse(
            payments=[_payment(item) for item in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ListCollectionEvents(
        self, request: pb.ListCollectionEventsRequest, context: Any
    ) -> pb.ListCollectionEventsResponse:
        """Steps that were raised."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._desk.page_of(request.receivable_id, size, request.page.page_token)
        return pb.ListCollectionEventsResponse(
            events=[self._event(item) for item in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ResolveCollectionEvent(
        self, request: pb.ResolveCollectionEventRequest, context: Any
    ) -> pb.ResolveCollectionEventResponse:
        """How a step ended."""

        async def use_case() -> pb.ResolveCollectionEventResponse:
            event = await self._desk.resolve(current_caller().id, request.event_id, request.note)
            return pb.ResolveCollectionEventResponse(event=self._event(event))

        response_type = pb.ResolveCollectionEventResponse
        return await self._idempotency.run("ResolveCollectionEvent", request, response_type, use_case)

    def _event(self, event: CollectionEvent) -> pb.CollectionEvent:
        step = self._desk.step(event.step)
        message = pb.CollectionEvent(
            event_id=event.event_id,
            receivable_id=event.receivable_id,
            buyer_uscc=event.buyer_uscc,
            step=common_pb2.Reason(code=step.step, text_zh=step.text_zh, text_en=step.text_en),
            days_overdue=event.days_overdue,
            raised_date=event.raised_on.isoformat(),
            resolved_by=event.resolved_by,
            note=event.note,
        )
        if event.resolved_at is not None:
            message.resolve_time.FromDatetime(event.resolved_at)
        return message


def _payment(paid: PartPayment) -> pb.ReceivablePayment:
    return pb.ReceivablePayment(
        payment_id=paid.payment_id,
        receivable_id=paid.receivable_id,
        payer_id=paid.payer,
        amount=money(paid.amount_fen),
        unpaid=money(paid.unpaid_fen),
        value_date=paid.value_date.isoformat(),
    )
