"""Disputes and courts' orders: what a buyer says against a receivable, how the parties settle it, what is frozen."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.receivables.v1 import freeze_service_pb2 as freeze_pb
from huilian.receivables.v1 import receivable_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, ObjectId, time_text
from mini_program_api.screens.receivables import Receivable, receivable_of

Ground = Literal["QUALITY", "QUANTITY", "NOT_DELIVERED", "PRICE", "NOT_REAL"]
GROUNDS = {value: name.removeprefix("DISPUTE_GROUND_") for name, value in pb.DisputeGround.items()}


class DisputeForm(Form):
    """Why the buyer disputes, and what it has to say."""

    ground: Ground
    statement: str = Field(default="", max_length=500)


class Dispute(BaseModel):
    """What was said, and who ended it; `ended_at` empty while it is open."""

    dispute_id: str
    ground: str
    statement: str
    disputed_at: str
    ended_at: str
    ended_by_uscc: str


class Disputes(BaseModel):
    """All disputes of a receivable, the oldest first."""

    disputes: list[Dispute]


class FreezingOrder(BaseModel):
    """A court's order; `lifted_at` empty while it is live."""

    freeze_id: str
    order_number: str
    authority: str
    frozen_at: str
    lifted_at: str
    lifting_order_number: str


class FreezingOrders(BaseModel):
    """All orders over an object, the oldest first."""

    orders: list[FreezingOrder]


class DisputesScreen(Screen):
    """GET and POST /api/v1/receivables/{receivable_id}/disputes"""

    async def get(self, receivable_id: ObjectId, /) -> r200[Disputes]:
        """What was said over a receivable of mine.

        Tags: supplier
        """
        found = await self.hub.receivables.disputes(receivable_id)
        return answer(Disputes(disputes=[_dispute(one) for one in found]))

    async def post(self, receivable_id: ObjectId, /, body: DisputeForm) -> r200[Receivable]:
        """As the buyer, dispute what I am said to owe. A loan on it is called in.

        Tags: supplier
        """
        call = self.call()
        ground = pb.DisputeGround.Value(f"DISPUTE_GROUND_{body.ground}")
        disputed = await self.hub.receivables.dispute(receivable_id, ground, body.statement, call=call)
        return answer(receivable_of(disputed), call)


class ReinstatementScreen(Screen):
    """POST /api/v1/receivables/{receivable_id}/reinstatement"""

    async def post(self, receivable_id: ObjectId, /) -> r200[Receivable]:
        """End a dispute, or take a dilution as it is: matched anew by the documents of today, to be confirmed anew.

        Tags: supplier
        """
        call = self.call()
        return answer(receivable_of(await self.hub.receivables.reinstate(receivable_id, call=call)), call)


class SurrenderScreen(Screen):
    """POST /api/v1/receivables/{receivable_id}/surrender"""

    async def post(self, receivable_id: ObjectId, /) -> r200[Receivable]:
        """As the supplier, give up a disputed or diluted receivable: nothing is owed on it any more.

        Tags: supplier
        """
        call = self.call()
        return answer(receivable_of(await self.hub.receivables.give_up(receivable_id, call=call)), call)


class ReceivableFreezesScreen(Screen):
    """GET /api/v1/receivables/{receivable_id}/freezes"""

    async def get(self, receivable_id: ObjectId, /) -> r200[FreezingOrders]:
        """Courts' orders over a receivable of mine (法释〔2022〕11号, art. 499).

        Tags: supplier
        """
        return answer(await _orders(self, freeze_pb.FROZEN_KIND_RECEIVABLE, receivable_id))


class CertificateFreezesScreen(Screen):
    """GET /api/v1/certificates/{certificate_id}/freezes"""

    async def get(self, certificate_id: ObjectId, /) -> r200[FreezingOrders]:
        """Courts' orders over a certificate of mine.

        Tags: supplier
        """
        return answer(await _orders(self, freeze_pb.FROZEN_KIND_CERTIFICATE, certificate_id))


async def _orders(screen: Screen, kind: freeze_pb.FrozenKind.ValueType, object_id: str) -> FreezingOrders:
    found = await screen.hub.freezes.orders_over(kind, object_id)
    return FreezingOrders(orders=[_order(one) for one in found])


def _dispute(item: pb.Dispute) -> Dispute:
    return Dispute(
        dispute_id=item.dispute_id,
        ground=GROUNDS[item.ground],
        statement=item.statement,
        disputed_at=time_text(item.disputed_time),
        ended_at=time_text(item.ended_time),
        ended_by_uscc=item.ended_by_uscc,
    )


def _order(item: freeze_pb.FreezingOrder) -> FreezingOrder:
    return FreezingOrder(
        freeze_id=item.freeze_id,
        order_number=item.order_number,
        authority=item.authority,
        frozen_at=time_text(item.frozen_time),
        lifted_at=time_text(item.lifted_time),
        lifting_order_number=item.lifting_order_number,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/receivables/{receivable_id}"
    return [
        web.view(f"{one}/disputes", DisputesScreen),
        web.view(f"{one}/reinstatement", ReinstatementScreen),
        web.view(f"{one}/surrender", SurrenderScreen),
        web.view(f"{one}/freezes", ReceivableFreezesScreen),
        web.view("/api/v1/certificates/{certificate_id}/freezes", CertificateFreezesScreen),
    ]
