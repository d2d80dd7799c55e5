"""Pulls trade documents out of Tryton: which changed since a cursor, mapped and checked against their schemas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from huilian_protocol.errors import HuilianError

from connectors.core_enterprise.tryton.jsonrpc import TrytonClient
from connectors.core_enterprise.tryton.manifest import DocumentSchemas, ErpManifest
from connectors.core_enterprise.tryton.mapping import Document, microseconds, to_document
from connectors.core_enterprise.tryton.payments import LedgerReader, PaymentDesk
from connectors.core_enterprise.tryton.queries import (
    START,
    USCC_IDENTIFIER_TYPE,
    Kind,
    Position,
    RawDocument,
    changed_after,
    document_id,
    fetch,
)
from connectors.core_enterprise.tryton.sales import SalesReader
from connectors.kit.contract import CheckOutcome, CheckResult, UpstreamError, UpstreamMalformed, check_result_of

_CURSOR = re.compile(r"\A1\.([0-9]{1,17})\.([1-5])\.([0-9]{1,18})\Z")


@dataclass(frozen=True, slots=True)
class TradeDocument:
    """One document that passed its schema."""

    kind: Kind
    content: Document


@dataclass(frozen=True, slots=True)
class DocumentFault:
    """One document of the ERP that was left out: which, and which part of it breaks the schema (never a value)."""

    kind: Kind
    document_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of changes, oldest first; `next_cursor` goes on behind it, also when nothing is left."""

    documents: tuple[TradeDocument, ...]
    faults: tuple[DocumentFault, ...]
    next_cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class ErpDescription:
    """The enterprise whose ERP this is, and which ERP."""

    buyer_uscc: str
    buyer_name: str
    erp: str
    erp_version: str


class TrytonConnector:
    """The connector of one enterprise. `client` should be logged in as a user who may only read, `accountant` as one
    who may post payments; without one none are.
    """

    def __init__(self, client: TrytonClient, manifest: ErpManifest, accountant: TrytonClient | None = None) -> None:
        self._client = client
        self._manifest = manifest
        self.payments = PaymentDesk(accountant)
        self.ledger = LedgerReader(client)
        self._schemas = DocumentSchemas(manifest)
        self.sales = SalesReader(client, manifest)

    async def check(self) -> CheckResult:
        """Whether Tryton is up, of a known version, and accepts our user; never raises for its failure."""
        try:
            version = await self._client.server_version()
            if version not in self._manifest.erp_versions:
                return CheckResult(CheckOutcome.GIVE_UP, f"Tryton {version} is not supported")
            await self._client.search_read("purchase.purchase", [], ["id"], limit=1)
        except UpstreamError as error:
            return check_result_of(error)
        return CheckResult(CheckOutcome.READY)

    async def describe(self) -> ErpDescription:
        """Whose ERP it is; raises an `UpstreamError`, `UpstreamMalformed` when the company has no credit code."""
        companies = await self._client.search_read("company.company", [], ["party.name"], limit=1)
        if not companies:
            raise UpstreamMalformed("Tryton has no company")
        party = companies[0]["party."]
        domain = [["party", "=", party["id"]], ["type", "=", USCC_IDENTIFIER_TYPE]]
        codes = await self._client.search_read("party.identifier", domain, ["code"], order=[["id", "ASC"]], limit=1)
        if not codes:
            raise UpstreamMalformed("the company in Tryton has no unified social credit code")
        return ErpDescription(
            buyer_uscc=codes[0]["code"],
            buyer_name=party["name"],
            erp=self._manifest.erp,
            erp_version=await self._client.server_version(),
        )

    async def list_trade_documents(self, cursor: str, page_size: int) -> Page:
        """The next `page_size` documents (0: the manifest's default) that changed after `cursor` ("" for all).

        A document that breaks its schema is a provider's fault: it is left out and named in `faults`, so that one bad
        row does not hold up the rest. Raises INVALID_ARGUMENT for a foreign cursor and an `UpstreamError` when Tryton
        fails.
        """
        size = min(page_size or self._manifest.default_page_size, self._manifest.max_page_size)
        after = decode_cursor(cursor)
        # One more than asked for tells whether there is a next page.
        positions = await changed_after(self._client, after, size + 1)
        wanted = positions[:size]
        documents, faults = self._map(await fetch(self._client, wanted))
        return Page(
            documents=tuple(documents),
            faults=tuple(faults),
            next_cursor=encode_cursor(wanted[-1]) if wanted else cursor,
            has_more=len(positions) > size,
        )

    def _map(self, raw_documents: list[RawDocument]) -> tuple[list[TradeDocument], list[DocumentFault]]:
        documents: list[TradeDocument] = []
        faults: list[DocumentFault] = []
        for raw in raw_documents:
            try:
                content = to_document(raw)
                self._schemas.check(raw.kind, content)
                documents.append(TradeDocument(raw.kind, content))
            except UpstreamMalformed as error:
                faults.append(DocumentFault(raw.kind, document_id(raw.kind, raw.head["id"]), str(error)))
        return documents, faults


def encode_cursor(position: Position) -> str:
    """The text form of a position: format number, microseconds, kind, row."""
    return f"1.{microseconds(position.changed_at)}.{int(position.kind)}.{position.row_id}"


def decode_cursor(cursor: str) -> Position:
    """The position behind a cursor; raises INVALID_ARGUMENT for a text that `encode_cursor` did not make."""
    if not cursor:
        return START
    match = _CURSOR.match(cursor)
    if match is None:
        raise HuilianError("INVALID_ARGUMENT", "not a cursor of this connector", field="cursor")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(match[1]))
    return Position(moment, Kind(int(match[2])), int(match[3]))
