"""Rows in the shape in which Tryton 8.2 sends them, for tests of the mapping. Values are invented."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from connectors.core_enterprise.tryton.origins import Answer
from connectors.core_enterprise.tryton.queries import Kind, RawDocument

EARLY = dt.datetime(2026, 1, 4, 1, 0, 0, 5, tzinfo=dt.UTC)
CHANGED = dt.datetime(2026, 1, 5, 2, 30, 0, 250_000, tzinfo=dt.UTC)
BUYER_USCC = "91449900MA0H00010W"
SUPPLIER_USCC = "91449900MA0H00029R"

Row = dict[str, Any]


def stamps(write_date: dt.datetime | None = None) -> Row:
    return {"create_date": EARLY, "write_date": write_date}


def party(row_id: int, name: str) -> Row:
    return {"id": row_id, "name": name, **stamps()}


def company() -> Row:
    return {"id": 1, "party.": party(1, "买方"), **stamps()}


def product(code: str, name: str) -> Row:
    return {"id": 7, "code": code, "name": name, "template.": {"id": 9, **stamps()}, **stamps()}


def identifiers() -> tuple[Row, ...]:
    return (
        {"id": 1, "party": 1, "code": BUYER_USCC, **stamps()},
        {"id": 2, "party": 2, "code": SUPPLIER_USCC, **stamps()},
    )


def raw_order(**head: Any) -> RawDocument:
    line = {
        "id": 3,
        "purchase": 4,
        "quantity": Decimal("12.5"),
        "unit.": {"id": 2, "symbol": "kg"},
        "product.": product("STL-2", "钢板"),
        "description": None,
        "unit_price": Decimal("330.505"),
        "amount": Decimal("4131.31"),
        **stamps(),
    }
    row = {
        "id": 4,
        "number": "PO000004",
        "state": "processing",
        "purchase_date": dt.date(2026, 1, 5),
        "party.": party(2, "卖方"),
        "company.": company(),
        "currency.": {"id": 1, "code": "CNY"},
        "untaxed_amount": Decimal("4131.31"),
        "tax_amount": Decimal("537.07"),
        "total_amount": Decimal("4668.38"),
        **stamps(CHANGED),
        **head,
    }
    return RawDocument(Kind.ORDER, row, (line,), (), identifiers())


def move(row_id: int, quantity: str, effective_date: dt.date | None = None) -> Row:
    return {
        "id": row_id,
        "origin": "purchase.line,3",
        "purchase": 4,
        "quantity": Decimal(quantity),
        "unit.": {"id": 1, "symbol": "u"},
        "product.": product("BRG-1", "轴承"),
        "effective_date": effective_date,
        **stamps(),
    }


def raw_receipt(*moves: Row, **head: Any) -> RawDocument:
    row = {
        "id": 5,
        "number": "GR000005",
        "state": "done",
        "effective_date": dt.date(2026, 1, 20),
        "incoming_moves": [line["id"] for line in moves],
        "supplier.": party(2, "卖方"),
        "company.": company(),
        **stamps(CHANGED),
        **head,
    }
    return RawDocument(Kind.RECEIPT, row, moves, (), identifiers())


def invoice_line(row_id: int, origin: str | None, **values: Any) -> Row:
    return {
        "id": row_id,
        "invoice": 6,
        "origin": origin,
        "quantity": Decimal("60.0"),
        "unit.": {"id": 1, "symbol": "u"},
        "product.": product("BRG-1", "轴承"),
        "description": None,
        "unit_price": Decimal("125"),
        "amount": Decimal("7500.00"),
        **stamps(),
        **values,
    }


def raw_invoice(*lines: Row, due: tuple[dt.date, ...] = (dt.date(2026, 4, 22),), **head: Any) -> RawDocument:
    row = {
        "id": 6,
        "reference": "26449900000000000001",
        "state": "posted",
        "invoice_date": dt.date(2026, 1, 22),
        "purchases": [4],
        "lines_to_pay": list(range(1, len(due) + 1)),
        "party.": party(2, "卖方"),
        "company.": company(),
        "currency.": {"id": 1, "code": "CNY"},
        "untaxed_amount": Decimal("7500.00"),
        "tax_amount": Decimal("975.00"),
        "total_amount": Decimal("8475.00"),
        **stamps(CHANGED),
        **head,
    }
    maturities = tuple({"id": i, "maturity_date": day, **stamps()} for i, day in enumerate(due, start=1))
    return RawDocument(Kind.INVOICE, row, lines or (invoice_line(8, "purchase.line,3"),), maturities, identifiers())


def raw_return(*moves: Row, answers: dict[int, Answer], **head: Any) -> RawDocument:
    row = {
        "id": 7,
        "number": "RT000007",
        "state": "done",
        "effective_date": dt.date(2026, 1, 25),
        "moves": [line["id"] for line in moves],
        "supplier.": party(2, "卖方"),
        "company.": company(),
        **stamps(CHANGED),
        **head,
    }
    return RawDocument(Kind.RETURN, row, moves, (), identifiers(), answers)


def raw_credit_note(*lines: Row, answers: dict[int, Answer], **head: Any) -> RawDocument:
    row = {
        "id": 9,
        "reference": "26449900000000000002",
        "number": "3",
        "state": "posted",
        "invoice_date": dt.date(2026, 1, 26),
        "party.": party(2, "卖方"),
        "company.": company(),
        "currency.": {"id": 1, "code": "CNY"},
        "untaxed_amount": Decimal("-1250.00"),
        "tax_amount": Decimal("-162.50"),
        "total_amount": Decimal("-1412.50"),
        **stamps(CHANGED),
        **head,
    }
    taken_off = {"quantity": Decimal("-10.0"), "amount": Decimal("-1250.00")}
    return RawDocument(
        Kind.CREDIT_NOTE, row, lines or (invoice_line(8, "purchase.line,5", **taken_off),), (), identifiers(), answers
    )
