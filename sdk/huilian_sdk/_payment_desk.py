"""The bank's own side of payments that persons ordered: ``hub.payment_desk``. For the bank's operators."""

from __future__ import annotations

from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.convenience.v1 import convenience_service_pb2
from huilian.convenience.v1 import payment_desk_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.convenience.v1.PaymentDeskService"


@dataclass(frozen=True, slots=True)
class PaymentDesk:
    """Payments of which nobody can tell the end, the books against the payments, and what is owed. Amounts are fen."""

    calls: Calls

    def unresolved(self) -> Pages[pb.UnresolvedPayment]:
        """Payments that are still set aside, oldest first."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.UnresolvedPayment], common_pb2.PageResponse]:
            request = pb.ListUnresolvedPaymentsRequest(page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListUnresolvedPaymentsResponse)
            return [*answer.payments], answer.page

        return Pages(fetch)

    async def propose(
        self, payment_key: str, resolution: pb.PaymentResolution, *, call: Call | None = None
    ) -> pb.UnresolvedPayment:
        """Say how a payment ended whose agency cannot be heard."""
        request = pb.ProposePaymentResolutionRequest(payment_key=payment_key, resolution=resolution)
        return (await self.calls.unary(_SERVICE, request, pb.ProposePaymentResolutionResponse, call)).payment

    async def decide(
        self, payment_key: str, *, approve: bool, call: Call | None = None
    ) -> convenience_service_pb2.PaymentState.ValueType:
        """Carry out what another operator proposed, or drop it."""
        request = pb.DecidePaymentResolutionRequest(payment_key=payment_key, approve=approve)
        return (await self.calls.unary(_SERVICE, request, pb.DecidePaymentResolutionResponse, call)).state

    async def books(self, *, call: Call | None = None) -> pb.GetPaymentBooksResponse:
        """What is set aside and owed, and how the books differ from the payments: by 0."""
        return await self.calls.unary(_SERVICE, pb.GetPaymentBooksRequest(), pb.GetPaymentBooksResponse, call)

    async def pay_over(
        self, agency_id: str, *, payover_id: str = "", call: Call | None = None
    ) -> pb.PayOverToAgencyResponse:
        """Book what is owed to an agency out of the bank's own account, on its way to the treasury."""
        request = pb.PayOverToAgencyRequest(payover_id=self.calls.object_id(payover_id, call), agency_id=agency_id)
        return await self.calls.unary(_SERVICE, request, pb.PayOverToAgencyResponse, call)
