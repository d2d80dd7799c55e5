"""Payments of supplier invoices in Tryton's own general ledger: posted once, and read back.

A payment goes the way of Tryton's accountants, through the wizard "Pay" of an invoice, which posts a move and
reconciles the invoice when nothing is left to pay. The move's description carries our payment id, by which it is found
again: a call whose answer got lost posts nothing twice. Field names are Tryton 8.2's (`account_invoice/invoice.py`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from huilian_protocol.errors import HuilianError

from connectors.core_enterprise.tryton.jsonrpc import Row, TrytonClient, TrytonRefused, TrytonWarning
from connectors.core_enterprise.tryton.mapping import fen
from connectors.core_enterprise.tryton.queries import Kind, document_id
from connectors.kit.contract import UpstreamMalformed

METHOD = "Huilian 汇链"
"""Name of the payment method in Tryton: which journal and which account of the enterprise its payments go through."""
_MARK = "HUILIAN:"
_INVOICE = "account.invoice"
_MOVE = "account.move"
_WIZARD = "wizard.account.invoice.pay"
_ID = re.compile(r"\Ainvoice-([1-9][0-9]{0,17})\Z")
_LINE = ("move.description", "move.number", "move.origin", "debit", "credit", "date")


@dataclass(frozen=True, slots=True)
class Payment:
    """What the bank paid for the enterprise on one of its invoices, in fen."""

    payment_id: str
    invoice_document_id: str
    amount_fen: int
    paid_on: date


@dataclass(frozen=True, slots=True)
class Recorded:
    """The entry in Tryton; `before` when it was there before this call."""

    entry_number: str
    before: bool


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One posted line on a payable account, in fen. `payment_id` is empty where it is not of a payment of ours."""

    entry_id: str
    entry_number: str
    invoice_document_id: str
    payment_id: str
    entry_date: date
    debit_fen: int
    credit_fen: int


class PaymentDesk:
    """Posts payments. `client` is a user of Tryton's group "Accounting", None where no payments are to be posted."""

    def __init__(self, client: TrytonClient | None, method: str = METHOD) -> None:
        self._client, self._method = client, method
        # Looking for a payment and posting it are two calls: one after the other.
        self._alone = asyncio.Lock()

    async def record(self, payment: Payment) -> Recorded:
        """Posts a payment, or tells how it was posted before.

        Raises NOT_FOUND (no such invoice), ALREADY_EXISTS (the id was used for another payment), STATE_CONFLICT (Tryton
        refuses it: paid, more than is owed, closed period; or payments are switched off), and an `UpstreamError`.
        """
        if self._client is None:
            raise HuilianError("STATE_CONFLICT", "the enterprise has no user for payments", state="PAYMENTS_OFF")
        async with self._alone:
            known = await self._known(self._client, payment)
            if known is not None:
                return known
            await self._post(self._client, payment)
            posted = await self._known(self._client, payment)
        if posted is None:
            raise UpstreamMalformed("Tryton did not keep the payment")
        return Recorded(posted.entry_number, before=False)

    async def _known(self, client: TrytonClient, payment: Payment) -> Recorded | None:
        domain = [["move.description", "=", _MARK + payment.payment_id], ["account.type.payable", "=", True]]
        lines = await client.search_read("account.move.line", domain, _LINE, order=[["id", "ASC"]])
        if not lines:
            return None
        first = lines[0]
        same = fen(first["debit"]) - fen(first["credit"]) == payment.amount_fen and first["date"] == payment.paid_on
        if not same or first["move."]["origin"] != f"{_INVOICE},{_row_id(payment.invoice_document_id)}":
            raise HuilianError("ALREADY_EXISTS", "another payment bears this id", resource="payment")
        return Recorded(str(first["move."]["number"]), before=True)

    async def _post(self, client: TrytonClient, payment: Payment) -> None:
        row_id = _row_id(payment.invoice_document_id)
        fields = ["state", "party", "company", "currency", "account"]
        rows = await client.search_read(_INVOICE, [["id", "=", row_id], ["type", "=", "in"]], fields)
        if not rows:
            raise HuilianError("NOT_FOUND", resource="invoice")
        if rows[0]["state"] != "posted":
            raise HuilianError("STATE_CONFLICT", "the invoice is not open", state=str(rows[0]["state"]).upper())
        try:
            await self._pay(client, rows[0], payment)
        except (TrytonRefused, TrytonWarning) as error:
            # Tryton's own words may quote what the enterprise wrote: they stay here.
            raise HuilianError("STATE_CONFLICT", "Tryton does not take the payment", state="ERP_REFUSED") from error

    async def _pay(self, client: TrytonClient, invoice: Row, payment: Payment) -> None:
        context = {"active_model": _INVOICE, "active_id": invoice["id"], "active_ids": [invoice["id"]]}
        start: dict[str, Any] = {
            "payee": invoice["party"],
            "amount": Decimal(payment.amount_fen) / 100,
            "currency": invoice["currency"],
            "company": invoice["company"],
            "invoice_account": invoice["account"],
            "payment_method": await self._payment_method(client),
            "date": payment.paid_on,
            "description": _MARK + payment.payment_id,
        }
        session = (await client.call(f"{_WIZARD}.create", context=context))[0]
        # One call of the wizard is one transaction of Tryton: move, posting and reconciliation, or nothing.
        states = {"start": start, "ask": {"type": "partial"}}
        await client.call(f"{_WIZARD}.execute", session, states, "pay", context=context)
        await client.call(f"{_WIZARD}.delete", session)

    async def _payment_method(self, client: TrytonClient) -> int:
        domain = [["name", "=", self._method]]
        found = await client.search_read("account.invoice.payment.method", domain, ["id"], limit=1)
        if not found:
            raise HuilianError("STATE_CONFLICT", "Tryton has no payment method for it", state="PAYMENTS_OFF")
        return int(found[0]["id"])


class LedgerReader:
    """Reads the payable accounts; `client` is the read-only user."""

    def __init__(self, client: TrytonClient) -> None:
        self._client = client

    async def entries(self, invoice_document_ids: Sequence[str]) -> list[LedgerEntry]:
        """Posted lines of these invoices, oldest first: the invoices themselves, payments, and what took either back.

        Raises an `UpstreamError` when Tryton fails. An id that is no invoice has no entries.
        """
        rows = [int(match[1]) for name in invoice_document_ids if (match := _ID.match(name))]
        lines = await self._lines([f"{_INVOICE},{row}" for row in rows])
        found = {line["id"]: (line, str(line["move."]["origin"]), _payment_id(line)) for line in lines}
        moves = {line["move."]["id"]: entry for line in lines for entry in [found[line["id"]]]}
        # A move that was taken back is the origin of the move that did it, which bears no description of its own.
        for line in await self._lines([f"{_MOVE},{move}" for move in moves]):
            _, origin, payment_id = moves[int(str(line["move."]["origin"]).partition(",")[2])]
            found[line["id"]] = (line, origin, payment_id)
        return [_entry(*found[row_id]) for row_id in sorted(found)]

    async def _lines(self, origins: list[str]) -> list[Row]:
        if not origins:
            return []
        domain = [
            ["account.type.payable", "=", True],
            ["move.state", "=", "posted"],
            ["move.origin", "in", origins],
        ]
        return await self._client.search_read("account.move.line", domain, [*_LINE, "move.id"], order=[["id", "ASC"]])


def _entry(line: Row, origin: str, payment_id: str) -> LedgerEntry:
    return LedgerEntry(
        entry_id=f"entry-{line['id']}",
        entry_number=str(line["move."]["number"]),
        invoice_document_id=document_id(Kind.INVOICE, int(origin.partition(",")[2])),
        payment_id=payment_id,
        entry_date=line["date"],
        debit_fen=fen(line["debit"]),
        credit_fen=fen(line["credit"]),
    )


def _payment_id(line: Row) -> str:
    description = line["move."]["description"] or ""
    return description.removeprefix(_MARK) if description.startswith(_MARK) else ""


def _row_id(invoice_document_id: str) -> int:
    match = _ID.match(invoice_document_id)
    if match is None:
        raise HuilianError("NOT_FOUND", resource="invoice")
    return int(match[1])
