"""A stand-in for a tax bureau (税务局). SANDBOX: all data is invented."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from connectors.gov_data.tax import wire
from connectors.kit.months import Month, Period
from connectors.kit.plugin import RandomBytes
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, DEALER, SandboxCompany, Standing, company_by_uscc
from connectors.kit.sandbox_payroll import payslips
from connectors.kit.sandbox_people import Person
from connectors.kit.sandbox_server import (
    SANDBOX_NOTICE_ZH,
    Fault,
    SandboxContext,
    current_month,
    make_app,
    sandbox_person,
    today_in_china,
)
from connectors.kit.upstream import fen_to_yuan, is_same

_FIRST_DECLARED = Month(2020, 1)
_NOTHING = {"rtn_code": "01", "rtn_msg": "无相关记录"}
_FOUND = {"rtn_code": "00", "rtn_msg": "成功"}
_STANDINGS: Mapping[Standing, Mapping[str, str]] = {
    "normal": {"djztdm": "03", "nsxyjb": "B", "qsye": "0.00"},
    "arrears": {"djztdm": "03", "nsxyjb": "C", "qsye": "86320.55"},
    "dishonest": {"djztdm": "03", "nsxyjb": "D", "qsye": "241900.00"},
    "abnormal": {"djztdm": "05", "nsxyjb": "D", "qsye": "3500.00"},
}


def new_credentials(random_bytes: RandomBytes) -> dict[str, str]:
    """Fresh secrets for a sandbox and its connector."""
    return {"channel_id": f"HUILIAN{random_bytes(3).hex().upper()}", "sign_key": random_bytes(32).hex()}


@dataclass(frozen=True, slots=True)
class _Declaration:
    month: Month
    revenue_fen: int
    vat_fen: int
    income_tax_fen: int


def _declarations(company: SandboxCompany, until: Month) -> Iterator[_Declaration]:
    """Monthly declarations drawn from the company's own code, the same every time."""
    rng = random.Random(company.uscc)  # noqa: S311  repeatable on purpose; nothing secret comes from it
    typical_fen = 8_000_000_000 if company is CORE_ENTERPRISE else 260_000_000
    for month in Period(_FIRST_DECLARED, until):
        revenue_fen = typical_fen * rng.randint(70, 130) // 100
        yield _Declaration(month, revenue_fen, revenue_fen * 3 // 100, revenue_fen * 2 // 100)


def _standing(company: SandboxCompany) -> Mapping[str, str]:
    """Registration status, credit grade and arrears, in the bureau's codes."""
    if company is CORE_ENTERPRISE:
        return {"djztdm": "03", "nsxyjb": "A", "qsye": "0.00"}
    if company is DEALER:
        return {"djztdm": "03", "nsxyjb": "M", "qsye": "12000.00"}
    return _STANDINGS[company.standing]


class TaxBureau:
    """The register: persons' incomes from the shared population, enterprises from the shared companies."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        """Check the signature, answer the service that the head names, sign the answer."""
        key = self._context.credentials["sign_key"]
        if not is_same(wire.sign(key, body), request.headers.get(wire.SIGN_HEADER)):
            return web.Response(status=403, text="验签失败")
        asked = wire.read(body)
        found = self._serve(asked)
        head = {"tran_seq": asked.head["tran_seq"], "notice": SANDBOX_NOTICE_ZH, **found.head}
        content = wire.write(wire.Document(head, found.body, found.rows))
        headers = {wire.SIGN_HEADER: wire.sign(key, content), "Content-Type": "application/xml; charset=GB18030"}
        return web.Response(body=content, headers=headers)

    def _serve(self, asked: wire.Document) -> wire.Document:
        if asked.head["channel_id"] != self._context.credentials["channel_id"]:
            return wire.Document({"rtn_code": "11", "rtn_msg": "渠道未授权"})
        if asked.head["service_id"] == wire.PING:
            return wire.Document(_FOUND)
        period = Period.parse(asked.body["skssqq"], asked.body["skssqz"])
        if asked.head["service_id"] == wire.ENTERPRISE and "shxydm" in asked.body:
            return self._enterprise({}, self._registered(asked.body["nsrmc"], asked.body["shxydm"]), period)
        person = sandbox_person(self._context.faults, asked.body["xm"], asked.body["zjhm"])
        if person is None:
            return wire.Document(_NOTHING)
        if asked.head["service_id"] == wire.ENTERPRISE:
            company = company_by_uscc(person.represents) if person.represents is not None else None
            return self._enterprise(self._identity(person), company, period)
        return self._personal_income(person, period)

    def _registered(self, name: str, uscc: str) -> SandboxCompany | None:
        """The enterprise of exactly this name and code, or another one while the sandbox lies about whom it means."""
        company = company_by_uscc(uscc)
        if company is None or company.name_zh != name:
            return None
        if self._context.faults.active is Fault.WRONG_PERSON:
            return DEALER if company is not DEALER else CORE_ENTERPRISE
        return company

    def _settled(self) -> Month:
        return current_month(self._context.clock.now()).plus(-1)

    def _identity(self, person: Person) -> Mapping[str, str]:
        return {"xm": person.name, "zjhm": person.resident_id}

    def _personal_income(self, person: Person, period: Period) -> wire.Document:
        today = today_in_china(self._context.clock.now())
        paid = (slip for job in person.employments for slip in payslips(job, self._settled()))
        slips = [slip for slip in paid if person.is_on_record(slip.month, today)]
        if not slips:
            return wire.Document(_NOTHING)
        tax = "-0.01" if self._context.faults.active is Fault.BROKEN_SCHEMA else None
        rows = tuple(
            {
                "skssq": str(slip.month),
                "kjywrmc": slip.employer,
                "sre": fen_to_yuan(slip.income_fen),
                "ybtse": tax or fen_to_yuan(slip.tax_fen),
            }
            for slip in slips
            if slip.month in period
        )
        return wire.Document(_FOUND, self._identity(person), rows)

    def _enterprise(self, asked_by: Mapping[str, str], company: SandboxCompany | None, period: Period) -> wire.Document:
        if company is None:
            return wire.Document(_NOTHING)
        body = {
            **asked_by,
            "nsrmc": company.name_zh,
            "shxydm": company.uscc,
            **_standing(company),
            "pjnd": str(self._settled().year - 1),
        }
        if self._context.faults.active is Fault.BROKEN_SCHEMA:
            body["nsxyjb"] = "Z"
        rows = tuple(
            {
                "skssq": str(declared.month),
                "yysr": fen_to_yuan(declared.revenue_fen),
                "zzs": fen_to_yuan(declared.vat_fen),
                "qysds": fen_to_yuan(declared.income_tax_fen),
            }
            for declared in _declarations(company, self._settled())
            if declared.month in period
        )
        return wire.Document(_FOUND, body, rows)


def create(context: SandboxContext) -> web.Application:
    """The sandbox as a web application."""
    return make_app("税务局", wire.QUERY_PATH, TaxBureau(context).answer, context.faults)
