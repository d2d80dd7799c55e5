"""Reads `credit_bureau.report/v1`: submits a request, keeps its ticket, polls until the report is ready.

A read that runs out of time leaves its ticket behind; the same request asked again goes on polling that ticket, also in
another process. The bureau knows our number of a request, so even a lost ticket never makes it ask twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from huilian_protocol.canonical import parse_json

from connectors.gov_data.credit_bureau import wire
from connectors.gov_data.credit_bureau.login import Login
from connectors.gov_data.credit_bureau.mapping import map_report
from connectors.gov_data.credit_bureau.tickets import Tickets, is_ticket
from connectors.kit.contract import (
    NO_ACCOUNT,
    CheckOutcome,
    CheckResult,
    Presence,
    Query,
    Record,
    UpstreamError,
    UpstreamMalformed,
    UpstreamPreparing,
    check_result_of,
)
from connectors.kit.plugin import ConnectorContext
from connectors.kit.upstream import UpstreamAnswer, UpstreamHttp, is_same

DATASET = "credit_bureau.report/v1"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 1.0
# Whoever asked is told that the report is being prepared before a hub gives up on us.
_PATIENCE_S, _SHARE_OF_LIMIT = 5.0, 0.8


class _Finished(NamedTuple):
    state: str
    report: Mapping[str, Any]


class CreditBureauConnector:
    """Speaks to one credit bureau."""

    def __init__(self, context: ConnectorContext, http: UpstreamHttp, tickets: Tickets) -> None:
        self._context, self._http, self._tickets = context, http, tickets
        self._login = Login(context, http)

    def discover(self) -> frozenset[str]:
        return frozenset({DATASET})

    async def check(self) -> CheckResult:
        try:
            await self._login.token(renew=True)
        except UpstreamError as error:
            return check_result_of(error)
        return CheckResult(CheckOutcome.READY)

    async def read(self, query: Query) -> Record:
        number = self._number_of(query)
        finished = await self._wait_for(await self._ticket(number, query))
        if finished is None:
            # The bureau knows the ticket no longer; its own number makes sure that it is asked once all the same.
            await self._tickets.drop(number)
            finished = await self._wait_for(await self._ticket(number, query))
        await self._tickets.drop(number)
        if finished is None:
            raise UpstreamMalformed("the bureau does not know the ticket that it gave")
        if finished.state == wire.NO_RECORD:
            return NO_ACCOUNT
        report = finished.report
        if (report.get("name"), report.get("idNo")) != (query.subject.name, query.subject.resident_id):
            raise UpstreamMalformed("the report speaks of another person")
        return Record(Presence.PRESENT, map_report(report, query.period))

    def _number_of(self, query: Query) -> str:
        """Our number of this request at the bureau: the same for the same request, and says nothing about it."""
        known = query.request_id or self._context.random_bytes(16).hex()
        return hashlib.sha256(f"{DATASET}\n{known}".encode()).hexdigest()[:32]

    async def _ticket(self, number: str, query: Query) -> str:
        kept = await self._tickets.get(number)
        if kept is not None:
            return kept
        asked = {
            "requestNo": number,
            "name": query.subject.name,
            "idNo": query.subject.resident_id,
            "reason": wire.LOAN_DECISION,
        }
        body = json.dumps(asked, ensure_ascii=False).encode("utf-8")
        answer = await self._login.exchange("POST", wire.REQUESTS_PATH, body, answers=(202,))
        ticket = _object(answer.body).get("ticket")
        if not is_ticket(ticket):
            raise UpstreamMalformed("the bureau gave no ticket")
        assert isinstance(ticket, str)
        await self._tickets.keep(number, ticket)
        return ticket

    async def _wait_for(self, ticket: str) -> _Finished | None:
        """Poll until the request is finished; None for a ticket that the bureau forgot.

        Raises UpstreamPreparing when that takes longer than anybody waits for.
        """
        pause_s, clock = _FIRST_PAUSE_S, asyncio.get_running_loop().time
        patience_s = min(_PATIENCE_S, self._context.limits.timeout_ms / 1_000 * _SHARE_OF_LIMIT)
        until = clock() + patience_s
        while True:
            answer = await self._login.exchange("GET", wire.ticket_path(ticket), None, answers=(200, 202, 404))
            if answer.status == 404:
                return None
            if answer.status == 200:
                return self._open(ticket, answer)
            if clock() + pause_s > until:
                raise UpstreamPreparing("the report is being prepared")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _open(self, ticket: str, answer: UpstreamAnswer) -> _Finished:
        expected = wire.sign(self._context.credentials["report_key"], ticket, answer.body)
        if not is_same(expected, answer.headers.get(wire.SIGNATURE_HEADER)):
            raise UpstreamMalformed("the report is not signed by the bureau for this request")
        value = _object(answer.body)
        state, report = value.get("state"), value.get("report", {})
        if state not in (wire.READY, wire.NO_RECORD) or not isinstance(report, dict):
            raise UpstreamMalformed("the request is in no known state")
        return _Finished(state, report)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = parse_json(body)
    except ValueError:
        raise UpstreamMalformed("the answer is no JSON") from None
    if not isinstance(value, dict):
        raise UpstreamMalformed("the answer is no object")
    return value


async def create(context: ConnectorContext, stack: AsyncExitStack) -> CreditBureauConnector:
    """Build the connector; `stack` closes its connections."""
    http = await stack.enter_async_context(UpstreamHttp(context.upstream_url, context.limits))
    return CreditBureauConnector(context, http, Tickets(context.state_dir / "tickets", context.clock))
