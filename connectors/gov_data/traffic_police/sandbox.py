"""A stand-in for a traffic police gateway (交警支队). SANDBOX: all data is invented."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from connectors.gov_data.traffic_police import wire
from connectors.gov_data.traffic_police.sandbox_register import Decision, added_fen, decisions_of
from connectors.kit.months import Month, Period
from connectors.kit.plugin import RandomBytes
from connectors.kit.sandbox_payments import AlreadyPaid, OrderReused, PaymentBook
from connectors.kit.sandbox_people import Person, find_person
from connectors.kit.sandbox_server import (
    SANDBOX_NOTICE_ZH,
    Fault,
    SandboxContext,
    make_app,
    sandbox_person,
    today_in_china,
)
from connectors.kit.upstream import fen_to_yuan, is_same, read_compact_month, yuan_to_fen

_POINTS_LIMIT = 12
_CYCLE_MONTHS = 12
_NO_LICENCE = {"code": "20", "msg": "未查询到驾驶证信息"}


def new_credentials(random_bytes: RandomBytes) -> dict[str, str]:
    """Fresh secrets for a sandbox and its connector."""
    return {"app_id": f"HL{random_bytes(4).hex().upper()}", "sign_key": random_bytes(24).hex()}


class TrafficPolice:
    """The register of violations, and the cash desk for fines."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context
        self._book = PaymentBook(context, "JJ")

    async def answer(self, _: web.Request, body: bytes) -> web.Response:
        """Check the signature, serve the method, sign the answer with the request's nonce in it."""
        asked, key = wire.read(body), self._context.credentials["sign_key"]
        if not is_same(wire.sign(key, asked), asked.get("sign")):
            return web.Response(status=403)
        found = {**self._serve(asked), "nonce": asked["nonce"], "notice": SANDBOX_NOTICE_ZH}
        return web.Response(body=wire.write(key, found), headers={"Content-Type": wire.CONTENT_TYPE})

    def _serve(self, asked: dict[str, str]) -> dict[str, str]:
        if asked["appid"] != self._context.credentials["app_id"]:
            return {"code": "11", "msg": "应用未授权"}
        if asked["method"] == wire.PING:
            return {"code": "1"}
        return self._violations(asked) if asked["method"] == wire.VIOLATIONS else self._pay(asked)

    def _today(self) -> date:
        return today_in_china(self._context.clock.now())

    def _violations(self, asked: dict[str, str]) -> dict[str, str]:
        person = sandbox_person(self._context.faults, asked["xm"], asked["sfzmhm"])
        decisions = decisions_of(person) if person is not None else None
        if person is None or decisions is None:
            return _NO_LICENCE
        today, period = self._today(), Period(read_compact_month(asked["qsny"]), read_compact_month(asked["jzny"]))
        known = [decision for decision in decisions if decision.day <= today]
        unpaid = [decision for decision in known if not self._is_paid(decision)]
        points = sum(
            decision.points for decision in known if Month.of(decision.day) > Month.of(today).plus(-_CYCLE_MONTHS)
        )
        rows = [self._row(decision, today) for decision in known if Month.of(decision.day) in period]
        broken = self._context.faults.active is Fault.BROKEN_SCHEMA
        return {
            "code": "1",
            "xm": person.name,
            "sfzmhm": person.resident_id,
            "jszzt": "?" if broken else "H" if points >= _POINTS_LIMIT else "A",
            "ljjf": str(points),
            "wjbs": str(len(unpaid)),
            "wjje": fen_to_yuan(sum(decision.fine_fen + added_fen(decision, today) for decision in unpaid)),
            "wfxx": wire.write_rows(rows),
        }

    def _is_paid(self, decision: Decision) -> bool:
        return decision.is_settled or self._book.paid(decision.number) is not None

    def _row(self, decision: Decision, today: date) -> wire.Violation:
        is_paid = self._is_paid(decision)
        return wire.Violation(
            decision.number,
            decision.day.strftime("%Y%m%d"),
            decision.code,
            fen_to_yuan(decision.fine_fen),
            "0.00" if is_paid else fen_to_yuan(added_fen(decision, today)),
            str(decision.points),
            "1" if is_paid else "0",
        )

    def _pay(self, asked: dict[str, str]) -> dict[str, str]:
        person = find_person(asked["xm"], asked["sfzmhm"])
        decision = _decision_of(person, asked["jdsbh"])
        amount_fen = yuan_to_fen(asked["je"])
        earlier = self._book.order(asked["ddh"])
        if decision is None:
            return {"code": "33", "msg": "未查询到该决定书"}
        if earlier is None and decision.is_settled:
            return {"code": "31", "msg": "该罚款已缴纳"}
        # What is owed may have grown since an order was paid: the same order is answered by what it paid.
        if earlier is None and amount_fen != decision.fine_fen + added_fen(decision, self._today()):
            return {"code": "32", "msg": "缴款金额与应缴金额不符"}
        try:
            paid_at = wire.china_time(self._context.clock.now())
            payment = self._book.pay(asked["ddh"], decision.number, amount_fen, paid_at)
        except AlreadyPaid:
            return {"code": "31", "msg": "该罚款已缴纳"}
        except OrderReused:
            return {"code": "34", "msg": "订单号已使用"}
        return {
            "code": "1",
            "ddh": payment.order_id,
            "jdsbh": payment.target,
            "je": fen_to_yuan(payment.amount_fen),
            "pjh": payment.receipt_number,
            "jksj": payment.paid_at,
        }


def _decision_of(person: Person | None, number: str) -> Decision | None:
    decisions = decisions_of(person) if person is not None else None
    return next((decision for decision in decisions or () if decision.number == number), None)


def create(context: SandboxContext) -> web.Application:
    """The sandbox as a web application."""
    return make_app("公安局交通警察支队", wire.PATH, TrafficPolice(context).answer, context.faults)
