"""What becomes of receivables that are due: ``hub.collections``. Paying for buyers, the rest for operators."""

from __future__ import annotations

from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import collection_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.lending.v1.CollectionService"


@dataclass(frozen=True, slots=True)
class Collections:
    """Part payments on receivables. Amounts are fen."""

    calls: Calls

    async def pay(
        self, receivable_id: str, amount_fen: int, *, payment_id: str = "", call: Call | None = None
    ) -> pb.ReceivablePayment:
        """Pay a part, or the rest, of what the caller owes on a receivable that is due."""
        request = pb.PayReceivableRequest(
            payment_id=self.calls.object_id(payment_id, call), receivable_id=receivable_id, amount_fen=amount_fen
        )
        return (await self.calls.unary(_SERVICE, request, pb.PayReceivableResponse, call)).payment

    async def book_payment(
        self, receivable_id: str, payer_id: str, amount_fen: int, *, payment_id: str = "", call: Call | None = None
    ) -> pb.ReceivablePayment:
        """Book a payment from any party's account, as a statement shows it."""
        request = pb.BookReceivablePaymentRequest(
            payment_id=self.calls.object_id(payment_id, call),
            receivable_id=receivable_id,
            payer_id=payer_id,
            amount_fen=amount_fen,
        )
        return (await self.calls.unary(_SERVICE, request, pb.BookReceivablePaymentResponse, call)).payment

    def payments(self, receivable_id: str) -> Pages[pb.ReceivablePayment]:
        """The part payments on a receivable, newest first."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.ReceivablePayment], common_pb2.PageResponse]:
            request = pb.ListReceivablePaymentsRequest(receivable_id=receivable_id, page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListReceivablePaymentsResponse)
            return [*answer.payments], answer.page

        return Pages(fetch)

    def events(self, receivable_id: str = "") -> Pages[pb.CollectionEvent]:
        """Steps of collection on one receivable, or on all, newest first."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.CollectionEvent], common_pb2.PageResponse]:
            request = pb.ListCollectionEventsRequest(receivable_id=receivable_id, page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListCollectionEventsResponse)
            return [*answer.events], answer.page

        return Pages(fetch)

    async def resolve(self, event_id: str, note: str, *, call: Call | None = None) -> pb.CollectionEvent:
        """Say how a step ended, once and for good."""
        request = pb.ResolveCollectionEventRequest(event_id=event_id, note=note)
        return (await self.calls.unary(_SERVICE, request, pb.ResolveCollectionEventResponse, call)).event
