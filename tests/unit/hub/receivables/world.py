"""A small world around the service: two tiers of companies with certified keys, an ERP, a log.

Fakes implement the ports.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.certificate import create_enterprise_ca, issue_enterprise_certificate
from huilian_protocol.clock import FixedClock
from huilian_protocol.confirmation import ReceivableConfirmation, confirmation_digest
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.ledger.log.store import LeafRow
from hub.ledger.rules import unpack_body
from hub.ledger.service import LedgerService
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.transactions import forbid_transaction
from hub.receivables.authenticity.rules import TaxRecord, TaxState
from hub.receivables.certificates.store import CertificateRow
from hub.receivables.disputes.store import DisputeRow
from hub.receivables.freezes.store import FreezeRow
from hub.receivables.model import Certificate, Receivable
from hub.receivables.ports import ErpPage, PulledDocument, Sale, SalesPage
from hub.receivables.repeats.store import FindingRow
from hub.receivables.service import ConfirmationDomain, ReceivablesService
from hub.receivables.store import ReceivableRow
from hub.receivables.trade.desk import TakenIn
from hub.receivables.trade.model import DocumentKind, TradeDocument
from hub.receivables.trade.store import CursorRow, DocumentOrderRow, DocumentRow
from tests.unit.hub.receivables import trade

Answer = TypeVar("Answer")

TABLES = (DocumentRow, DocumentOrderRow, CursorRow, ReceivableRow, CertificateRow, FreezeRow, DisputeRow, FindingRow)
CHAIN_ID, CONTRACT = 31337, "0x" + "ab" * 20
SECRETS = {trade.BUYER: 101, trade.SUPPLIER: 102, trade.SECOND_TIER: 103}
CA_KEY = ec.derive_private_key(7, ec.SECP256R1())
NOT_BEFORE, NOT_AFTER = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2036, 1, 1, tzinfo=dt.UTC)
CA_PEM = create_enterprise_ca(CA_KEY, "Sandbox CA", NOT_BEFORE, NOT_AFTER, 1)


class FakeTax:
    """The tax authority: what honest suppliers issued, by number. `away` makes it unreachable."""

    def __init__(self) -> None:
        self.records: dict[str, TaxRecord] = {}
        self.away = False
        self.asked = 0

    def issue(self, invoice: TradeDocument) -> None:
        """A supplier issued an invoice as it stands in the books of both."""
        self.records[invoice.number] = TaxRecord(
            TaxState.NORMAL,
            invoice.supplier_uscc,
            invoice.buyer_uscc,
            invoice.issue_date,
            invoice.payable_amount_fen,
            invoice.tax_amount_fen,
        )

    def end(self, number: str, state: TaxState) -> None:
        """The supplier offset or cancelled it."""
        self.records[number] = replace(self.records[number], state=state)

    async def look_up(self, invoice_number: str, seller_uscc: str) -> TaxRecord | None:
        forbid_transaction("a fake call")
        self.asked += 1
        if self.away:
            raise HuilianError("PROVIDER_UNAVAILABLE", provider="tax_authority")
        return self.records.get(invoice_number)


class FakeErps:
    """The buyer's ERP: documents in the order of their changes; the cursor counts them.

    What is put here as an invoice was issued with the tax authority, unless told otherwise.
    """

    def __init__(self, tax: FakeTax | None = None) -> None:
        self.tax = tax or FakeTax()
        self.changes: list[PulledDocument] = []
        self.sales: list[Sale] = []
        self.page_size = 2
        self.calls = 0

    def put(
        self, document: TradeDocument, erp_state: str = "posted", version: int | None = None, *, issued: bool = True
    ) -> None:
        """A document is new or has changed."""
        if issued and document.kind is DocumentKind.INVOICE:
            self.tax.issue(document)
        number = version if version is not None else len(self.changes) + 1
        self.changes.append(PulledDocument(document.document_id, document.number, number, erp_state, document))

    async def list_documents(self, buyer_uscc: str, cursor: str, page_size: int) -> ErpPage:
        self.calls += 1
        if buyer_uscc != trade.BUYER:
            raise HuilianError("NOT_FOUND", resource="ERP connector")
        start = int(cursor or 0)
        end = min(start + self.page_size, len(self.changes))
        return ErpPage(tuple(self.changes[start:end]), str(end) if end else "", end < len(self.changes))

    async def list_sales(self, core_uscc: str, cursor: str, page_size: int) -> SalesPage:
        if core_uscc != trade.BUYER:
            raise HuilianError("NOT_FOUND", resource="ERP connector")
        start = int(cursor or 0)
        end = min(start + self.page_size, len(self.sales))
        return SalesPage(tuple(self.sales[start:end]), (), str(end) if end else "", end < len(self.sales))


class FakeDirectory:
    """Enterprises with the certificates of their confirmation keys."""

    def __init__(self) -> None:
        self.certificates = {uscc: certificate_of(uscc, SECRETS[uscc]) for uscc in SECRETS}

    async def confirmation_certificate(self, uscc: str) -> str:
        await self.require_registered(uscc)
        return self.certificates[uscc]

    async def require_registered(self, uscc: str) -> None:
        if uscc not in self.certificates:
            raise HuilianError("NOT_FOUND", resource="enterprise")


class FakeMandates:
    """Who may bind an enterprise: anybody, but for what `withheld` names by power and object. `asked` are the acts.

    Every enterprise is verified but those of `unverified`.
    """

    def __init__(self) -> None:
        self.withheld: set[tuple[str, str]] = set()
        self.unverified: set[str] = set()
        self.asked: list[tuple[str, Power, str, int]] = []

    async def require_verified(self, uscc: str) -> None:
        if uscc in self.unverified:
            raise HuilianError("STATE_CONFLICT", state="ENTERPRISE_NOT_VERIFIED")

    async def require_mandate(self, uscc: str, power: Power, object_id: str, amount_fen: int) -> None:
        await self.require_verified(uscc)
        await self.require_word(uscc, power, object_id, amount_fen)

    async def require_word(self, uscc: str, power: Power, object_id: str, amount_fen: int) -> None:
        self.asked.append((uscc, power, object_id, amount_fen))
        if (power, object_id) in self.withheld:
            raise HuilianError("PERMISSION_DENIED", "no signer authorised this act for this amount")


class NoCipher:
    """Our records are about enterprises: nothing may ask for a person's key."""

    async def encrypt_for_subjects(self, items: Sequence[tuple[str, bytes]]) -> list[bytes]:
        raise AssertionError("a record about an enterprise has no subject")

    async def decrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        raise AssertionError("a record about an enterprise has no subject")


@dataclass
class World:
    """Everything a test needs. Calls run in a transaction of their own, as at the edge."""

    database: Database
    clock: FixedClock
    ids: Ids
    erps: FakeErps = field(default_factory=FakeErps)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    mandates: FakeMandates = field(default_factory=lambda: FakeMandates())

    def __post_init__(self) -> None:
        self.log = LedgerService(
            self.database, self.clock, lambda size: bytes(size), NoCipher(), lambda: CA_KEY, CHAIN_ID, CONTRACT
        )
        self.service = ReceivablesService(
            database=self.database,
            clock=self.clock,
            ids=self.ids,
            ledger=self.log,
            enterprises=self.directory,
            erps=self.erps,
            tax=self.erps.tax,
            mandates=self.mandates,
            domain=ConfirmationDomain(CHAIN_ID, CONTRACT, CA_PEM),
        )

    async def run(self, use_case: Callable[[], Awaitable[Answer]]) -> Answer:
        """One use case in one transaction."""
        async with self.database.transaction():
            return await use_case()

    async def sync(self) -> TakenIn:
        """Pull and take in, as the edge does."""
        pulled = await self.service.trade.pull(trade.BUYER)
        return await self.run(lambda: self.service.trade.take_in(pulled))

    async def matched(self, name: str = "1", steel: str = "40") -> Receivable:
        """A receivable that matched: order, receipt and invoice of the same number."""
        self.erps.put(trade.order(document_id=f"purchase-{name}"))
        self.erps.put(trade.receipt(f"shipment-{name}", f"purchase-{name}", steel=steel))
        self.erps.put(trade.invoice(f"invoice-{name}", f"purchase-{name}", steel=steel))
        return (await self.sync()).receivables[-1]

    async def matched_on(self, order_id: str, name: str = "1", **quantities: str) -> Receivable:
        """Goods of an order that is known came and are invoiced."""
        self.erps.put(trade.receipt(f"shipment-{name}", order_id, **quantities))
        self.erps.put(trade.invoice(f"invoice-{name}", order_id, **quantities))
        return (await self.sync()).receivables[-1]

    async def confirm(self, message: ReceivableConfirmation, signature: bytes | None = None) -> Receivable:
        """The buyer confirms, by default with its own signature."""
        given = signature if signature is not None else sign(message)
        await self.service.authenticity.check(message.receivable_id)
        return await self.run(lambda: self.service.confirmations.confirm(trade.BUYER, message, given))

    async def confirmed(self, name: str = "1", steel: str = "40") -> Receivable:
        """A receivable that the buyer confirmed: 50,020 fen by default."""
        receivable = await self.matched(name, steel)
        return await self.confirm(await self.service.confirmations.prepare(trade.BUYER, receivable.receivable_id))

    async def held(self, certificate_id: str = "certificate-1", amount_fen: int = 50_000) -> Certificate:
        """A certificate that the supplier accepted."""
        receivable = await self.confirmed()
        certificates = self.service.certificates
        await self.run(lambda: certificates.issue(trade.BUYER, certificate_id, receivable.receivable_id, amount_fen))
        return await self.run(lambda: certificates.accept(trade.SUPPLIER, certificate_id))

    async def snapshot(self) -> tuple[object, ...]:
        """Every row of the domain and every record of the log: equal before and after means that nothing changed."""
        rows = [sorted(map(repr, await table.all().values())) for table in TABLES]
        return (*rows, await self.records())

    async def records(self) -> dict[str, tuple[str, dict[str, Any], dict[str, Any]]]:
        """What the log holds: type, content and evidence by record id, in the order of writing."""
        read = [unpack_body(bytes(leaf.body)) for leaf in await LeafRow.all().order_by("id")]
        return {record["id"]: (record["type"], record["content"], evidence) for record, _, evidence in read}


@functools.cache
def certificate_of(uscc: str, secret: int) -> str:
    """A certificate by the sandbox CA over the key with this secret."""
    return issue_enterprise_certificate(
        CA_KEY,
        CA_PEM,
        public_key=ec.derive_private_key(secret, ec.SECP256K1()).public_key(),
        uscc=uscc,
        name="沙盒企业",
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
        serial=secret,
    )


def sign(message: ReceivableConfirmation, secret: int = SECRETS[trade.BUYER]) -> bytes:
    """r || s || v by the key with this secret."""
    raw = PrivateKey(secret.to_bytes(32, "big")).sign_recoverable(confirmation_digest(message), hasher=None)
    return raw[:64] + bytes([27 + raw[64]])


def altered(message: ReceivableConfirmation, **changes: Any) -> ReceivableConfirmation:
    """The message with fields changed."""
    return replace(message, **changes)


async def refused(code: str, attempt: Awaitable[object]) -> HuilianError:
    """The refusal, which must carry this code."""
    try:
        await attempt
    except HuilianError as error:
        assert error.code == code, f"{error.code} instead of {code}: {error.detail}"
        return error
    raise AssertionError(f"{code} expected, nothing refused")
