"""A stand-in for a credit bureau (征信中心). SANDBOX: all data is invented."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from aiohttp import web
from huilian_protocol.canonical import parse_json

from connectors.gov_data.credit_bureau import wire
from connectors.gov_data.credit_bureau.sandbox_reports import report_of
from connectors.kit.plugin import RandomBytes
from connectors.kit.sandbox_server import (
    SANDBOX_NOTICE_ZH,
    Fault,
    Route,
    SandboxContext,
    make_app_of,
    sandbox_person,
    today_in_china,
)
from connectors.kit.upstream import is_same

_TOKEN_LIFE = timedelta(minutes=10)


def new_credentials(random_bytes: RandomBytes) -> dict[str, str]:
    """Fresh secrets for a sandbox and its connector."""
    return {
        "client_id": f"huilian-{random_bytes(4).hex()}",
        "client_secret": random_bytes(24).hex(),
        "report_key": random_bytes(32).hex(),
    }


@dataclass
class _Request:
    ticket: str
    name: str
    resident_id: str
    polls: int = 0


class CreditBureau:
    """The bureau: tokens, requests by number, reports that take a while."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context
        self._tokens: dict[str, datetime] = {}
        self._by_number: dict[str, _Request] = {}
        self._by_ticket: dict[str, _Request] = {}

    async def token(self, _: web.Request, body: bytes) -> web.Response:
        """An access token for whoever knows the client's secret."""
        asked, credentials = parse_qs(body.decode("ascii")), self._context.credentials
        given = asked.get("client_id", [""])[0], asked.get("client_secret", [""])[0]
        if not (is_same(credentials["client_id"], given[0]) and is_same(credentials["client_secret"], given[1])):
            return web.json_response({"error": "invalid_client"}, status=401)
        # The sandbox is its own composition root; a token is a secret and never injected.
        token = os.urandom(24).hex()
        self._tokens[token] = self._context.clock.now() + _TOKEN_LIFE
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 600})

    async def submit(self, request: web.Request, body: bytes) -> web.Response:
        """A ticket; the same one for the same number."""
        if not self._is_logged_in(request):
            return web.json_response({"error": "invalid_token"}, status=401)
        asked = parse_json(body)
        known = self._by_number.get(asked["requestNo"])
        if known is None:
            known = _Request(f"T-{os.urandom(12).hex()}", asked["name"], asked["idNo"])
            self._by_number[asked["requestNo"]] = self._by_ticket[known.ticket] = known
        return web.json_response({"ticket": known.ticket, "notice": SANDBOX_NOTICE_ZH}, status=202)

    async def poll(self, request: web.Request, _: bytes) -> web.Response:
        """The report, or 202 while it is not ready."""
        if not self._is_logged_in(request):
            return web.json_response({"error": "invalid_token"}, status=401)
        known = self._by_ticket.get(request.match_info["ticket"])
        if known is None:
            return web.json_response({"error": "unknown_ticket"}, status=404)
        known.polls += 1
        if known.polls <= self._context.faults.polls_until_ready:
            return web.json_response({"state": wire.PROCESSING}, status=202)
        body = json.dumps(self._finish(known), ensure_ascii=False).encode("utf-8")
        signature = wire.sign(self._context.credentials["report_key"], known.ticket, body)
        return web.Response(body=body, content_type="application/json", headers={wire.SIGNATURE_HEADER: signature})

    def _is_logged_in(self, request: web.Request) -> bool:
        good_until = self._tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return good_until is not None and self._context.clock.now() < good_until

    def _finish(self, known: _Request) -> dict[str, object]:
        person = sandbox_person(self._context.faults, known.name, known.resident_id)
        report = report_of(person, today_in_china(self._context.clock.now())) if person is not None else None
        if report is None:
            return {"state": wire.NO_RECORD}
        if self._context.faults.active is Fault.BROKEN_SCHEMA:
            report["reportDate"] = "yesterday"
        return {"state": wire.READY, "report": report}


def create(context: SandboxContext) -> web.Application:
    """The sandbox as a web application."""
    bureau = CreditBureau(context)
    routes = [
        Route("POST", wire.TOKEN_PATH, bureau.token, is_question=False),
        Route("POST", wire.REQUESTS_PATH, bureau.submit),
        Route("GET", wire.ticket_path("{ticket}"), bureau.poll, is_question=False),
    ]
    return make_app_of("征信中心", routes, context.faults)
