"""The caller's own public records, and what they paid: ``hub.convenience``."""

from __future__ import annotations

from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.convenience.v1 import convenience_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.convenience.v1.ConvenienceService"


@dataclass(frozen=True, slots=True)
class Convenience:
    """Read one's own records under a consent to "bank.convenience", and follow one's payments."""

    calls: Calls

    async def read(self, *, consent_id: str, dataset_id: str, call: Call | None = None) -> pb.ReadRecordResponse:
        """One dataset with every granted field: "present", "no_account", "preparing" or "unavailable".

        What is being prepared, such as a credit report, is asked for again with the same request id.
        """
        request = pb.ReadRecordRequest(consent_id=consent_id, dataset_id=dataset_id)
        return await self.calls.unary(_SERVICE, request, pb.ReadRecordResponse, call)

    async def payment(self, payment_id: str, *, call: Call | None = None) -> pb.Payment:
        """What became of the payment that was ordered under this request id."""
        request = pb.GetPaymentRequest(payment_id=payment_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetPaymentResponse, call)).payment

    def payments(self) -> Pages[pb.Payment]:
        """The caller's payments, newest first."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Payment], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListPaymentsRequest(page=page), pb.ListPaymentsResponse)
            return [*answer.payments], answer.page

        return Pages(fetch)
