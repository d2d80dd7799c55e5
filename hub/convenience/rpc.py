"""huilian.convenience.v1 on the wire: proto in, proto out, no rule. The policy table says who may call what."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.convenience.v1 import convenience_service_pb2 as pb
from huilian.convenience.v1 import convenience_service_pb2_grpc
from huilian_protocol.canonical import canonicalise

from hub.convenience.payments import Payment, Payments
from hub.convenience.records import Records
from hub.convenience.states import PaymentState
from hub.platform.callers import current_caller
from hub.platform.timestamps import timestamp

DEFAULT_PAGE_SIZE = 50
_STATES = {state: pb.PaymentState.Value(f"PAYMENT_STATE_{state}") for state in PaymentState}


class ConvenienceServicer(convenience_service_pb2_grpc.ConvenienceServiceServicer):
    """Serves persons their own records and payments."""

    def __init__(self, records: Records, payments: Payments) -> None:
        self._records, self._payments = records, payments

    async def ReadRecord(self, request: pb.ReadRecordRequest, context: Any) -> pb.ReadRecordResponse:
        """One dataset; the exchange itself gives a repeated request id its first answer."""
        caller = current_caller().id
        record = await self._records.read(caller, request.request_id, request.consent_id, request.dataset_id)
        return pb.ReadRecordResponse(
            status=record.status,
            data_json=canonicalise(dict(record.data)).decode("utf-8") if record.data else "",
            error_code=record.error_code,
            access_record_id=record.access_record_id,
        )

    async def GetPayment(self, request: pb.GetPaymentRequest, context: Any) -> pb.GetPaymentResponse:
        """One payment of the caller."""
        return pb.GetPaymentResponse(
            payment=_message(await self._payments.get(current_caller().id, request.payment_id))
        )

    async def ListPayments(self, request: pb.ListPaymentsRequest, context: Any) -> pb.ListPaymentsResponse:
        """The caller's payments, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._payments.page(current_caller().id, request.page.page_token, size)
        return pb.ListPaymentsResponse(
            payments=[_message(payment) for payment in page.payments],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )


def _message(payment: Payment) -> pb.Payment:
    return pb.Payment(
        payment_id=payment.payment_id,
        consent_id=payment.consent_id,
        action_id=payment.action_id,
        state=_STATES[payment.state],
        reserved_fen=payment.reserved_fen,
        paid_fen=payment.paid_fen,
        receipt_number=payment.receipt_number,
        reason=payment.reason,
        ordered_time=timestamp(payment.ordered_at),
        settled_time=timestamp(payment.settled_at),
    )
