"""huilian.identity.v1.PrivacyService on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from huilian.identity.v1 import privacy_service_pb2 as pb
from huilian.identity.v1 import privacy_service_pb2_grpc
from huilian_protocol.webauthn import Assertion

from hub.identity.erasure import ErasureService
from hub.platform.callers import current_caller
from hub.platform.database import Database
from hub.platform.erasure import Retention


class PrivacyServicer(privacy_service_pb2_grpc.PrivacyServiceServicer):
    """Serves erasures. They remember their own answers: an answer stored for the person would be erased as well."""

    def __init__(self, service: ErasureService, database: Database) -> None:
        self._service, self._database = service, database

    async def PrepareErasure(self, request: pb.PrepareErasureRequest, context: Any) -> pb.PrepareErasureResponse:
        """What to sign and what stays."""
        async with self._database.transaction():
            order, retained = await self._service.prepare(current_caller().id, request.erasure_id)
        return pb.PrepareErasureResponse(order=order, retained=_retained(retained))

    async def EraseMyData(self, request: pb.EraseMyDataRequest, context: Any) -> pb.EraseMyDataResponse:
        """Destroy what is kept about the caller."""
        proof = request.assertion
        assertion = Assertion(proof.authenticator_data, proof.client_data_json, proof.signature)
        done = await self._service.erase(current_caller().id, request.erasure_id, assertion)
        answer = pb.EraseMyDataResponse(
            erasure_id=done.erasure_id, certificate=done.certificate, retained=_retained(done.retained)
        )
        answer.erased_time.FromDatetime(done.erased_at)
        return answer

    async def GetErasureReceipt(
        self, request: pb.GetErasureReceiptRequest, context: Any
    ) -> pb.GetErasureReceiptResponse:
        """The receipt of an erasure."""
        return pb.GetErasureReceiptResponse(receipt=await self._service.receipt(request.erasure_id))


def _retained(items: Iterable[Retention]) -> list[pb.Retention]:
    made = []
    for item in items:
        message = pb.Retention(code=item.code, text_zh=item.text_zh, text_en=item.text_en)
        message.until_time.FromDatetime(item.until)
        made.append(message)
    return made
