"""Reads `traffic_police.violation/v1` from a traffic police gateway, and pays fines there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

from connectors.gov_data.traffic_police import wire
from connectors.gov_data.traffic_police.mapping import map_receipt, map_violations
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
    UpstreamUnavailable,
    check_result_of,
    rejected,
)
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import UpstreamHttp, compact_month, fen_to_yuan, is_same

DATASET, PAY_FINE = "traffic_police.violation/v1", "traffic_police.pay_fine/v1"
_DONE, _NO_LICENCE, _BUSY = "1", "20", "99"
_REJECTIONS = {"31": "ALREADY_PAID", "32": "WRONG_AMOUNT", "33": "NO_SUCH_FINE"}


class TrafficPoliceConnector:
    """Speaks to one traffic police gateway."""

    def __init__(self, context: ConnectorContext, http: UpstreamHttp) -> None:
        self._context, self._http = context, http

    def discover(self) -> frozenset[str]:
        return frozenset({DATASET})

    async def check(self) -> CheckResult:
        try:
            await self._call(wire.PING, {}, (_DONE,))
        except UpstreamError as error:
            return check_result_of(error)
        return CheckResult(CheckOutcome.READY)

    async def read(self, query: Query) -> Record:
        asked = {
            "xm": query.subject.name,
            "sfzmhm": query.subject.resident_id,
            "qsny": compact_month(query.period.first),
            "jzny": compact_month(query.period.last),
        }
        answer = await self._call(wire.VIOLATIONS, asked, (_DONE, _NO_LICENCE))
        if answer["code"] == _NO_LICENCE:
            return NO_ACCOUNT
        if (answer.get("xm"), answer.get("sfzmhm")) != (query.subject.name, query.subject.resident_id):
            raise UpstreamMalformed("the answer speaks of another person")
        return Record(Presence.PRESENT, map_violations(answer, query.period))

    def actions(self) -> frozenset[str]:
        return frozenset({PAY_FINE})

    async def act(self, order: Order) -> Outcome:
        number, amount_fen = str(order.parameters["decision_number"]), order.parameters["amount_fen"]
        assert isinstance(amount_fen, int), "the schema says integer"
        asked = {
            "xm": order.subject.name,
            "sfzmhm": order.subject.resident_id,
            "jdsbh": number,
            "je": fen_to_yuan(amount_fen),
            # The gateway takes each of our order numbers once and tells the same receipt again.
            "ddh": order.order_id,
        }
        answer = await self._call(wire.PAY, asked, (_DONE, *_REJECTIONS))
        if answer["code"] != _DONE:
            return rejected(_REJECTIONS[answer["code"]])
        if (answer.get("ddh"), answer.get("jdsbh")) != (order.order_id, number):
            raise UpstreamMalformed("the receipt is for another order")
        return Outcome(ActionStatus.EXECUTED, map_receipt(answer))

    async def _call(self, method: str, asked: Mapping[str, str], answers: tuple[str, ...]) -> dict[str, str]:
        """One exchange; codes among `answers` are answers, all others are raised."""
        nonce = self._context.random_bytes(16).hex()
        parameters = {
            **asked,
            "appid": self._context.credentials["app_id"],
            "method": method,
            "nonce": nonce,
            "timestamp": wire.china_time(self._context.clock.now()),
        }
        form = wire.write(self._context.credentials["sign_key"], parameters)
        body = (await self._http.post(wire.PATH, form, {"Content-Type": wire.CONTENT_TYPE})).body
        answer = self._open(body, nonce)
        if answer.get("code") == _BUSY:
            raise UpstreamUnavailable("the traffic police say that they are busy")
        if answer.get("code") not in answers:
            raise UpstreamRefused("the traffic police refused the request")
        return answer

    def _open(self, body: bytes, nonce: str) -> dict[str, str]:
        try:
            answer = wire.read(body)
        except ValueError:
            raise UpstreamMalformed("the answer is no form") from None
        if not is_same(wire.sign(self._context.credentials["sign_key"], answer), answer.get("sign")):
            raise UpstreamMalformed("the answer is not signed by the traffic police")
        if answer.get("nonce") != nonce:
            raise UpstreamMalformed("the answer belongs to another request")
        return answer


async def create(context: ConnectorContext, stack: AsyncExitStack) -> TrafficPoliceConnector:
    """Build the connector; `stack` closes its connections."""
    http = await stack.enter_async_context(UpstreamHttp(context.upstream_url, context.limits))
    return TrafficPoliceConnector(context, http)
