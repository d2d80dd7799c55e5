"""Reads contributions and the electronic card from a social insurance administration's gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from huilian_protocol.canonical import parse_json
from huilian_protocol.clock import format_time

from connectors.gov_data.social_insurance import card_code, wire
from connectors.gov_data.social_insurance.card_code import read_card
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
from connectors.kit.months import Month, Period
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import UpstreamAnswer, UpstreamHttp, yuan_to_fen

DATASET, CARD = "social_insurance.contribution/v1", "social_insurance.card/v1"
_FOUND, _NOT_INSURED, _BUSY = 0, 20404, 50300
_STATUS = {"1": "ACTIVE", "2": "SUSPENDED"}
_CARD_STATUS = {"1": card_code.ACTIVE, "3": card_code.LOST}


class SocialInsuranceConnector:
    """Speaks to one social insurance gateway."""

    def __init__(self, context: ConnectorContext, http: UpstreamHttp) -> None:
        self._context = context
        self._http = http

    def discover(self) -> frozenset[str]:
        return frozenset({DATASET, CARD})

    async def check(self) -> CheckResult:
        try:
            await self._call(wire.PING, {})
        except UpstreamError as error:
            return check_result_of(error)
        return CheckResult(CheckOutcome.READY)

    async def read(self, query: Query) -> Record:
        asked = {
            "name": query.subject.name,
            "idNo": query.subject.resident_id,
            "startMonth": str(query.period.first),
            "endMonth": str(query.period.last),
        }
        answer = await self._call(wire.CARD if query.dataset_id == CARD else wire.CONTRIBUTIONS, asked)
        if answer["code"] == _NOT_INSURED:
            return NO_ACCOUNT
        if (answer.get("name"), answer.get("idNo")) != (query.subject.name, query.subject.resident_id):
            raise UpstreamMalformed("the answer speaks of another person")
        if query.dataset_id == CARD:
            return Record(Presence.PRESENT, self._card(answer))
        return Record(Presence.PRESENT, _map(answer, query.period))

    def _card(self, answer: Mapping[str, Any]) -> dict[str, JsonValue]:
        """The card, with a code that the administration really signed."""
        code = str(answer.get("qr"))
        try:
            said = read_card(code, self._context.credentials["card_public_key"])
        except (ValueError, KeyError):
            raise UpstreamMalformed("the card's code is not signed by the administration") from None
        return {
            "card_number": answer.get("cardNo"),
            "card_status": _CARD_STATUS.get(str(answer.get("cardState"))),
            "issued_month": str(_month(answer.get("issueMonth"))),
            "issuing_city": answer.get("cityCode"),
            "qr_code": code,
            "qr_valid_until": format_time(said.valid_until),
        }

    async def _call(self, service_code: str, asked: Mapping[str, str]) -> dict[str, Any]:
        credentials, nonce = self._context.credentials, self._context.random_bytes(wire.NONCE_BYTES)
        timestamp = str(int(self._context.clock.now().timestamp()))
        context = f"{credentials['app_id']}|{service_code}|{timestamp}"
        envelope = {
            "appId": credentials["app_id"],
            "serviceCode": service_code,
            "timestamp": timestamp,
            "nonce": base64.b64encode(nonce).decode("ascii"),
            "encData": wire.encrypt(credentials["sm4_key"], nonce, context, asked),
        }
        body = json.dumps(envelope).encode("ascii")
        answer = await self._http.post(wire.QUERY_PATH, body, {"Content-Type": "application/json"})
        return self._open(answer, envelope["nonce"])

    def _open(self, answer: UpstreamAnswer, asked_nonce: str) -> dict[str, Any]:
        try:
            envelope = parse_json(answer.body)
            nonce, context = base64.b64decode(envelope["nonce"]), f"{asked_nonce}|{envelope['timestamp']}"
            value = wire.decrypt(self._context.credentials["sm4_key"], nonce, context, envelope["encData"])
        except (ValueError, KeyError, TypeError):
            raise UpstreamMalformed("the answer is not encrypted by the gateway for this query") from None
        if value.get("code") == _BUSY:
            raise UpstreamUnavailable("the gateway says that it is busy")
        if value.get("code") not in (_FOUND, _NOT_INSURED):
            raise UpstreamRefused("the gateway refused the query")
        return value


def _map(answer: Mapping[str, Any], period: Period) -> dict[str, JsonValue]:
    payments = answer.get("payments")
    if not isinstance(payments, list) or not all(isinstance(payment, dict) for payment in payments):
        raise UpstreamMalformed("the payments are no list")
    paid = {_month(payment.get("month")): str(payment.get("unit", "")) for payment in payments}
    if len(paid) != len(payments) or not all(month in period for month in paid):
        raise UpstreamMalformed("the payments name a month twice or one outside the period")
    first, settled = _month(answer.get("firstMonth")), _month(answer.get("settledMonth"))
    due = [month for month in period if first <= month <= settled]
    return {
        "base_fen": yuan_to_fen(answer.get("base")),
        "consecutive_months": _unbroken(due, paid),
        "employer_name": answer.get("unit"),
        "employers": list(sorted(set(paid.values()))),
        "first_insured_month": str(first),
        "gap_months": [str(month) for month in due if month not in paid],
        "months_paid": len(paid),
        "participation_status": _STATUS.get(str(answer.get("state"))),
    }


def _unbroken(due: list[Month], paid: Mapping[Month, str]) -> int:
    """How many months in a row were paid, counted back from the last one due."""
    count = 0
    for month in reversed(due):
        if month not in paid:
            break
        count += 1
    return count


def _month(value: object) -> Month:
    try:
        return Month.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise UpstreamMalformed("a month is not written YYYY-MM") from None


async def create(context: ConnectorContext, stack: AsyncExitStack) -> SocialInsuranceConnector:
    """Build the connector; `stack` closes its connections."""
    http = await stack.enter_async_context(UpstreamHttp(context.upstream_url, context.limits))
    return SocialInsuranceConnector(context, http)
