"""Restructurings of huilian.lending.v1 on the wire, for borrowers: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.lending.v1 import restructuring_service_pb2 as pb
from huilian.lending.v1 import restructuring_service_pb2_grpc
from huilian_protocol.webauthn import Assertion

from hub.lending.messages import loan_message, restructuring_message
from hub.lending.service import LendingService
from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency


class RestructuringServicer(restructuring_service_pb2_grpc.RestructuringServiceServicer):
    """Serves borrowers, and shows the bank's operators what they offered."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._restructurings, self._idempotency = service.restructurings, idempotency

    async def ListRestructurings(
        self, request: pb.ListRestructuringsRequest, context: Any
    ) -> pb.ListRestructuringsResponse:
        """What was offered for a loan."""
        caller = current_caller()
        asks = None if caller.role is Role.OPERATOR else caller.id
        known = await self._restructurings.of_loan(asks, request.loan_id)
        return pb.ListRestructuringsResponse(
            restructurings=[restructuring_message(one.loan, one.offer) for one in known]
        )

    async def SignRestructuring(
        self, request: pb.SignRestructuringRequest, context: Any
    ) -> pb.SignRestructuringResponse:
        """The borrower agrees."""

        async def use_case() -> pb.SignRestructuringResponse:
            said = request.assertion
            signed = Assertion(said.authenticator_data, said.client_data_json, said.signature)
            assertion = signed if request.HasField("assertion") else None
            agreed = await self._restructurings.sign(current_caller().id, request.loan_id, request.number, assertion)
            return pb.SignRestructuringResponse(
                loan=loan_message(agreed.loan), restructuring=restructuring_message(agreed.loan, agreed.offer)
            )

        return await self._idempotency.run("SignRestructuring", request, pb.SignRestructuringResponse, use_case)
