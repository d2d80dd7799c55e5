"""A person's right to have their data destroyed: ``hub.privacy``."""

from __future__ import annotations

from dataclasses import dataclass

from huilian.identity.v1 import privacy_service_pb2 as pb
from huilian_protocol.webauthn import Assertion

from huilian_sdk._calls import Call, Calls
from huilian_sdk._tokens import assertion_message

_SERVICE = "huilian.identity.v1.PrivacyService"


@dataclass(frozen=True, slots=True)
class Privacy:
    """Erasure of everything that the hub keeps about the caller."""

    calls: Calls

    async def prepare_erasure(self, erasure_id: str, *, call: Call | None = None) -> pb.PrepareErasureResponse:
        """The order whose SHA-256 the person's device signs, and what the law has the hub keep nevertheless.

        ``erasure_id`` is chosen at random (:func:`new_id`); who knows it can fetch the receipt later, without an
        account. Raises :class:`HuilianError` STATE_CONFLICT while a loan is open.
        """
        request = pb.PrepareErasureRequest(erasure_id=erasure_id)
        return await self.calls.unary(_SERVICE, request, pb.PrepareErasureResponse, call)

    async def erase_my_data(
        self, erasure_id: str, assertion: Assertion, *, call: Call | None = None
    ) -> pb.EraseMyDataResponse:
        """Destroy what the hub keeps about the caller, for good; the answer holds the hub's certificate."""
        request = pb.EraseMyDataRequest(erasure_id=erasure_id, assertion=assertion_message(assertion))
        return await self.calls.unary(_SERVICE, request, pb.EraseMyDataResponse, call)

    async def erasure_receipt(self, erasure_id: str, *, call: Call | None = None) -> bytes:
        """The receipt of an erasure. Raises :class:`HuilianError` RECEIPT_PENDING while it is not anchored."""
        request = pb.GetErasureReceiptRequest(erasure_id=erasure_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetErasureReceiptResponse, call)).receipt
