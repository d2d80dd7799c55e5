"""Reads `utilities.bill/v1` from a city's billing platform, page by page, and pays bills there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from huilian_protocol.canonical import parse_json

from connectors.gov_data.utilities import wire
from connectors.gov_data.utilities.mapping import map_bills, map_receipt
from connectors.gov_data.utilities.pages import all_bills
from connectors.kit.contract import (
    NO_ACCOUNT,
    ActionStatus,
    CheckOutcome,
    CheckResult,
    Order,
    Outcome,
    Presence,
    Query,
    Record,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    check_result_of,
    rejected,
)
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import UpstreamHttp, fen_to_yuan

DATASET, PAY_BILL = "utilities.bill/v1", "utilities.pay_bill/v1"
_REJECTIONS = {wire.ALREADY_PAID: "ALREADY_PAID", wire.WRONG_AMOUNT: "WRONG_AMOUNT", wire.NO_BILL: "NO_SUCH_BILL"}


class UtilitiesConnector:
    """Speaks to one billing platform."""

    def __init__(self, context: ConnectorContext, http: UpstreamHttp) -> None:
        self._context, self._http = context, http

    def discover(self) -> frozenset[str]:
        return frozenset({DATASET})

    async def check(self) -> CheckResult:
        try:
            await self._call(wire.PING_PATH, {}, (wire.OK,))
        except UpstreamError as error:
            return check_result_of(error)
        return CheckResult(CheckOutcome.READY)

    async def read(self, query: Query) -> Record:
        first = await self._page(query, 1)
        if first["code"] == wire.NO_CUSTOMER:
            return NO_ACCOUNT
        bills = await all_bills(first, lambda number: self._page(query, number))
        return Record(Presence.PRESENT, map_bills(first.get("accounts"), bills, query.period))

    def actions(self) -> frozenset[str]:
        return frozenset({PAY_BILL})

    async def act(self, order: Order) -> Outcome:
        number, amount_fen = order.parameters["bill_number"], order.parameters["amount_fen"]
        assert isinstance(amount_fen, int), "the schema says integer"
        asked = {
            "name": order.subject.name,
            "certNo": order.subject.resident_id,
            "billNo": number,
            "amount": fen_to_yuan(amount_fen),
        }
        order_header = {wire.ORDER_HEADER: order.order_id}
        answer = await self._call(wire.PAYMENTS_PATH, asked, (wire.OK, *_REJECTIONS), order_header)
        if answer["code"] != wire.OK:
            return rejected(_REJECTIONS[answer["code"]])
        if answer.get("billNo") != number:
            raise UpstreamMalformed("the receipt is for another bill")
        return Outcome(ActionStatus.EXECUTED, map_receipt(answer))

    async def _page(self, query: Query, number: int) -> Mapping[str, Any]:
        subject = query.subject
        asked = {
            "name": subject.name,
            "certNo": subject.resident_id,
            "from": str(query.period.first),
            "to": str(query.period.last),
            "page": number,
            "pageSize": wire.PAGE_SIZE,
        }
        page = await self._call(wire.BILLS_PATH, asked, (wire.OK, wire.NO_CUSTOMER) if number == 1 else (wire.OK,))
        if page["code"] == wire.OK and (page.get("name"), page.get("certNo")) != (subject.name, subject.resident_id):
            raise UpstreamMalformed("the answer speaks of another person")
        return page

    async def _call(
        self, path: str, asked: Mapping[str, object], answers: tuple[str, ...], more: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        headers = {
            **(more or {}),
            "Content-Type": "application/json; charset=utf-8",
            wire.KEY_HEADER: self._context.credentials["api_key"],
        }
        answer = await self._http.post(path, json.dumps(asked, ensure_ascii=False).encode("utf-8"), headers)
        try:
            value = parse_json(answer.body)
        except ValueError:
            raise UpstreamMalformed("the answer is no JSON") from None
        if not isinstance(value, dict) or not isinstance(value.get("code"), str):
            raise UpstreamMalformed("the answer has no code")
        if value["code"] not in answers:
            raise UpstreamRefused("the platform refused the request")
        return value


async def create(context: ConnectorContext, stack: AsyncExitStack) -> UtilitiesConnector:
    """Build the connector; `stack` closes its connections."""
    http = await stack.enter_async_context(UpstreamHttp(context.upstream_url, context.limits))
    return UtilitiesConnector(context, http)
