"""Part payments and collections of huilian.lending.v1 on the wire."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import collection_service_pb2 as pb
from huilian.lending.v1 import collection_service_pb2_grpc as pb_grpc

from hub.lending.messages import money
from hub.lending.service import LendingService
from hub.lending.stored_part_payments import PartPayment
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE


class CollectionServicer(pb_grpc.CollectionServiceServicer):
    """Serves buyers who pay, and the operators who look after what is due."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._payments, self._idempotency = service.part_payments, idempotency

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


def _payment(paid: PartPayment) -> pb.ReceivablePayment:
    return pb.ReceivablePayment(
        payment_id=paid.payment_id,
        receivable_id=paid.receivable_id,
        payer_id=paid.payer,
        amount=money(paid.amount_fen),
        unpaid=money(paid.unpaid_fen),
        value_date=paid.value_date.isoformat(),
    )
