"""Courts' orders over receivables and certificates: ``hub.freezes``. Entering and lifting is the operator's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huilian.receivables.v1 import freeze_service_pb2 as pb

from huilian_sdk._calls import Call, Calls

_SERVICE = "huilian.receivables.v1.FreezeService"


@dataclass(frozen=True, slots=True)
class Freezes:
    """Freeze, unfreeze, see what is frozen."""

    calls: Calls

    async def freeze(
        self,
        kind: pb.FrozenKind.ValueType,
        object_id: str,
        order_number: str,
        authority: str,
        *,
        freeze_id: str = "",
        call: Call | None = None,
    ) -> pb.FreezingOrder:
        """Enter a court's order; its id is made up if none is given."""
        request = pb.FreezeRequest(
            freeze_id=self.calls.object_id(freeze_id, call),
            kind=kind,
            object_id=object_id,
            order_number=order_number,
            authority=authority,
        )
        return (await self.calls.unary(_SERVICE, request, pb.FreezeResponse, call)).order

    async def unfreeze(self, freeze_id: str, order_number: str, *, call: Call | None = None) -> pb.FreezingOrder:
        """Lift an order by another."""
        request = pb.UnfreezeRequest(freeze_id=freeze_id, order_number=order_number)
        return (await self.calls.unary(_SERVICE, request, pb.UnfreezeResponse, call)).order

    async def orders_over(self, kind: pb.FrozenKind.ValueType, object_id: str) -> Sequence[pb.FreezingOrder]:
        """All orders over an object, the oldest first."""
        request = pb.ListFreezesRequest(kind=kind, object_id=object_id)
        return (await self.calls.unary(_SERVICE, request, pb.ListFreezesResponse)).orders
