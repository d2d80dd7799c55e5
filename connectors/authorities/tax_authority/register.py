"""What the tax authority does with invoices: issues them under numbers of its own, offsets, cancels and looks them up.

Fully digital invoices (数电票) get 20 digits: two of the year, two of the province (99: nowhere), one of the issuing
channel, fifteen in order. Older invoices come with code and number from the seller's roll. Kept in SQLite, every change
durable before it is answered.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from huilian_protocol.errors import HuilianError, malformed_uscc
from stdnum.cn import uscc

PROVINCE, CHANNEL = "99", "1"
_COLUMNS = "invoice_number, state, seller_uscc, buyer_uscc, issue_date, total_fen, tax_fen"


class InvoiceState(StrEnum):
    """What may be said of an invoice that exists."""

    NORMAL = "NORMAL"
    RED_OFFSET = "RED_OFFSET"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class TaxInvoice:
    """An invoice as it is recorded; amounts in fen, the total with tax."""

    invoice_number: str
    state: InvoiceState
    seller_uscc: str
    buyer_uscc: str
    issue_date: date
    total_fen: int
    tax_fen: int


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """What a seller wants issued; `number` is code and number of an older invoice, empty for a digital one."""

    request_id: str
    seller_uscc: str
    buyer_uscc: str
    issue_date: date
    total_fen: int
    tax_fen: int
    number: str = ""


class InvoiceRegister:
    """All invoices. Not for several processes at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS invoice (id INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, "
            "invoice_number TEXT NOT NULL UNIQUE, state TEXT NOT NULL, seller_uscc TEXT NOT NULL, "
            "buyer_uscc TEXT NOT NULL, issue_date TEXT NOT NULL, total_fen INTEGER NOT NULL, "
            "tax_fen INTEGER NOT NULL) STRICT"
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def issue(self, wanted: NewInvoice) -> TaxInvoice:
        """The invoice under its number; the first one when the request comes again.

        Raises HuilianError USCC_MALFORMED, INVALID_ARGUMENT (tax above the total, buyer is seller), ALREADY_EXISTS (the
        number of an older invoice was used) or REQUEST_ID_REUSED.
        """
        _check(wanted)
        row = self._row("request_id = ?", wanted.request_id)
        if row is not None:
            return _same(row, wanted)
        number = wanted.number or self._next_number(wanted.issue_date)
        if self._row("invoice_number = ?", number) is not None:
            raise HuilianError("ALREADY_EXISTS", resource="invoice")
        self._connection.execute(
            f"INSERT INTO invoice (request_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                wanted.request_id,
                number,
                InvoiceState.NORMAL,
                wanted.seller_uscc,
                wanted.buyer_uscc,
                wanted.issue_date.isoformat(),
                wanted.total_fen,
                wanted.tax_fen,
            ),
        )
        return self._required(number, wanted.seller_uscc)

    def look_up(self, number: str) -> TaxInvoice | None:
        """The invoice of this number, written exactly so, or None."""
        return self._row("invoice_number = ?", number)

    def end(self, number: str, seller_uscc: str, state: InvoiceState) -> TaxInvoice:
        """The seller offsets or cancels its invoice; again is a no-op.

        Raises HuilianError NOT_FOUND (also for another seller's) or STATE_CONFLICT (ended in the other way).
        """
        invoice = self._required(number, seller_uscc)
        if invoice.state not in (InvoiceState.NORMAL, state):
            raise HuilianError("STATE_CONFLICT", state=invoice.state.value)
        self._connection.execute("UPDATE invoice SET state = ? WHERE invoice_number = ?", (state, number))
        return self._required(number, seller_uscc)

    def _next_number(self, day: date) -> str:
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM invoice").fetchone()
        return f"{day.year % 100:02d}{PROVINCE}{CHANNEL}{last + 1:015d}"

    def _required(self, number: str, seller_uscc: str) -> TaxInvoice:
        found = self._row("invoice_number = ?", number)
        if found is None or found.seller_uscc != seller_uscc:
            raise HuilianError("NOT_FOUND", resource="invoice")
        return found

    def _row(self, condition: str, value: str) -> TaxInvoice | None:
        query = f"SELECT {_COLUMNS} FROM invoice WHERE {condition}"  # noqa: S608  both from this file
        row = self._connection.execute(query, (value,)).fetchone()
        if row is None:
            return None
        number, state, seller, buyer, day, total_fen, tax_fen = row
        return TaxInvoice(number, InvoiceState(state), seller, buyer, date.fromisoformat(day), total_fen, tax_fen)


def _check(wanted: NewInvoice) -> None:
    for code in (wanted.seller_uscc, wanted.buyer_uscc):
        if not uscc.is_valid(code) or uscc.compact(code) != code:
            raise malformed_uscc(code)
    if wanted.seller_uscc == wanted.buyer_uscc:
        raise HuilianError("INVALID_ARGUMENT", "nobody invoices itself", field="buyer_uscc")
    if wanted.tax_fen > wanted.total_fen:
        raise HuilianError("INVALID_ARGUMENT", "more tax than total", field="tax_fen")


def _same(known: TaxInvoice, wanted: NewInvoice) -> TaxInvoice:
    asked = (wanted.seller_uscc, wanted.buyer_uscc, wanted.issue_date, wanted.total_fen, wanted.tax_fen)
    if asked != (known.seller_uscc, known.buyer_uscc, known.issue_date, known.total_fen, known.tax_fen):
        raise HuilianError("REQUEST_ID_REUSED")
    return known
