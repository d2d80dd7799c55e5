"""Reads `housing_fund.account/v1` from a housing provident fund centre.

Field names on the wire are those of the national base data standard (JGJ/T 320): pinyin initials such as `grzhye`,
个人账户余额. Amounts come as yuan with two decimals in text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from huilian_protocol.canonical import parse_json

from connectors.gov_data.housing_fund.wire import QUERY_PATH, sign_answer, sign_request
from connectors.kit.contract import (
    NO_ACCOUNT,
    CheckOutcome,
    CheckResult,
    JsonValue,
    Presence,
    Query,
    Record,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamUnavailable,
    check_result_of,
)
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import (
    UpstreamAnswer,
    UpstreamHttp,
    compact_month,
    is_same,
    read_compact_month,
    yuan_to_fen,
)

DATASET = "housing_fund.account/v1"
_FOUND, _NO_SUCH_PERSON, _BUSY = "0000", "1001", "9001"
_STATUS = {"01": "NORMAL", "02": "SEALED", "03": "CLOSED"}


class HousingFundConnector:
    """Speaks to one housing fund centre."""

    def __init__(self, context: ConnectorContext, http: UpstreamHttp) -> None:
        self._context = context
        self._http = http

    def discover(self) -> frozenset[str]:
        return frozenset({DATASET})

    async def check(self) -> CheckResult:
        try:
            await self._call({"ping": "1"})
        except UpstreamError as error:
            return check_result_of(error)
        return CheckResult(CheckOutcome.READY)

    async def read(self, query: Query) -> Record:
        asked = {
            "xingming": query.subject.name,
            "zjhm": query.subject.resident_id,
            "qsny": compact_month(query.period.first),
            "jsny": compact_month(query.period.last),
        }
        answer = await self._call(asked)
        if answer.get("code") == _NO_SUCH_PERSON:
            return NO_ACCOUNT
        data = answer.get("data")
        if not isinstance(data, dict):
            raise UpstreamMalformed("the answer holds no data")
        if (data.get("xingming"), data.get("zjhm")) != (query.subject.name, query.subject.resident_id):
            raise UpstreamMalformed("the answer speaks of another person")
        return Record(Presence.PRESENT, _map(data, query))

    async def _call(self, asked: Mapping[str, str]) -> dict[str, Any]:
        credentials, nonce = self._context.credentials, self._context.random_bytes(16).hex()
        body = json.dumps(asked, ensure_ascii=False).encode("utf-8")
        timestamp = _timestamp(self._context.clock.now())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Gjj-Appid": credentials["app_id"],
            "X-Gjj-Timestamp": timestamp,
            "X-Gjj-Nonce": nonce,
            "X-Gjj-Signature": sign_request(credentials["secret"], credentials["app_id"], timestamp, nonce, body),
        }
        return self._open(await self._http.post(QUERY_PATH, body, headers), nonce)

    def _open(self, answer: UpstreamAnswer, nonce: str) -> dict[str, Any]:
        expected = sign_answer(self._context.credentials["secret"], nonce, answer.body)
        if not is_same(expected, answer.headers.get("X-Gjj-Signature")):
            raise UpstreamMalformed("the answer is not signed by the housing fund")
        try:
            value = parse_json(answer.body)
        except ValueError:
            raise UpstreamMalformed("the answer is no JSON") from None
        code = value.get("code") if isinstance(value, dict) else None
        if code == _BUSY:
            raise UpstreamUnavailable("the housing fund says that it is busy")
        if code not in (_FOUND, _NO_SUCH_PERSON):
            raise UpstreamRefused("the housing fund refused the query")
        assert isinstance(value, dict)
        return value


def _timestamp(now: datetime) -> str:
    return str(int(now.timestamp() * 1_000))


def _map(data: Mapping[str, Any], query: Query) -> dict[str, JsonValue]:
    """The wire's fields in the dataset's terms. Months outside the question are a fault, never dropped quietly."""
    rows = data.get("jcmx")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UpstreamMalformed("the deposits are no list")
    deposits = {read_compact_month(row.get("ny")): yuan_to_fen(row.get("je")) for row in rows}
    if len(deposits) != len(rows) or not all(month in query.period for month in deposits):
        raise UpstreamMalformed("the deposits name a month twice or one outside the period")
    months = sorted(deposits)
    return {
        "account_status": _STATUS.get(str(data.get("grzhzt"))),
        "balance_fen": yuan_to_fen(data.get("grzhye")),
        "base_fen": yuan_to_fen(data.get("grjcjs")),
        "deposit_months": len(months),
        "deposits": [{"month": str(month), "amount_fen": deposits[month]} for month in months],
        "employer_name": data.get("dwmc"),
        "last_deposit_month": str(months[-1]) if months else None,
        "monthly_deposit_fen": yuan_to_fen(data.get("gryjce")) + yuan_to_fen(data.get("dwyjce")),
        "opened_month": str(read_compact_month(data.get("khny"))),
    }


async def create(context: ConnectorContext, stack: AsyncExitStack) -> HousingFundConnector:
    """Build the connector; `stack` closes its connections."""
    http = await stack.enter_async_context(UpstreamHttp(context.upstream_url, context.limits))
    return HousingFundConnector(context, http)
