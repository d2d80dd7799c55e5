"""Goods go back and are credited in the sandbox's Tryton, as its staff would do it.

A return is a purchase of its own with quantities below zero; shipping it makes Tryton draft the credit note. An invoice
may also be credited by itself, which says exactly which invoice is meant. All dates are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.core_enterprise.tryton.queries import Kind
from connectors.core_enterprise.tryton.sandbox import SandboxErp, TradeRecord

PURCHASE, SHIPMENT, INVOICE = "purchase.purchase", "stock.shipment.in.return", "account.invoice"


class SandboxReturns:
    """Staff who send goods back; `erp` is the rest of the staff."""

    def __init__(self, erp: SandboxErp) -> None:
        self._erp, self._client = erp, erp.client

    async def send_back(
        self, order: TradeRecord, quantities: Mapping[str, Decimal], *, returned_on: date
    ) -> tuple[TradeRecord, TradeRecord]:
        """Goods of an order by article code; the purchase that returns them (for `credit_return`), and the shipment."""
        await self._wizard("purchase.return_purchase", PURCHASE, order.row_id, {}, "return_")
        purchase = await self._newest(
            PURCHASE, [["origin", "=", f"{PURCHASE},{order.row_id}"], ["state", "=", "draft"]]
        )
        for line in await self._client.search_read("purchase.line", [["purchase", "=", purchase]], ["product.code"]):
            quantity = quantities.get(line["product."]["code"])
            if quantity is None:
                await self._client.call("model.purchase.line.delete", [line["id"]])
            else:
                await self._client.write("purchase.line", [line["id"]], {"quantity": -float(quantity)})
        await self._client.write(PURCHASE, [purchase], {"purchase_date": returned_on})
        for button in ("quote", "confirm"):
            await self._erp.press(PURCHASE, button, purchase)
        shipment = await self._ship(purchase, returned_on)
        return TradeRecord(purchase, "", ""), await self._erp.record(Kind.RETURN, shipment, "number")

    async def credit_return(self, returned: TradeRecord, *, number: str, issued_on: date) -> TradeRecord:
        """Posts the credit note that Tryton drafted for a return; it names the order, not the invoice."""
        draft = await self._newest(INVOICE, [["purchases", "=", returned.row_id], ["state", "=", "draft"]])
        return await self._post(draft, number, issued_on)

    async def credit_invoice(
        self, invoice: TradeRecord, quantities: Mapping[str, Decimal], *, number: str, issued_on: date
    ) -> TradeRecord:
        """Credits goods of an invoice by article code; no goods go back by that."""
        start = {"with_refund": False, "invoice_date": issued_on}
        await self._wizard("account.invoice.credit", INVOICE, invoice.row_id, {"start": start}, "credit")
        draft = await self._newest(INVOICE, [["type", "=", "in"], ["state", "=", "draft"], ["total_amount", "<", 0]])
        domain = [["invoice", "=", draft]]
        for line in await self._client.search_read("account.invoice.line", domain, ["product.code"]):
            quantity = quantities.get(line["product."]["code"])
            if quantity is None:
                await self._client.call("model.account.invoice.line.delete", [line["id"]])
            else:
                await self._client.write("account.invoice.line", [line["id"]], {"quantity": -float(quantity)})
        return await self._post(draft, number, issued_on)

    async def _post(self, draft: int, number: str, issued_on: date) -> TradeRecord:
        await self._erp.ensure_fiscal_year(issued_on.year)
        await self._client.write(INVOICE, [draft], {"reference": number, "invoice_date": issued_on})
        await self._erp.press(INVOICE, "post", draft)
        return await self._erp.record(Kind.CREDIT_NOTE, draft, "reference")

    async def _ship(self, purchase: int, returned_on: date) -> int:
        domain = [["purchase", "=", purchase]]
        moves = await self._client.search_read("stock.move", domain, ["shipment"])
        shipment = int(str(moves[0]["shipment"]).partition(",")[2])
        # Both keep their own date; without one Tryton would put in the real today.
        await self._client.write("stock.move", [move["id"] for move in moves], {"effective_date": returned_on})
        await self._client.write(SHIPMENT, [shipment], {"effective_date": returned_on})
        for button in ("assign_force", "do"):
            await self._erp.press(SHIPMENT, button, shipment)
        return shipment

    async def _newest(self, model: str, domain: list[Any]) -> int:
        rows = await self._client.search_read(model, domain, ["id"], order=[["id", "DESC"]], limit=1)
        if not rows:
            raise ValueError(f"Tryton made no {model}")
        return int(rows[0]["id"])

    async def _wizard(self, name: str, model: str, row_id: int, data: dict[str, Any], state: str) -> None:
        context = {"active_model": model, "active_id": row_id, "active_ids": [row_id]}
        session = (await self._client.call(f"wizard.{name}.create", context=context))[0]
        await self._client.call(f"wizard.{name}.execute", session, data, state, context=context)
        await self._client.call(f"wizard.{name}.delete", session, context=context)
