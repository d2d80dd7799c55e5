"""Sales of the sandbox's core enterprise to a dealer, as its staff book them in Tryton: invoices, most of them paid.

All dates are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.core_enterprise.tryton.sandbox import FEN_PER_YUAN, SandboxErp
from connectors.core_enterprise.tryton.sandbox_setup import ensure, ensure_party, find_one
from connectors.kit.sandbox_companies import SandboxCompany

INVOICE = "account.invoice"


@dataclass(frozen=True, slots=True)
class SandboxSale:
    """What was sold on a day, in fen without tax; `paid_on` None while the dealer owes it."""

    issued_on: date
    amount_fen: int
    paid_on: date | None
    payment_days: int = 30


class SandboxSales:
    """Staff who sell; `erp` is the rest of the staff."""

    def __init__(self, erp: SandboxErp) -> None:
        self._erp, self._client = erp, erp.client
        self._ids: dict[tuple[str, str], int | None] = {}

    async def sell(self, dealer: SandboxCompany, sales: Sequence[SandboxSale]) -> list[int]:
        """Posts an invoice for each sale and books its payment; the ids of the invoices' rows."""
        for year in sorted({sale.issued_on.year for sale in sales}):
            await self._erp.ensure_fiscal_year(year)
        party = await ensure_party(self._client, dealer)
        values = [await self._invoice(party, sale) for sale in sales]
        invoices: list[int] = await self._client.call(f"model.{INVOICE}.create", values)
        for invoice, sale in zip(invoices, sales, strict=True):
            await self._erp.press(INVOICE, "post", invoice)
            if sale.paid_on is not None:
                await self.pay(dealer, invoice, sale.paid_on)
        return invoices

    async def pay(self, dealer: SandboxCompany, invoice: int, paid_on: date) -> None:
        """The dealer pays the whole of an invoice."""
        await self._erp.ensure_fiscal_year(paid_on.year)
        party = await ensure_party(self._client, dealer)
        row = (await self._client.read(INVOICE, [invoice], ["amount_to_pay", "currency", "company"]))[0]
        start = {
            "payee": party,
            "payees": [party],
            "amount": row["amount_to_pay"],
            "currency": row["currency"],
            "company": row["company"],
            "invoice_account": await self._account("receivable"),
            "payment_method": await self._payment_method(row["company"]),
            "date": paid_on,
            "description": None,
        }
        context = {"active_model": INVOICE, "active_id": invoice, "active_ids": [invoice]}
        name = "wizard.account.invoice.pay"
        session = (await self._client.call(f"{name}.create", context=context))[0]
        await self._client.call(f"{name}.execute", session, {"start": start}, "choice", context=context)
        await self._client.call(f"{name}.delete", session, context=context)

    async def _invoice(self, party: int, sale: SandboxSale) -> dict[str, object]:
        return {
            "type": "out",
            "party": party,
            "invoice_address": await self._id("party.address", [["party", "=", party]]),
            "journal": await self._id("account.journal", [["type", "=", "revenue"]]),
            "account": await self._account("receivable"),
            "payment_term": await self._erp.payment_term(sale.payment_days),
            "invoice_date": sale.issued_on,
            "lines": [["create", [await self._line(sale)]]],
        }

    async def _line(self, sale: SandboxSale) -> dict[str, object]:
        return {
            "type": "line",
            "description": "整车及配件 Vehicles and parts",
            "quantity": 1,
            "unit": await self._id("product.uom", [["symbol", "=", "u"]]),
            "unit_price": Decimal(sale.amount_fen) / FEN_PER_YUAN,
            "account": await self._account("revenue"),
            "taxes": [["add", [await self._id("account.tax", [])]]],
        }

    async def _payment_method(self, company: int) -> int:
        journal = await self._id("account.journal", [["type", "=", "cash"]])
        cash = await self._id("account.account", [["code", "=", "1.1.1"]])
        values = {
            "company": company,
            "name": "银行转账 Bank transfer",
            "journal": journal,
            "debit_account": cash,
            "credit_account": cash,
        }
        return await ensure(self._client, "account.invoice.payment.method", [["company", "=", company]], values)

    async def _account(self, kind: str) -> int | None:
        return await self._id("account.account", [[f"type.{kind}", "=", True], ["closed", "!=", True]])

    async def _id(self, model: str, domain: list[Any]) -> int | None:
        """Master data, which does not change under our hands: asked for once."""
        key = (model, repr(domain))
        if key not in self._ids:
            self._ids[key] = await find_one(self._client, model, domain)
        return self._ids[key]
