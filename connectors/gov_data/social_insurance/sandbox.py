"""A stand-in for a social insurance administration (社会保险基金管理局). SANDBOX: all data is invented."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.canonical import parse_json

from connectors.gov_data.social_insurance import card_code, wire
from connectors.kit.months import Month, Period
from connectors.kit.plugin import RandomBytes
from connectors.kit.sandbox_families import birth_date, children, find_child
from connectors.kit.sandbox_payroll import insurance_base_fen
from connectors.kit.sandbox_people import Employment, Person, customer_number, population
from connectors.kit.sandbox_server import (
    SANDBOX_NOTICE_ZH,
    Fault,
    SandboxContext,
    make_app,
    sandbox_person,
    today_in_china,
)
from connectors.kit.upstream import fen_to_yuan

_EVERY_LOST_CARD = 97
_NOT_INSURED = {"code": 20404, "message": "未查询到参保信息"}


def new_credentials(random_bytes: RandomBytes) -> dict[str, str]:
    """Fresh secrets for a sandbox and its connector, and the key pair that signs cards: a connector needs its public
    half.
    """
    private = Ed25519PrivateKey.from_private_bytes(random_bytes(32))
    return {
        "app_id": f"HL{random_bytes(4).hex()}",
        "sm4_key": random_bytes(16).hex(),
        "card_private_key": private.private_bytes_raw().hex(),
        "card_public_key": private.public_key().public_bytes_raw().hex(),
    }


class SocialInsurance:
    """The register: contributions derived from the shared population's insured jobs."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    async def answer(self, _: web.Request, body: bytes) -> web.Response:
        """Decrypt the question, look the person up, encrypt the answer bound to the question's nonce."""
        asked = parse_json(body)
        key = self._context.credentials["sm4_key"]
        context = f"{self._context.credentials['app_id']}|{asked['serviceCode']}|{asked['timestamp']}"
        try:
            question = wire.decrypt(key, base64.b64decode(asked["nonce"]), context, asked["encData"])
        except ValueError:
            return web.json_response({"code": 40100, "message": "解密失败"}, status=401)
        found = self._serve(asked["serviceCode"], question)
        # The sandbox is its own composition root; a nonce may not repeat under one key, so it is never injected.
        nonce, timestamp = os.urandom(wire.NONCE_BYTES), str(int(self._context.clock.now().timestamp()))
        sealed = wire.encrypt(key, nonce, f"{asked['nonce']}|{timestamp}", found)
        envelope = {"timestamp": timestamp, "nonce": base64.b64encode(nonce).decode(), "encData": sealed}
        return web.json_response({**envelope, "sandbox": SANDBOX_NOTICE_ZH})

    def _serve(self, service_code: str, question: dict[str, Any]) -> dict[str, Any]:
        if service_code == wire.PING:
            return {"code": 0}
        if service_code == wire.CARD and (child := find_child(question["name"], question["idNo"])) is not None:
            # 城乡居民 insurance from birth; a child contributes nothing, so there is a card and no contribution.
            return self._card(child.person, Month.of(birth_date(child.person)))
        person = sandbox_person(self._context.faults, question["name"], question["idNo"])
        today = today_in_china(self._context.clock.now())
        history = person.insured_history(today) if person is not None else {}
        if person is None or not history:
            return _NOT_INSURED
        if service_code == wire.CARD:
            return self._card(person, min(history))
        period = Period.parse(question["startMonth"], question["endMonth"])
        found = _contributions(person, history, Month.of(today).plus(-1), period)
        if self._context.faults.active is Fault.BROKEN_SCHEMA:
            found["state"] = "9"
        return found

    def _card(self, person: Person, first: Month) -> dict[str, Any]:
        """The card that came with the first insured month. Its serial says nothing about the holder."""
        number = _card_number(person)
        is_lost = number % _EVERY_LOST_CARD == 0
        serial = hashlib.sha256(f"card {number}".encode()).hexdigest()[:24]
        status, now = card_code.LOST if is_lost else card_code.ACTIVE, self._context.clock.now()
        code = card_code.issue_card(self._context.credentials["card_private_key"], serial, status, now)
        return {
            "code": 0,
            "name": person.name,
            "idNo": person.resident_id,
            "cardState": "9" if self._context.faults.active is Fault.BROKEN_SCHEMA else "3" if is_lost else "1",
            "cardNo": f"S{number:011d}",
            "cityCode": person.resident_id[:6],
            "issueMonth": str(first),
            "qr": code,
        }


def _card_number(person: Person) -> int:
    """Nobody else's: children are numbered after the whole population."""
    if person.kind != "child":
        return customer_number(person)
    return len(population()) + 1 + sorted(children()).index(person.resident_id)


def _contributions(
    person: Person, history: Mapping[Month, Employment], settled: Month, period: Period
) -> dict[str, Any]:
    last = history[max(history)]
    return {
        "code": 0,
        "name": person.name,
        "idNo": person.resident_id,
        "state": "1" if person.insured_job(settled) is not None else "2",
        "firstMonth": str(min(history)),
        "settledMonth": str(settled),
        "base": fen_to_yuan(insurance_base_fen(last)),
        "unit": last.employer,
        "payments": [
            {"month": str(month), "base": fen_to_yuan(insurance_base_fen(job)), "unit": job.employer}
            for month, job in history.items()
            if month in period
        ],
    }


def create(context: SandboxContext) -> web.Application:
    """The sandbox as a web application."""
    return make_app("社会保险基金管理局", wire.QUERY_PATH, SocialInsurance(context).answer, context.faults)
