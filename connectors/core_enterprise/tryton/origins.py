"""What a return or a credit note in Tryton answers: the order line, and the invoice, from which its goods came.

Tryton returns goods by a purchase of its own with quantities below zero, whose origin is the order (`return_purchase`);
the shipment and the credit note that it makes point to that purchase's lines. An invoice that is credited by itself
(`credit`) makes a credit note whose lines point to the invoice's. Field names are Tryton 8.2's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connectors.core_enterprise.tryton.jsonrpc import Row, TrytonClient

ORDER, ORDER_LINE, INVOICE_LINE = "purchase.purchase", "purchase.line", "account.invoice.line"


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows that a line answers; None as far as Tryton does not say, or not without doubt."""

    order: int | None = None
    order_line: int | None = None
    invoice: int | None = None


async def answers(client: TrytonClient, lines: Sequence[Row]) -> dict[int, Answer]:
    """By the id of a stock move or an invoice line, which must carry `origin`."""
    invoice_lines = await _by_id(client, INVOICE_LINE, _targets(lines, INVOICE_LINE), ("origin", "invoice"))
    origins = [*lines, *invoice_lines.values()]
    fields = ("purchase", "purchase.origin", "product", "unit")
    purchase_lines = await _by_id(client, ORDER_LINE, _targets(origins, ORDER_LINE), fields)
    orders = {order for line in purchase_lines.values() if (order := _target(line["purchase."], ORDER)) is not None}
    originals = await _lines_of(client, sorted(orders)) if orders else []
    return {line["id"]: _answer(line, invoice_lines, purchase_lines, originals) for line in lines}


def _answer(
    line: Row, invoice_lines: Mapping[int, Row], purchase_lines: Mapping[int, Row], originals: Iterable[Row]
) -> Answer:
    invoice_line = invoice_lines.get(_target(line, INVOICE_LINE) or 0)
    invoice = invoice_line["invoice"] if invoice_line else None
    purchase_line = purchase_lines.get(_target(invoice_line or line, ORDER_LINE) or 0)
    if purchase_line is None:
        return Answer(invoice=invoice)
    order = _target(purchase_line["purchase."], ORDER)
    if order is None:
        return Answer(purchase_line["purchase"], purchase_line["id"], invoice)
    alike = [one["id"] for one in originals if one["purchase"] == order and _goods(one) == _goods(purchase_line)]
    # Two lines of one article: which of them went back, Tryton does not say.
    return Answer(order, alike[0] if len(alike) == 1 else None, invoice)


def _goods(line: Row) -> tuple[int | None, int | None]:
    return (line["product"], line["unit"])


async def _by_id(client: TrytonClient, model: str, ids: Sequence[int], fields: Sequence[str]) -> dict[int, Row]:
    return {row["id"]: row for row in await client.read(model, ids, fields)} if ids else {}


async def _lines_of(client: TrytonClient, orders: Sequence[int]) -> list[Row]:
    domain = [["purchase", "in", list(orders)], ["type", "=", "line"]]
    return await client.search_read(ORDER_LINE, domain, ["purchase", "product", "unit"], order=[["id", "ASC"]])


def _targets(rows: Iterable[Row], model: str) -> list[int]:
    return sorted({target for row in rows if (target := _target(row, model)) is not None})


def _target(row: Row, model: str) -> int | None:
    """The id behind a reference such as "purchase.line,12", when it is to this model."""
    name, _, row_id = (row["origin"] or "").partition(",")
    return int(row_id) if name == model else None
