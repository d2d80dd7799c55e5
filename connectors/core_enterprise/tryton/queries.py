"""Reads trade documents out of Tryton: which changed after a point, and all that a document needs beside its own row.

Field names are Tryton 8.2's (`trytond/modules/{purchase,stock,account_invoice}`). Rows come back as Tryton sent them;
meaning is given to them in `mapping.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum

from connectors.core_enterprise.tryton.jsonrpc import Domain, Row, TrytonClient
from connectors.core_enterprise.tryton.origins import Answer, answers

# Tryton files the unified social credit code as the country's tax number ("cn_uscc" is an alias that it replaces).
USCC_IDENTIFIER_TYPE = "cn_vat"


class Kind(IntEnum):
    """Kinds of trade documents, in the order in which trade produces them."""

    ORDER = 1
    RECEIPT = 2
    INVOICE = 3
    RETURN = 4
    CREDIT_NOTE = 5


TAKEN_BACK = (Kind.RETURN, Kind.CREDIT_NOTE)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a row stands in the one order of all changes: time of its last change, kind, row."""

    changed_at: datetime
    kind: Kind
    row_id: int


START = Position(datetime(1970, 1, 1, tzinfo=UTC), Kind.ORDER, 0)


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A document's own row, its lines, an invoice's maturities, and the parties' credit codes, oldest first.

    `answers` says of the lines of a return or a credit note what they answer.
    """

    kind: Kind
    head: Row
    lines: tuple[Row, ...]
    maturities: tuple[Row, ...]
    identifiers: tuple[Row, ...]
    answers: Mapping[int, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Source:
    model: str
    party: str
    domain: Domain
    fields: tuple[str, ...]


def _stamps(prefix: str = "") -> tuple[str, str]:
    """When a row was last changed: `write_date` is empty until the first change after creation."""
    return (f"{prefix}write_date", f"{prefix}create_date")


_COMPANY = ("company.party.name", *_stamps("company.party."))
_PARTY = ("party.name", *_stamps("party."))
_AMOUNTS = ("currency.code", "untaxed_amount", "tax_amount", "total_amount")
_LINE = (
    *("quantity", "unit.symbol", "product.code", "product.name"),
    *(*_stamps(), *_stamps("product."), *_stamps("product.template.")),
)

# Only an invoice that was in the books before (it has a cancelling move) is told when it is cancelled.
_IN_THE_BOOKS: tuple[Domain, ...] = (
    ["type", "=", "in"],
    ["OR", ["state", "in", ["posted", "paid"]], [["state", "=", "cancelled"], ["cancel_move", "!=", None]]],
)

_SOURCES = {
    Kind.ORDER: _Source(
        model="purchase.purchase",
        party="party",
        # An order counts from its confirmation on; a cancelled one is told too, so that nobody relies on it any longer.
        # One that sends goods of another back (`origins.py`) is no order.
        domain=(
            ["state", "in", ["confirmed", "processing", "done", "cancelled"]],
            ["purchase_date", "!=", None],
            ["OR", ["origin", "=", None], ["origin", "not like", "purchase.purchase,%"]],
        ),
        fields=("number", "state", "purchase_date", *_stamps(), *_PARTY, *_COMPANY, *_AMOUNTS),
    ),
    Kind.RECEIPT: _Source(
        model="stock.shipment.in",
        party="supplier",
        domain=(
            [
                "OR",
                ["state", "in", ["received", "done"]],
                [["state", "=", "cancelled"], ["effective_date", "!=", None]],
            ],
        ),
        fields=(
            *("number", "state", "effective_date", "incoming_moves", "supplier.name", *_stamps("supplier.")),
            *(*_stamps(), *_COMPANY),
        ),
    ),
    Kind.INVOICE: _Source(
        model="account.invoice",
        party="party",
        domain=(*_IN_THE_BOOKS, ["total_amount", ">=", 0]),
        fields=(
            *("reference", "state", "invoice_date", "purchases", "lines_to_pay"),
            *(*_stamps(), *_PARTY, *_COMPANY, *_AMOUNTS),
        ),
    ),
    Kind.RETURN: _Source(
        model="stock.shipment.in.return",
        party="supplier",
        # Goods are gone once the return is done.
        domain=(["OR", ["state", "=", "done"], [["state", "=", "cancelled"], ["effective_date", "!=", None]]],),
        fields=(
            *("number", "state", "effective_date", "moves", "supplier.name", *_stamps("supplier.")),
            *(*_stamps(), *_COMPANY),
        ),
    ),
    Kind.CREDIT_NOTE: _Source(
        model="account.invoice",
        party="party",
        domain=(*_IN_THE_BOOKS, ["total_amount", "<", 0]),
        fields=(
            *("reference", "number", "state", "invoice_date"),
            *(*_stamps(), *_PARTY, *_COMPANY, *_AMOUNTS),
        ),
    ),
}

_MOVES = {Kind.RECEIPT: "incoming_moves", Kind.RETURN: "moves"}
MODELS = {kind: source.model for kind, source in _SOURCES.items()}


def document_id(kind: Kind, row_id: int) -> str:
    """The stable id of a document at this connector, for example "invoice-17"."""
    return f"{kind.name.lower()}-{row_id}"


def order_line_id(row_id: int) -> str:
    """The stable id of an order's line, for example "order-line-3"."""
    return f"order-line-{row_id}"


async def changed_after(client: TrytonClient, position: Position, limit: int) -> list[Position]:
    """Positions of the next documents that changed after `position`, oldest first, at most `limit`."""
    found: list[Position] = []
    for kind, source in _SOURCES.items():
        domain = [*source.domain, _after(position, kind)]
        rows = await client.search_read(
            source.model, domain, ["write_date"], order=[["write_date", "ASC"], ["id", "ASC"]], limit=limit
        )
        found += [Position(row["write_date"], kind, row["id"]) for row in rows]
    return sorted(found)[:limit]


def _after(position: Position, kind: Kind) -> Domain:
    later = ["write_date", ">", position.changed_at]
    if kind < position.kind:
        return later
    same_time = ["write_date", "=", position.changed_at]
    if kind > position.kind:
        return ["OR", later, same_time]
    return ["OR", later, [same_time, ["id", ">", position.row_id]]]


async def fetch(client: TrytonClient, positions: Sequence[Position]) -> list[RawDocument]:
    """The whole documents at `positions`, in the same order."""
    by_key: dict[tuple[Kind, int], RawDocument] = {}
    for kind in Kind:
        ids = [position.row_id for position in positions if position.kind is kind]
        for document in await _fetch_kind(client, kind, ids) if ids else ():
            by_key[kind, document.head["id"]] = document
    return [by_key[position.kind, position.row_id] for position in positions]


async def _fetch_kind(client: TrytonClient, kind: Kind, ids: list[int]) -> list[RawDocument]:
    source = _SOURCES[kind]
    heads = await client.read(source.model, ids, source.fields)
    lines = await _lines(client, kind, heads)
    maturities = await _maturities(client, heads)
    identifiers = await _identifiers(client, _party_ids(heads, source.party))
    answered = await answers(client, lines) if kind in TAKEN_BACK else {}
    return [
        RawDocument(
            kind=kind,
            head=head,
            lines=tuple(line for line in lines if _belongs(kind, line, head)),
            maturities=tuple(row for row in maturities if row["id"] in head.get("lines_to_pay", ())),
            identifiers=tuple(row for row in identifiers if row["party"] in _party_ids([head], source.party)),
            answers={line["id"]: answered[line["id"]] for line in lines if line["id"] in answered},
        )
        for head in heads
    ]


async def _lines(client: TrytonClient, kind: Kind, heads: Sequence[Row]) -> list[Row]:
    ids = [head["id"] for head in heads]
    in_order = [["id", "ASC"]]
    fields: tuple[str, ...]
    if kind is Kind.ORDER:
        fields = (*_LINE, "purchase", "description", "unit_price", "amount")
        return await client.search_read("purchase.line", _of("purchase", ids), fields, order=in_order)
    if kind in (Kind.INVOICE, Kind.CREDIT_NOTE):
        fields = (*_LINE, "invoice", "description", "unit_price", "amount", "origin")
        return await client.search_read("account.invoice.line", _of("invoice", ids), fields, order=in_order)
    # Only incoming moves count: putting goods away inside the warehouse makes moves of the same shipment.
    moves = sorted(move for head in heads for move in head[_MOVES[kind]])
    return await client.read("stock.move", moves, (*_LINE, "origin", "effective_date", "purchase"))


def _of(parent: str, ids: list[int]) -> Domain:
    return [[parent, "in", ids], ["type", "=", "line"]]


def _belongs(kind: Kind, line: Row, head: Row) -> bool:
    if kind in _MOVES:
        return line["id"] in head[_MOVES[kind]]
    parent = "purchase" if kind is Kind.ORDER else "invoice"
    return bool(line[parent] == head["id"])


async def _maturities(client: TrytonClient, heads: Sequence[Row]) -> list[Row]:
    ids = sorted(row_id for head in heads for row_id in head.get("lines_to_pay", ()))
    return await client.read("account.move.line", ids, ["maturity_date", *_stamps()]) if ids else []


def _party_ids(heads: Iterable[Row], party: str) -> list[int]:
    parties = {head[f"{party}."]["id"] for head in heads} | {head["company."]["party."]["id"] for head in heads}
    return sorted(parties)


async def _identifiers(client: TrytonClient, parties: list[int]) -> list[Row]:
    domain = [["party", "in", parties], ["type", "=", USCC_IDENTIFIER_TYPE]]
    return await client.search_read("party.identifier", domain, ["party", "code", *_stamps()], order=[["id", "ASC"]])
