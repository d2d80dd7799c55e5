"""Reads `tax.personal_income/v1` and `tax.enterprise/v1` from a tax bureau."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

from connectors.gov_data.tax import wire
from connectors.gov_data.tax.mapping import map_enterprise, map_personal_income
from connectors.kit.contract import (
    NO_ACCOUNT,
    CheckOutcome,
    CheckResult,
    JsonValue,
    Presence,
    Query,
    Record,
    SubjectKind,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamUnavailable,
    check_result_of,
)
from connectors.kit.months import Period
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import UpstreamAnswer, UpstreamHttp, is_same

_FOUND, _NOTHING, _BUSY = "00", "01", "98"
# 姓名 and 证件号码 of a person, 纳税人名称 and 社会信用代码 of an enterprise.
_NAMES: Mapping[SubjectKind, tuple[str, str]] = {"person": ("xm", "zjhm"), "enterprise": ("nsrmc", "shxydm")}
_SERVICES = {"tax.personal_income/v1": wire.PERSONAL_INCOME, "tax.enterprise/v1": wire.ENTERPRISE}


class TaxConnector:
    """Speaks to one tax bureau."""

    def __init__(self, context: ConnectorContext, http: UpstreamHttp) -> None:
        self._context = context
        self._http = http

    def discover(self) -> frozenset[str]:
        return frozenset(_SERVICES)

    async def check(self) -> CheckResult:
        try:
            await self._call(wire.PING, {})
        except UpstreamError as error:
            return check_result_of(error)
        return CheckResult(CheckOutcome.READY)

    async def read(self, query: Query) -> Record:
        name, number = _NAMES[query.subject.kind]
        asked = {
            name: query.subject.name,
            number: query.subject.resident_id,
            "skssqq": str(query.period.first),
            "skssqz": str(query.period.last),
        }
        answer = await self._call(_SERVICES[query.dataset_id], asked)
        if answer.head["rtn_code"] == _NOTHING:
            return NO_ACCOUNT
        if (answer.body.get(name), answer.body.get(number)) != (query.subject.name, query.subject.resident_id):
            raise UpstreamMalformed("the answer speaks of somebody else")
        return Record(Presence.PRESENT, _map(query.dataset_id, answer, query.period))

    async def _call(self, service_id: str, asked: Mapping[str, str]) -> wire.Document:
        sequence = self._context.random_bytes(16).hex()
        head = {
            "service_id": service_id,
            "channel_id": self._context.credentials["channel_id"],
            "tran_seq": sequence,
            "tran_time": _china_time(self._context.clock.now()),
        }
        content = wire.write(wire.Document(head, asked))
        headers = {
            "Content-Type": "application/xml; charset=GB18030",
            wire.SIGN_HEADER: wire.sign(self._context.credentials["sign_key"], content),
        }
        return self._open(await self._http.post(wire.QUERY_PATH, content, headers), sequence)

    def _open(self, answer: UpstreamAnswer, sequence: str) -> wire.Document:
        expected = wire.sign(self._context.credentials["sign_key"], answer.body)
        if not is_same(expected, answer.headers.get(wire.SIGN_HEADER)):
            raise UpstreamMalformed("the answer is not signed by the tax bureau")
        try:
            document = wire.read(answer.body)
        except ValueError:
            raise UpstreamMalformed("the answer is no tax document") from None
        if document.head.get("tran_seq") != sequence:
            raise UpstreamMalformed("the answer belongs to another query")
        _judge_code(document.head.get("rtn_code"))
        return document


def _judge_code(code: str | None) -> None:
    if code == _BUSY:
        raise UpstreamUnavailable("the tax bureau says that it is busy")
    if code not in (_FOUND, _NOTHING):
        raise UpstreamRefused("the tax bureau refused the query")


def _china_time(now: datetime) -> str:
    """The bureau writes Chinese local time without an offset: yyyyMMddHHmmss."""
    return (now + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")


def _map(dataset_id: str, answer: wire.Document, period: Period) -> dict[str, JsonValue]:
    if dataset_id == "tax.enterprise/v1":
        return map_enterprise(answer.body, answer.rows, period)
    return map_personal_income(answer.rows, period)


async def create(context: ConnectorContext, stack: AsyncExitStack) -> TaxConnector:
    """Build the connector; `stack` closes its connections."""
    http = await stack.enter_async_context(UpstreamHttp(context.upstream_url, context.limits))
    return TaxConnector(context, http)
