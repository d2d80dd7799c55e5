"""A stand-in for a city's utilities billing platform (公用事业缴费平台). SANDBOX: all data is invented."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from aiohttp import web
from huilian_protocol.canonical import parse_json

from connectors.gov_data.utilities import wire
from connectors.gov_data.utilities.sandbox_bills import Bill, accounts_of, bills_of
from connectors.kit.months import Month, Period
from connectors.kit.plugin import RandomBytes
from connectors.kit.sandbox_payments import AlreadyPaid, OrderReused, PaymentBook
from connectors.kit.sandbox_people import Person, find_person
from connectors.kit.sandbox_server import (
    SANDBOX_NOTICE_ZH,
    Fault,
    PageFault,
    Route,
    SandboxContext,
    make_app_of,
    sandbox_person,
    today_in_china,
)
from connectors.kit.upstream import fen_to_yuan, is_same, yuan_to_fen

# A month's bill is due by the end of the next month.
_DUE_AFTER_MONTHS = 1


def new_credentials(random_bytes: RandomBytes) -> dict[str, str]:
    """The API key that a sandbox and its connector share."""
    return {"api_key": random_bytes(24).hex()}


class Utilities:
    """The platform: bills in pages, and a cash desk."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context
        self._book = PaymentBook(context, "GY")

    async def ping(self, request: web.Request, _: bytes) -> web.Response:
        """Whether the platform is up and knows the key."""
        return self._answer(request, {"code": wire.OK})

    async def bills(self, request: web.Request, body: bytes) -> web.Response:
        """One page of the bills of a person in a period."""
        asked = parse_json(body)
        # Only the first page is a question; the others belong to it.
        self._context.faults.queries += asked["page"] == 1
        return self._answer(request, self._page(asked))

    async def pay(self, request: web.Request, body: bytes) -> web.Response:
        """Take a payment for one bill."""
        self._context.faults.queries += 1
        return self._answer(request, self._paid(request.headers.get(wire.ORDER_HEADER, ""), parse_json(body)))

    def _answer(self, request: web.Request, answer: dict[str, Any]) -> web.Response:
        if not is_same(self._context.credentials["api_key"], request.headers.get(wire.KEY_HEADER)):
            return web.json_response({"code": "BAD_KEY"}, status=401)
        return web.json_response({**answer, "notice": SANDBOX_NOTICE_ZH})

    def _today(self) -> date:
        return today_in_china(self._context.clock.now())

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        faults = self._context.faults
        person = sandbox_person(faults, asked["name"], asked["certNo"])
        if person is None or not accounts_of(person):
            return {"code": wire.NO_CUSTOMER}
        period, settled = Period.parse(asked["from"], asked["to"]), Month.of(self._today()).plus(-1)
        bills = [bill for bill in bills_of(person, settled) if bill.month in period]
        number = self._spoiled_number(asked["page"])
        rows = [self._row(bill) for bill in bills[(number - 1) * wire.PAGE_SIZE : number * wire.PAGE_SIZE]]
        if faults.active is Fault.BROKEN_SCHEMA and rows:
            rows[0]["state"] = 7
        return {
            "code": wire.OK,
            "name": person.name,
            "certNo": person.resident_id,
            "accounts": _accounts(person),
            "total": self._spoiled_total(len(bills), asked["page"]),
            "page": asked["page"],
            "bills": rows,
        }

    def _spoiled_number(self, number: int) -> int:
        fault = self._context.faults.page
        if number > 1 and fault in (PageFault.REPEATS, PageFault.ENDLESS):
            return 1
        return number + 1 if number > 1 and fault is PageFault.LOSES else number

    def _spoiled_total(self, total: int, number: int) -> int:
        fault = self._context.faults.page
        if fault is PageFault.ENDLESS:
            return 10**9
        return total + number - 1 if fault is PageFault.CHANGES else total

    def _row(self, bill: Bill) -> dict[str, Any]:
        is_paid = bill.was_paid or self._book.paid(bill.number) is not None
        is_late = bill.month.plus(_DUE_AFTER_MONTHS) < Month.of(self._today())
        return {
            "billNo": bill.number,
            "kind": bill.kind,
            "month": str(bill.month),
            "amount": fen_to_yuan(bill.amount_fen),
            "state": 1 if is_paid else 2 if is_late else 0,
        }

    def _paid(self, order_id: str, asked: dict[str, Any]) -> dict[str, Any]:
        bill = self._find(asked)
        if bill is None or not order_id:
            return {"code": wire.NO_BILL}
        if bill.was_paid:
            return {"code": wire.ALREADY_PAID}
        if yuan_to_fen(asked["amount"]) != bill.amount_fen:
            return {"code": wire.WRONG_AMOUNT}
        try:
            payment = self._book.pay(order_id, bill.number, bill.amount_fen, self._context.clock.now().isoformat())
        except AlreadyPaid:
            return {"code": wire.ALREADY_PAID}
        except OrderReused:
            return {"code": "ORDER_REUSED"}
        receipt = {"receiptNo": payment.receipt_number, "paidAt": payment.paid_at}
        return {"code": wire.OK, "billNo": bill.number, "amount": fen_to_yuan(payment.amount_fen), **receipt}

    def _find(self, asked: dict[str, Any]) -> Bill | None:
        person = find_person(asked["name"], asked["certNo"])
        if person is None:
            return None
        bills: Sequence[Bill] = bills_of(person, Month.of(self._today()).plus(-1))
        return next((bill for bill in bills if bill.number == asked["billNo"]), None)


def _accounts(person: Person) -> list[dict[str, Any]]:
    return [
        {"accountNo": account.number, "kind": account.kind, "closed": account.is_closed}
        for account in accounts_of(person)
    ]


def create(context: SandboxContext) -> web.Application:
    """The sandbox as a web application."""
    platform = Utilities(context)
    routes = [
        Route("POST", wire.PING_PATH, platform.ping, is_question=False),
        Route("POST", wire.BILLS_PATH, platform.bills, is_question=False),
        Route("POST", wire.PAYMENTS_PATH, platform.pay, is_question=False),
    ]
    return make_app_of("城市公用事业缴费平台", routes, context.faults)
