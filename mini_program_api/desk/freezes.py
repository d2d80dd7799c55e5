"""Courts' orders: entered, looked up, lifted by another order."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.receivables.v1 import freeze_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, ObjectId, time_text

Kind = Literal["RECEIVABLE", "CERTIFICATE"]
Order = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


class FreezeForm(Form):
    """A court's order over one object."""

    freeze_id: ObjectId
    kind: Kind
    object_id: ObjectId
    order_number: Order
    authority: Order


class LiftForm(Form):
    """The order that lifts another."""

    order_number: Order


class Freeze(BaseModel):
    """One order; `lifted_at` is empty while it is live."""

    freeze_id: str
    kind: str
    object_id: str
    order_number: str
    authority: str
    frozen_at: str
    lifted_at: str
    lifting_order_number: str


class Freezes(BaseModel):
    """All orders over an object, the oldest first."""

    freezes: list[Freeze]


class FreezesScreen(Screen):
    """GET and POST /api/v1/desk/freezes"""

    async def get(self, kind: Kind, object_id: ObjectId) -> r200[Freezes]:
        """Orders over an object.

        Tags: desk
        """
        orders = await self.hub.freezes.orders_over(_kind(kind), object_id)
        return answer(Freezes(freezes=[_freeze(one) for one in orders]))

    async def post(self, body: FreezeForm) -> r201[Freeze]:
        """Enter an order.

        Tags: desk
        """
        call = self.call()
        order = await self.hub.freezes.freeze(
            _kind(body.kind), body.object_id, body.order_number, body.authority, freeze_id=body.freeze_id, call=call
        )
        return answer(_freeze(order), call, status=201)


class LiftScreen(Screen):
    """POST /api/v1/desk/freezes/{freeze_id}/lift"""

    async def post(self, freeze_id: ObjectId, /, body: LiftForm) -> r200[Freeze]:
        """Lift an order by another.

        Tags: desk
        """
        call = self.call()
        return answer(_freeze(await self.hub.freezes.unfreeze(freeze_id, body.order_number, call=call)), call)


def _kind(kind: Kind) -> pb.FrozenKind.ValueType:
    return pb.FrozenKind.Value(f"FROZEN_KIND_{kind}")


def _freeze(one: pb.FreezingOrder) -> Freeze:
    return Freeze(
        freeze_id=one.freeze_id,
        kind=pb.FrozenKind.Name(one.kind).removeprefix("FROZEN_KIND_"),
        object_id=one.object_id,
        order_number=one.order_number,
        authority=one.authority,
        frozen_at=time_text(one.frozen_time),
        lifted_at=time_text(one.lifted_time),
        lifting_order_number=one.lifting_order_number,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/desk/freezes", FreezesScreen),
        web.view("/api/v1/desk/freezes/{freeze_id}/lift", LiftScreen),
    ]
