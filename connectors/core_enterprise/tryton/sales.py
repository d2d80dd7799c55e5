"""What the enterprise sold to its dealers: Tryton's customer invoices that changed after a cursor.

An invoice is paid on the day of the last entry that it was reconciled with. Tryton's own `reconciled` is never before
the due date, also when a dealer paid early. Field names are Tryton 8.2's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian_protocol.errors import HuilianError

from connectors.core_enterprise.tryton.jsonrpc import Domain, Row, TrytonClient
from connectors.core_enterprise.tryton.manifest import ErpManifest, check_schema, compile_schema
from connectors.core_enterprise.tryton.mapping import Document, fen, microseconds
from connectors.core_enterprise.tryton.queries import USCC_IDENTIFIER_TYPE
from connectors.kit.contract import UpstreamMalformed

MODEL = "account.invoice"
_CURSOR = re.compile(r"\As1\.([0-9]{1,17})\.([0-9]{1,18})\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Only an invoice that was in the books before (it has a cancelling move) is told when it is cancelled.
_DOMAIN: Domain = [
    ["type", "=", "out"],
    ["OR", ["state", "in", ["posted", "paid"]], [["state", "=", "cancelled"], ["cancel_move", "!=", None]]],
]
_FIELDS = (
    *("number", "state", "invoice_date", "total_amount", "currency.code", "lines_to_pay", "reconciliation_lines"),
    *("write_date", "party.name", "company.party.name"),
)


@dataclass(frozen=True, slots=True)
class SalesPage:
    """Sales that passed their schema, what was left out and why, and where to go on."""

    sales: tuple[Document, ...]
    faults: tuple[tuple[str, str], ...]
    next_cursor: str
    has_more: bool


class SalesReader:
    """Reads one enterprise's sales; `client` is the read-only user."""

    def __init__(self, client: TrytonClient, manifest: ErpManifest) -> None:
        self._client = client
        self._manifest = manifest
        self._schema = compile_schema(manifest.sales_schema)

    async def page(self, cursor: str, page_size: int) -> SalesPage:
        """The next `page_size` sales (0: the manifest's default) that changed after `cursor` ("" for all).

        Raises INVALID_ARGUMENT for a foreign cursor and an `UpstreamError` when Tryton fails.
        """
        size = min(page_size or self._manifest.default_page_size, self._manifest.max_page_size)
        domain = [*_DOMAIN, *_after(cursor)]
        order = [["write_date", "ASC"], ["id", "ASC"]]
        rows = await self._client.search_read(MODEL, domain, _FIELDS, order=order, limit=size + 1)
        wanted = rows[:size]
        sales, faults = self._map(wanted, await self._codes(wanted), await self._entries(wanted))
        last = f"s1.{microseconds(wanted[-1]['write_date'])}.{wanted[-1]['id']}" if wanted else cursor
        return SalesPage(tuple(sales), tuple(faults), last, len(rows) > size)

    def _map(
        self, rows: Sequence[Row], codes: Mapping[int, str], entries: Mapping[int, Row]
    ) -> tuple[list[Document], list[tuple[str, str]]]:
        sales: list[Document] = []
        faults: list[tuple[str, str]] = []
        for row in rows:
            try:
                sale = _sale(row, codes, entries)
                check_schema(self._schema, sale)
                sales.append(sale)
            except UpstreamMalformed as error:
                faults.append((f"sale-{row['id']}", str(error)))
        return sales, faults

    async def _codes(self, rows: Sequence[Row]) -> dict[int, str]:
        """The oldest credit code of each party."""
        parties = sorted({party["id"] for row in rows for party in (row["party."], row["company."]["party."])})
        domain = [["party", "in", parties], ["type", "=", USCC_IDENTIFIER_TYPE]]
        found = await self._client.search_read("party.identifier", domain, ["party", "code"], order=[["id", "DESC"]])
        return {row["party"]: row["code"] for row in found}

    async def _entries(self, rows: Sequence[Row]) -> dict[int, Row]:
        """The entries in the ledger that are to be paid, and those that paid them."""
        ids = sorted({line for row in rows for line in (*row["lines_to_pay"], *row["reconciliation_lines"])})
        found = await self._client.read("account.move.line", ids, ["maturity_date", "date"]) if ids else []
        return {row["id"]: row for row in found}


def to_message(sale: Document) -> pb.Sale:
    """The message of a sale that passed its schema."""
    core, dealer = sale["accounting_supplier_party"], sale["accounting_customer_party"]
    return pb.Sale(
        document_id=sale["document_id"],
        version=sale["version"],
        number=sale["id"],
        core_uscc=core["company_id"],
        dealer_uscc=dealer["company_id"],
        dealer_name=dealer["registration_name"],
        issue_date=sale["issue_date"],
        due_date=sale["due_date"],
        currency=sale["document_currency_code"],
        payable_amount_fen=sale["payable_amount_fen"],
        erp_state=sale["erp_state"],
        paid_date=sale["paid_date"],
    )


def _sale(row: Row, codes: Mapping[int, str], entries: Mapping[int, Row]) -> Document:
    due = [entries[line]["maturity_date"] for line in row["lines_to_pay"] if entries[line]["maturity_date"] is not None]
    paid = [entries[line]["date"] for line in row["reconciliation_lines"]] if row["state"] == "paid" else []
    issued = row["invoice_date"]
    return {
        "document_id": f"sale-{row['id']}",
        "version": microseconds(row["write_date"]),
        "id": row["number"],
        "issue_date": issued.isoformat() if issued else None,
        # Instalments make several maturities; the whole claim is due when the last one is.
        "due_date": max(due).isoformat() if due else None,
        "erp_state": row["state"],
        "paid_date": max(paid).isoformat() if paid else "",
        "accounting_supplier_party": _party(row["company."]["party."], codes),
        "accounting_customer_party": _party(row["party."], codes),
        "document_currency_code": row["currency."]["code"],
        "payable_amount_fen": fen(row["total_amount"]),
    }


def _party(party: Row, codes: Mapping[int, str]) -> Document:
    return {"company_id": codes.get(party["id"]), "registration_name": party["name"]}


def _after(cursor: str) -> Domain:
    if not cursor:
        return []
    match = _CURSOR.match(cursor)
    if match is None:
        raise HuilianError("INVALID_ARGUMENT", "not a cursor of this list", field="cursor")
    moment = _EPOCH + timedelta(microseconds=int(match[1]))
    return [["OR", ["write_date", ">", moment], [["write_date", "=", moment], ["id", ">", int(match[2])]]]]
