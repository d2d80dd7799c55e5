"""A stand-in for a housing provident fund centre (住房公积金管理中心). SANDBOX: all data is invented."""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from typing import Any

from aiohttp import web
from huilian_protocol.canonical import parse_json

from connectors.gov_data.housing_fund.wire import QUERY_PATH, sign_answer, sign_request
from connectors.kit.months import Month, Period
from connectors.kit.plugin import RandomBytes
from connectors.kit.sandbox_payroll import fund_base_fen, fund_share_fen
from connectors.kit.sandbox_people import Employment, Person
from connectors.kit.sandbox_server import (
    SANDBOX_NOTICE_ZH,
    Fault,
    SandboxContext,
    make_app,
    sandbox_person,
    today_in_china,
)
from connectors.kit.upstream import compact_month, fen_to_yuan, is_same, read_compact_month

_MAX_SKEW_MS = 300_000
_NONCES_FOR_MS = 2 * _MAX_SKEW_MS


def new_credentials(random_bytes: RandomBytes) -> dict[str, str]:
    """Fresh secrets for a sandbox and its connector."""
    return {"app_id": f"huilian-{random_bytes(4).hex()}", "secret": random_bytes(32).hex()}


class HousingFund:
    """The register: accounts derived from the shared population's insured jobs."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context
        # When each came, oldest first.
        self._nonces: dict[str, int] = {}

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        """Check the signature, look the person up, sign the answer."""
        nonce = request.headers.get("X-Gjj-Nonce", "")
        now_ms = int(self._context.clock.now().timestamp() * 1_000)
        if not self._is_authentic(request, nonce, body, now_ms) or not self._is_new(nonce, now_ms):
            return web.json_response({"code": "4001", "msg": "签名校验失败"}, status=401)
        found = {**self._find(parse_json(body)), "sandbox": SANDBOX_NOTICE_ZH}
        content = json.dumps(found, ensure_ascii=False).encode("utf-8")
        signature = sign_answer(self._context.credentials["secret"], nonce, content)
        return web.Response(body=content, content_type="application/json", headers={"X-Gjj-Signature": signature})

    def _is_authentic(self, request: web.Request, nonce: str, body: bytes, now_ms: int) -> bool:
        credentials, timestamp = self._context.credentials, request.headers.get("X-Gjj-Timestamp", "")
        expected = sign_request(credentials["secret"], credentials["app_id"], timestamp, nonce, body)
        is_signed = is_same(expected, request.headers.get("X-Gjj-Signature"))
        return is_signed and abs(now_ms - int(timestamp)) <= _MAX_SKEW_MS

    def _is_new(self, nonce: str, now_ms: int) -> bool:
        """Whether this nonce comes for the first time; known from now on, as long as its time could be taken."""
        while self._nonces and self._nonces[oldest := next(iter(self._nonces))] < now_ms - _NONCES_FOR_MS:
            del self._nonces[oldest]
        if nonce in self._nonces:
            return False
        self._nonces[nonce] = now_ms
        return True

    def _find(self, asked: dict[str, str]) -> dict[str, Any]:
        if "ping" in asked:
            return {"code": "0000", "msg": "成功"}
        person = sandbox_person(self._context.faults, asked["xingming"], asked["zjhm"])
        today = today_in_china(self._context.clock.now())
        history, balance_fen = _register(person, today) if person is not None else ({}, 0)
        if person is None or not history:
            return {"code": "1001", "msg": "未查询到该人员的公积金账户"}
        period = Period(read_compact_month(asked["qsny"]), read_compact_month(asked["jsny"]))
        data = _account(person, history, balance_fen, Month.of(today).plus(-1), period)
        if self._context.faults.active is Fault.BROKEN_SCHEMA:
            data["grzhzt"] = "77"
        return {"code": "0000", "msg": "成功", "data": data}


@lru_cache(maxsize=4_096)
def _register(person: Person, today: date) -> tuple[dict[Month, Employment], int]:
    """What the fund has on a person by this day: the months and the balance in fen. An agency looks it up, too, instead
    of working it out for each question.
    """
    history = person.insured_history(today)
    return history, sum(2 * fund_share_fen(job) for job in history.values())


def _account(
    person: Person, history: dict[Month, Employment], balance_fen: int, settled: Month, period: Period
) -> dict[str, Any]:
    # Oldest first, as the register keeps it.
    oldest, last = next(iter(history)), history[next(reversed(history))]
    rows = [
        {"ny": compact_month(month), "je": fen_to_yuan(2 * fund_share_fen(history[month]))}
        for month in period
        if month in history
    ]
    return {
        "xingming": person.name,
        "zjhm": person.resident_id,
        "grzhzt": "01" if person.insured_job(settled) is not None else "02",
        "grzhye": fen_to_yuan(balance_fen),
        "grjcjs": fen_to_yuan(fund_base_fen(last)),
        "gryjce": fen_to_yuan(fund_share_fen(last)),
        "dwyjce": fen_to_yuan(fund_share_fen(last)),
        "dwmc": last.employer,
        "khny": compact_month(oldest),
        "jcmx": rows,
    }


def create(context: SandboxContext) -> web.Application:
    """The sandbox as a web application."""
    return make_app("住房公积金管理中心", QUERY_PATH, HousingFund(context).answer, context.faults)
