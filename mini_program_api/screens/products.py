"""What the bank lends, on which terms: for everybody, before anybody signs in."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.lending.v1 import credit_service_pb2 as pb
from pydantic import BaseModel

from mini_program_api.base import Screen, answer


class Product(BaseModel):
    """One version of a product: amounts in fen, rates as decimals in text."""

    product_id: str
    version: int
    name_zh: str
    name_en: str
    text_zh: str
    text_en: str
    revolving: bool
    least_fen: int
    most_fen: int
    least_term_days: int
    most_term_days: int
    advance_rate: str
    fee_rate: str
    periodic_fee_rate: str
    annual_rates: list[str]
    repayment_kind: str
    every_months: int
    prepayment: str
    grace_days: int
    penalty_multiplier: str
    day_count: str


class Products(BaseModel):
    """What is on offer."""

    products: list[Product]


class ProductsScreen(Screen):
    """GET /api/v1/products"""

    async def get(self) -> r200[Products]:
        """The products that new applications get.

        Tags: products
        """
        offered = [item for item in await self.anonymous.credit.products() if item.on_offer]
        return answer(Products(products=[_product(item) for item in offered]))


_SAME = tuple(name for name in Product.model_fields if name not in ("least_fen", "most_fen", "annual_rates"))


def _product(item: pb.Product) -> Product:
    return Product(
        **{name: getattr(item, name) for name in _SAME},
        least_fen=item.least_amount.amount_fen,
        most_fen=item.most_amount.amount_fen,
        annual_rates=list(item.annual_rates),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [web.view("/api/v1/products", ProductsScreen)]
