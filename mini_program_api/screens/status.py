"""Live status: which data sources are up, and which of their fields are lately missing."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from google.protobuf.timestamp_pb2 import Timestamp
from huilian.exchange.v1 import exchange_service_pb2 as pb
from pydantic import BaseModel

from mini_program_api.base import Screen, answer

_STATES = {
    pb.SERVICE_STATE_UP: ("up", "正常"),
    pb.SERVICE_STATE_DEGRADED: ("degraded", "部分可用"),
    pb.SERVICE_STATE_DOWN: ("down", "暂不可用"),
}


class DegradedField(BaseModel):
    """A field that the source's answers lately leave out (`missing`) or get wrong (`broken`)."""

    name: str
    reason: str


class DatasetStatus(BaseModel):
    """How one dataset is doing; times are RFC 3339, empty when there is none. `state` is up, degraded or down."""

    dataset_id: str
    agency_id: str
    state: str
    state_zh: str
    since: str
    last_success: str
    newest_data: str
    breaker: str
    last_failure_code: str
    degraded_fields: list[DegradedField]


class Status(BaseModel):
    """All datasets as of one moment; `missing_agency_ids` have not answered yet."""

    datasets: list[DatasetStatus]
    missing_agency_ids: list[str]
    as_of: str


class StatusScreen(Screen):
    """GET /api/v1/status"""

    async def get(self) -> r200[Status]:
        """How the data sources are doing.

        Tags: citizen
        """
        said = await self.hub.exchange.status()
        return answer(
            Status(
                datasets=[_status(each) for each in said.datasets],
                missing_agency_ids=list(said.missing_agency_ids),
                as_of=_time(said.as_of_time),
            )
        )


def _status(each: pb.DatasetStatus) -> DatasetStatus:
    state, state_zh = _STATES[each.state]
    return DatasetStatus(
        dataset_id=each.dataset_id,
        agency_id=each.agency_id,
        state=state,
        state_zh=state_zh,
        since=_time(each.since_time),
        last_success=_time(each.last_success_time) if each.HasField("last_success_time") else "",
        newest_data=_time(each.newest_data_time) if each.HasField("newest_data_time") else "",
        breaker=pb.BreakerState.Name(each.breaker).removeprefix("BREAKER_STATE_").lower(),
        last_failure_code=each.last_failure_code,
        degraded_fields=[DegradedField(name=one.name, reason=one.reason) for one in each.degraded_fields],
    )


def _time(moment: Timestamp) -> str:
    return moment.ToJsonString()


def routes() -> list[web.RouteDef]:
    """Where this screen is served."""
    return [web.view("/api/v1/status", StatusScreen)]
