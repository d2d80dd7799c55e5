"""What can be asked for: purposes with their limits, datasets with their fields, the agencies behind them."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian.exchange.v1 import exchange_service_pb2 as exchange_pb
from huilian_protocol.canonical import b64u_encode
from pydantic import BaseModel

from mini_program_api.base import Screen, answer


class Purpose(BaseModel):
    """Why data may be read, and at most how much of it."""

    code: str
    text_zh: str
    text_en: str
    recipient_ids: list[str]
    max_period_months: int
    max_reads: int
    max_data_life_days: int
    max_valid_days: int


class DatasetField(BaseModel):
    """One field; `data_class` by JR/T 0171, `mask` is how a screen shows it."""

    name: str
    title_zh: str
    title_en: str
    unit: str
    data_class: str
    mask: str


class Dataset(BaseModel):
    """One dataset of an agency."""

    dataset_id: str
    agency_id: str
    title_zh: str
    title_en: str
    fields: list[DatasetField]


class Agency(BaseModel):
    """A data owner and the key to which a person's identity is sealed for it."""

    agency_id: str
    title_zh: str
    title_en: str
    sandbox: bool
    sealing_suite: str
    sealing_public_key: str


class Catalogue(BaseModel):
    """Everything on offer; `missing_agency_ids` could not be reached, which does not mean that they offer nothing."""

    purposes: list[Purpose]
    datasets: list[Dataset]
    agencies: list[Agency]
    missing_agency_ids: list[str]


class CatalogueScreen(Screen):
    """GET /api/v1/catalogue"""

    signed_in = False

    async def get(self) -> r200[Catalogue]:
        """Purposes, datasets and agencies.

        Tags: citizen
        """
        purposes = await self.anonymous.consents.purposes()
        offered = await self.anonymous.exchange.datasets()
        return answer(
            Catalogue(
                purposes=[_purpose(item) for item in purposes],
                datasets=[_dataset(item) for item in offered.datasets],
                agencies=[_agency(item) for item in offered.agencies],
                missing_agency_ids=list(offered.missing_agency_ids),
            )
        )


def _purpose(item: consent_pb.Purpose) -> Purpose:
    return Purpose(
        code=item.code,
        text_zh=item.text_zh,
        text_en=item.text_en,
        recipient_ids=list(item.recipient_ids),
        max_period_months=item.max_period_months,
        max_reads=item.max_reads,
        max_data_life_days=item.max_data_life_days,
        max_valid_days=item.max_valid_days,
    )


def _dataset(item: connector_pb.Dataset) -> Dataset:
    return Dataset(
        dataset_id=item.dataset_id,
        agency_id=item.agency_id,
        title_zh=item.title_zh,
        title_en=item.title_en,
        fields=[_field(field) for field in item.fields],
    )


def _field(item: connector_pb.Field) -> DatasetField:
    return DatasetField(
        name=item.name,
        title_zh=item.title_zh,
        title_en=item.title_en,
        unit=item.unit,
        data_class=item.data_class,
        mask=item.mask,
    )


def _agency(item: exchange_pb.Agency) -> Agency:
    return Agency(
        agency_id=item.agency_id,
        title_zh=item.title_zh,
        title_en=item.title_en,
        sandbox=item.sandbox,
        sealing_suite=item.sealing_suite,
        sealing_public_key=b64u_encode(item.sealing_public_key),
    )


def routes() -> list[web.RouteDef]:
    """Where this screen is served."""
    return [web.view("/api/v1/catalogue", CatalogueScreen)]
