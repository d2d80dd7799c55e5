"""Loads trade into the sandbox's Tryton the way the enterprise's own staff would, through Tryton's JSON-RPC.

An order is quoted and confirmed; a receipt is a supplier shipment that was received and put away; receiving makes
Tryton draft the supplier invoice of exactly what arrived (`invoice_method` "fulfillment"), which is then numbered,
dated and posted. All dates are arguments: nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.core_enterprise.tryton.jsonrpc import TrytonClient, TrytonWarning
from connectors.core_enterprise.tryton.queries import MODELS, Kind, document_id
from connectors.core_enterprise.tryton.sandbox_setup import ensure, ensure_party, find_one
from connectors.kit.sandbox_companies import SandboxCompany

FEN_PER_YUAN = 100


@dataclass(frozen=True, slots=True)
class Goods:
    """One line to order: an article, how much of it, and the price of one unit without tax in fen."""

    code: str
    name: str
    quantity: Decimal
    unit_price_fen: Decimal
    unit_symbol: str = "u"


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """A document that now exists in Tryton: its row, the number people see, and its id at the connector."""

    row_id: int
    number: str
    document_id: str


class SandboxErp:
    """The staff of the sandbox's core enterprise. `client` must be logged in as Tryton's administrator."""

    def __init__(self, client: TrytonClient) -> None:
        self.client = client
        self._years: set[int] = set()

    async def order(
        self, supplier: SandboxCompany, goods: Sequence[Goods], *, ordered_on: date, payment_days: int = 90
    ) -> TradeRecord:
        """A purchase order, confirmed, so that its goods are expected at the warehouse."""
        party = await ensure_party(self.client, supplier)
        values = {
            "party": party,
            "invoice_address": await find_one(self.client, "party.address", [["party", "=", party]]),
            "warehouse": await self._warehouse(),
            "payment_term": await self.payment_term(payment_days),
            "invoice_method": "fulfillment",
            "purchase_date": ordered_on,
            "lines": [["create", [await self._order_line(item) for item in goods]]],
        }
        order = await self.client.create("purchase.purchase", values)
        await self.press("purchase.purchase", "quote", order)
        await self.press("purchase.purchase", "confirm", order)
        return await self.record(Kind.ORDER, order, "number")

    async def receive(
        self,
        order: TradeRecord,
        *,
        received_on: date,
        delivery_note: str,
        quantities: Mapping[str, Decimal] | None = None,
    ) -> TradeRecord:
        """A goods receipt for all that is still expected, or for `quantities` by article code (a partial delivery).

        Raises `ValueError` when nothing of that is expected.
        """
        moves = await self._expected_moves(order.row_id)
        if quantities is not None:
            moves = [move for move in moves if move["product."]["code"] in quantities]
            for move in moves:
                quantity = quantities[move["product."]["code"]]
                await self.client.write("stock.move", [move["id"]], {"quantity": float(quantity)})
        if not moves:
            raise ValueError(f"nothing of order {order.number} is still expected")
        shipment = await self._create_shipment(order, [move["id"] for move in moves], received_on, delivery_note)
        for button in ("receive", "do"):
            await self.press("stock.shipment.in", button, shipment)
        return await self.record(Kind.RECEIPT, shipment, "number")

    async def invoice(
        self,
        order: TradeRecord,
        *,
        invoice_number: str,
        issued_on: date,
        unit_prices_fen: Mapping[str, Decimal] | None = None,
        quantities: Mapping[str, Decimal] | None = None,
    ) -> TradeRecord:
        """Posts the invoice that Tryton drafted for the oldest delivery not invoiced yet.

        `unit_prices_fen` and `quantities`, by article code, overwrite what was ordered and received: an invoice that
        does not match. Raises `ValueError` when no draft is waiting.
        """
        # It is paid within half a year: periods to post that in must be open, too.
        for year in sorted({issued_on.year, (issued_on + timedelta(days=183)).year}):
            await self.ensure_fiscal_year(year)
        invoice = await self._draft_invoice(order)
        await self.client.write("account.invoice", [invoice], {"reference": invoice_number, "invoice_date": issued_on})
        await self._overwrite(invoice, "unit_price", _yuan(unit_prices_fen))
        await self._overwrite(invoice, "quantity", {code: float(value) for code, value in (quantities or {}).items()})
        await self.press("account.invoice", "post", invoice)
        return await self.record(Kind.INVOICE, invoice, "reference")

    async def add_charge(self, order: TradeRecord, description: str, amount_fen: int) -> None:
        """Adds a line that nobody ordered to the drafted invoice of `order`, for example a freight surcharge."""
        invoice = await self._draft_invoice(order)
        expense = [["type.expense", "=", True], ["closed", "!=", True]]
        line = {
            "type": "line",
            "description": description,
            "quantity": 1,
            "unit": await find_one(self.client, "product.uom", [["symbol", "=", "u"]]),
            "unit_price": Decimal(amount_fen) / FEN_PER_YUAN,
            "account": await find_one(self.client, "account.account", expense),
        }
        await self.client.write("account.invoice", [invoice], {"lines": [["create", [line]]]})

    async def _draft_invoice(self, order: TradeRecord) -> int:
        domain = [["purchases", "=", order.row_id], ["state", "=", "draft"]]
        invoice = await find_one(self.client, "account.invoice", domain)
        if invoice is None:
            raise ValueError(f"no delivery of order {order.number} waits for its invoice")
        return invoice

    async def _order_line(self, item: Goods) -> dict[str, Any]:
        return {
            "type": "line",
            "product": await self._product(item),
            "quantity": float(item.quantity),
            "unit": await find_one(self.client, "product.uom", [["symbol", "=", item.unit_symbol]]),
            "unit_price": item.unit_price_fen / FEN_PER_YUAN,
            "taxes": [["add", [await find_one(self.client, "account.tax", [])]]],
        }

    async def _product(self, item: Goods) -> int:
        found = await find_one(self.client, "product.product", [["code", "=", item.code]])
        if found is not None:
            return found
        unit = await find_one(self.client, "product.uom", [["symbol", "=", item.unit_symbol]])
        template = {
            "name": item.name,
            "type": "goods",
            "default_uom": unit,
            "purchasable": True,
            "purchase_uom": unit,
            "list_price": Decimal(0),
            "cost_price_method": "fixed",
            "account_category": await find_one(self.client, "product.category", [["accounting", "=", True]]),
            "products": [["create", [{"suffix_code": item.code}]]],
        }
        await self.client.create("product.template", template)
        created = await find_one(self.client, "product.product", [["code", "=", item.code]])
        assert created is not None, "Tryton did not keep the article's code"
        return created

    async def _warehouse(self) -> int:
        warehouse = await find_one(self.client, "stock.location", [["type", "=", "warehouse"]])
        assert warehouse is not None, "Tryton's stock module always brings one warehouse"
        return warehouse

    async def payment_term(self, days: int) -> int:
        """Payable so many days after the invoice."""
        name = f"{days} 天 days"
        line = {"type": "remainder", "relativedeltas": [["create", [{"days": days}]]]}
        values = {"name": name, "lines": [["create", [line]]]}
        return await ensure(self.client, "account.invoice.payment_term", [["name", "=", name]], values)

    async def _expected_moves(self, order: int) -> list[dict[str, Any]]:
        domain = [["purchase", "=", order], ["state", "=", "draft"], ["shipment", "=", None]]
        fields = ["product.code", "quantity"]
        return await self.client.search_read("stock.move", domain, fields, order=[["id", "ASC"]])

    async def _create_shipment(
        self, order: TradeRecord, moves: list[int], received_on: date, delivery_note: str
    ) -> int:
        purchase = (await self.client.read("purchase.purchase", [order.row_id], ["party"]))[0]
        warehouse = await self._warehouse()
        locations = (await self.client.read("stock.location", [warehouse], ["input_location", "storage_location"]))[0]
        values = {
            "supplier": purchase["party"],
            "reference": delivery_note,
            "effective_date": received_on,
            "warehouse": warehouse,
            "warehouse_input": locations["input_location"],
            "warehouse_storage": locations["storage_location"],
            "incoming_moves": [["add", moves]],
        }
        # A move keeps its own date; without one Tryton would put in the real today.
        await self.client.write("stock.move", moves, {"effective_date": received_on})
        return await self.client.create("stock.shipment.in", values)

    async def _overwrite(self, invoice: int, field: str, by_code: Mapping[str, Any]) -> None:
        domain = [["invoice", "=", invoice], ["product", "!=", None]]
        for line in await self.client.search_read("account.invoice.line", domain, ["product.code"]):
            code = line["product."]["code"]
            if code in by_code:
                await self.client.write("account.invoice.line", [line["id"]], {field: by_code[code]})

    async def ensure_fiscal_year(self, year: int) -> None:
        """Nothing is posted outside a fiscal year and its periods."""
        if year in self._years:
            return
        domain = [["start_date", "=", date(year, 1, 1)]]
        if await find_one(self.client, "account.fiscalyear", domain) is None:
            await self._create_fiscal_year(year)
        self._years.add(year)

    async def _create_fiscal_year(self, year: int) -> None:
        # Numbers of sales follow their dates, so purchases have a sequence of their own.
        sequences = {
            f"{side}_{kind}_sequence": sequence
            for side in ("out", "in")
            for sequence in [await self._sequence(f"{year} {side}", "Invoice")]
            for kind in ("invoice", "credit_note")
        }
        values = {
            "name": str(year),
            "start_date": date(year, 1, 1),
            "end_date": date(year, 12, 31),
            "move_sequence": await self._sequence(f"{year} moves", "Account Move"),
            "invoice_sequences": [["create", [sequences]]],
        }
        fiscal_year = await self.client.create("account.fiscalyear", values)
        await self.client.call("model.account.fiscalyear.create_period", [fiscal_year], 1, 31)

    async def _sequence(self, name: str, kind: str) -> int:
        sequence_type = await find_one(self.client, "ir.sequence.type", [["name", "=", kind]])
        return await self.client.create("ir.sequence.strict", {"name": name, "sequence_type": sequence_type})

    async def press(self, model: str, button: str, row_id: int) -> None:
        """Presses a button and confirms the warnings that Tryton shows to staff (such as a repeated invoice number)."""
        try:
            await self.client.press(model, button, [row_id])
        except TrytonWarning as warning:
            user = await find_one(self.client, "res.user", [["login", "=", self.client.user]])
            await self.client.create("res.user.warning", {"user": user, "name": warning.name, "always": False})
            await self.client.press(model, button, [row_id])

    async def record(self, kind: Kind, row_id: int, number_field: str) -> TradeRecord:
        """What became of a row."""
        row = (await self.client.read(MODELS[kind], [row_id], [number_field]))[0]
        return TradeRecord(row_id, str(row[number_field]), document_id(kind, row_id))


def _yuan(prices_fen: Mapping[str, Decimal] | None) -> dict[str, Decimal]:
    return {code: price / FEN_PER_YUAN for code, price in (prices_fen or {}).items()}
