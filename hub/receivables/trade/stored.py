"""Statements on trade documents and cursors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from huilian_protocol.errors import HuilianError

from hub.platform.paging import Page
from hub.receivables.ports import PulledDocument
from hub.receivables.repeats.rules import plain_number
from hub.receivables.trade.model import MAX_TEXT, DocumentKind, TradeDocument, parse_document
from hub.receivables.trade.store import CursorRow, DocumentOrderRow, DocumentRow

WITHDRAWN = "cancelled"
"""The state of a document that its ERP took back."""


async def cursor_of(buyer_uscc: str) -> str:
    """How far the buyer's ERP was read; empty for not at all."""
    row = await CursorRow.get_or_none(buyer_uscc=buyer_uscc)
    return row.cursor if row else ""


async def move_cursor(buyer_uscc: str, before: str, after: str) -> None:
    """Set the cursor unless somebody else moved it since it was read; then their progress stands."""
    if not before:
        _, is_new = await CursorRow.get_or_create(buyer_uscc=buyer_uscc, defaults={"cursor": after})
        if is_new:
            return
    await CursorRow.filter(buyer_uscc=buyer_uscc, cursor=before).update(cursor=after)


async def save_version(buyer_uscc: str, pulled: PulledDocument, document: TradeDocument, now: dt.datetime) -> bool:
    """Store one version; False when nothing is new.

    Raises PROVIDER_FAULT when a version that is known already comes with other content.
    """
    current = await DocumentRow.get_or_none(buyer_uscc=buyer_uscc, document_id=pulled.document_id, is_current=True)
    if current is not None:
        is_same = (bytes(current.content_sha256), current.erp_state) == (document.digest(), pulled.erp_state)
        if is_same or pulled.version < current.version:
            return False
        if pulled.version == current.version:
            raise HuilianError("PROVIDER_FAULT", "one version of a document with two contents", provider="ERP")
        await DocumentRow.filter(id=current.id).update(is_current=False)
    await DocumentRow.create(
        buyer_uscc=buyer_uscc,
        document_id=pulled.document_id,
        version=pulled.version,
        kind=document.kind.value,
        supplier_uscc=document.supplier_uscc,
        number_key=_number_key(document),
        erp_state=pulled.erp_state,
        content=document.content(),
        content_sha256=document.digest(),
        is_current=True,
        imported_at=now,
    )
    await _link(buyer_uscc, document)
    return True


async def receipts_numbered(buyer_uscc: str, numbers: Collection[str]) -> list[TradeDocument]:
    """All versions of a buyer's goods receipts with one of these numbers, however they are spelled."""
    keys = {plain_number(number)[:MAX_TEXT] for number in numbers}
    rows = await DocumentRow.filter(buyer_uscc=buyer_uscc, number_key__in=sorted(keys)).order_by("id")
    return [parse_document(row.content) for row in rows]


def _number_key(document: TradeDocument) -> str:
    is_receipt = document.kind is DocumentKind.RECEIPT_ADVICE
    return plain_number(document.number)[:MAX_TEXT] if is_receipt else ""


async def _link(buyer_uscc: str, document: TradeDocument) -> None:
    known = await orders_of(buyer_uscc, document.document_id)
    for order_id in dict.fromkeys((*document.order_document_ids, *document.billing_document_ids)):
        if order_id not in known:
            await DocumentOrderRow.create(
                buyer_uscc=buyer_uscc, order_document_id=order_id, document_id=document.document_id
            )


async def orders_of(buyer_uscc: str, document_id: str) -> set[str]:
    """Ids of the orders, and of the invoices that a credit note names, that any version of a document answered."""
    rows = await DocumentOrderRow.filter(buyer_uscc=buyer_uscc, document_id=document_id)
    return {row.order_document_id for row in rows}


async def answering(buyer_uscc: str, order_ids: Collection[str]) -> set[str]:
    """Ids of the documents of which any version answered one of these orders, or corrected one of these invoices."""
    rows = await DocumentOrderRow.filter(buyer_uscc=buyer_uscc, order_document_id__in=list(order_ids))
    return {row.document_id for row in rows}


async def current_documents(
    buyer_uscc: str, document_ids: Collection[str], kind: DocumentKind
) -> list[tuple[TradeDocument, str]]:
    """Newest versions of these documents, as far as they are of this kind, with their ERP states, by id."""
    rows = await DocumentRow.filter(
        buyer_uscc=buyer_uscc, document_id__in=list(document_ids), kind=kind.value, is_current=True
    ).order_by("document_id")
    return [(parse_document(row.content), row.erp_state) for row in rows]


async def any_of(buyer_uscc: str, document_ids: Collection[str], kinds: Collection[DocumentKind]) -> bool:
    """Whether one of these documents is of one of these kinds."""
    return await DocumentRow.filter(
        buyer_uscc=buyer_uscc,
        document_id__in=list(document_ids),
        kind__in=[kind.value for kind in kinds],
        is_current=True,
    ).exists()


async def in_force(buyer_uscc: str, document_ids: Collection[str], kind: DocumentKind) -> tuple[TradeDocument, ...]:
    """Newest versions of these documents, as far as they are of this kind and not withdrawn."""
    found = await current_documents(buyer_uscc, document_ids, kind)
    return tuple(document for document, erp_state in found if erp_state != WITHDRAWN)


async def versions_with_digests(
    buyer_uscc: str, document_ids: Collection[str], digests: Collection[str]
) -> tuple[TradeDocument, ...]:
    """Versions of these documents, by their digests (hex), that somebody relied on, whatever became of them since."""
    if not digests:
        return ()
    wanted = {bytes.fromhex(digest) for digest in digests}
    rows = await DocumentRow.filter(buyer_uscc=buyer_uscc, document_id__in=list(document_ids)).order_by("id")
    found = {bytes(row.content_sha256): row.content for row in rows if bytes(row.content_sha256) in wanted}
    if len(found) != len(wanted):
        raise LookupError("a document that a receivable rests on is gone")
    return tuple(parse_document(content) for content in found.values())


async def version_with_digest(buyer_uscc: str, document_id: str, digest: bytes) -> TradeDocument:
    """The version of a document that somebody relied on, whatever its ERP made of it since."""
    row = await DocumentRow.filter(buyer_uscc=buyer_uscc, document_id=document_id, content_sha256=digest).first()
    if row is None:
        raise LookupError("a document that a receivable rests on is gone")
    return parse_document(row.content)


async def page_of_orders(supplier_uscc: str, size: int, token: str) -> Page[tuple[str, str]]:
    """Buyer and document id of the orders placed with a supplier, the newest first; the token is a row's number.

    Raises INVALID_ARGUMENT for a token of another list.
    """
    rows = DocumentRow.filter(kind=DocumentKind.ORDER.value, is_current=True, supplier_uscc=supplier_uscc)
    if token:
        if not (token.isascii() and token.isdigit() and len(token) < 19):
            raise HuilianError("INVALID_ARGUMENT", "not a page token of this list", field="page_token")
        rows = rows.filter(id__lt=int(token))
    found = await rows.order_by("-id").limit(size + 1)
    next_token = str(found[size - 1].id) if len(found) > size else ""
    return Page(tuple((row.buyer_uscc, row.document_id) for row in found[:size]), next_token)
