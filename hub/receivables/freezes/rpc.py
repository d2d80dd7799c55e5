"""Freezing orders of huilian.receivables.v1 on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.receivables.v1 import freeze_service_pb2 as freeze_pb
from huilian.receivables.v1 import freeze_service_pb2_grpc as freeze_grpc

from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency
from hub.receivables.messages import (
    freeze_message,
    frozen_kind_of,
)
from hub.receivables.service import ReceivablesService


class FreezeServicer(freeze_grpc.FreezeServiceServicer):
    """Serves courts' orders to the bank's operator, and to the parties what is frozen of theirs."""

    def __init__(self, service: ReceivablesService, idempotency: Idempotency) -> None:
        self._freezes, self._idempotency = service.freezes, idempotency

    async def Freeze(self, request: freeze_pb.FreezeRequest, context: Any) -> freeze_pb.FreezeResponse:
        """Enter an order."""

        async def use_case() -> freeze_pb.FreezeResponse:
            kind = frozen_kind_of(request.kind)
            frozen = await self._freezes.freeze(
                request.freeze_id, kind, request.object_id, request.order_number, request.authority
            )
            return freeze_pb.FreezeResponse(order=freeze_message(frozen))

        return await self._idempotency.run("Freeze", request, freeze_pb.FreezeResponse, use_case)

    async def Unfreeze(self, request: freeze_pb.UnfreezeRequest, context: Any) -> freeze_pb.UnfreezeResponse:
        """Lift an order."""

        async def use_case() -> freeze_pb.UnfreezeResponse:
            lifted = await self._freezes.unfreeze(request.freeze_id, request.order_number)
            return freeze_pb.UnfreezeResponse(order=freeze_message(lifted))

        return await self._idempotency.run("Unfreeze", request, freeze_pb.UnfreezeResponse, use_case)

    async def ListFreezes(self, request: freeze_pb.ListFreezesRequest, context: Any) -> freeze_pb.ListFreezesResponse:
        """Orders over an object."""
        caller = current_caller()
        asks = None if caller.role is Role.OPERATOR else caller.id
        found = await self._freezes.orders_over(asks, frozen_kind_of(request.kind), request.object_id)
        return freeze_pb.ListFreezesResponse(orders=[freeze_message(item) for item in found])
