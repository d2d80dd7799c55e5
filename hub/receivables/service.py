"""Receivables as the rest of the hub sees them.

`ReceivablesService` holds the use cases of the domain's own parties (`trade`, `confirmations`, `certificates`) and is
itself the face towards lending: what blocks, finances, clears and redeems certificates. All of it runs inside the
transaction of its caller.
"""

from __future__ import annotations

import datetime as dt
from typing import TypeVar

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.paging import Page
from hub.receivables import stored as stored_receivables
from hub.receivables.access import visible_receivable
from hub.receivables.authenticity.desk import Authenticity
from hub.receivables.certificates import stored as stored_certificates
from hub.receivables.certificates.desk import Certificates
from hub.receivables.certificates.provenance import ProvenanceDesk
from hub.receivables.confirmations.desk import ConfirmationDomain, Confirmations
from hub.receivables.disputes.desk import Disputes, Impairment
from hub.receivables.disputes.dilutions import Dilutions
from hub.receivables.freezes import stored as stored_freezes
from hub.receivables.freezes.desk import Freezes, check_not_frozen
from hub.receivables.freezes.stored import Freeze, FrozenKind
from hub.receivables.matching.mismatches import Tolerances
from hub.receivables.model import Certificate, Receivable
from hub.receivables.orders.desk import PurchaseOrder, delivered_fen, find_order, page_of_orders
from hub.receivables.ports import EnterpriseDirectory, ErpConnectors, Ledger, Mandates, Sale, TaxAuthority
from hub.receivables.records import Records
from hub.receivables.repeats.desk import Repeats
from hub.receivables.rules import check_not_due
from hub.receivables.sales.desk import Sales
from hub.receivables.signs.desk import Days, ErpTrouble, Impaired, OrderVolume, Signs
from hub.receivables.states import (
    CertificateEvent,
    CertificateState,
    ReceivableEvent,
    ReceivableState,
)
from hub.receivables.trade.desk import TradeDocuments
from hub.receivables.trade.order_lines import OrderLineKey

__all__ = [
    "Certificate",
    "CertificateState",
    "ConfirmationDomain",
    "Days",
    "ErpTrouble",
    "Freeze",
    "FrozenKind",
    "Impaired",
    "Impairment",
    "OrderVolume",
    "PurchaseOrder",
    "Receivable",
    "ReceivableState",
    "ReceivablesService",
    "Sale",
]

Found = TypeVar("Found", Receivable, Certificate)

UNSETTLED = (
    ReceivableState.CONFIRMED,
    ReceivableState.CERTIFICATED,
    ReceivableState.PLEDGED,
    ReceivableState.ASSIGNED,
    ReceivableState.OVERDUE,
    ReceivableState.DEFAULTED,
)
OUTSTANDING = (
    CertificateState.ISSUED,
    CertificateState.HELD,
    CertificateState.BLOCKED,
    CertificateState.FINANCED,
    CertificateState.FROZEN,
    CertificateState.DUE,
)


class ReceivablesService:
    """See the module."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        ids: Ids,
        ledger: Ledger,
        enterprises: EnterpriseDirectory,
        erps: ErpConnectors,
        tax: TaxAuthority,
        domain: ConfirmationDomain,
        mandates: Mandates,
        tolerances: Tolerances | None = None,
    ) -> None:
        self._clock = clock
        self._records = Records(ledger)
        self.repeats = Repeats(database, clock)
        self.trade = TradeDocuments(database, clock, ids, erps, tolerances or Tolerances(), self.repeats)
        self.authenticity = Authenticity(database, clock, tax)
        self.confirmations = Confirmations(clock, self._records, enterprises, domain, self.authenticity, mandates)
        self.sales = Sales(clock, erps)
        self.signs = Signs(database)

        self.disputes = Disputes(database, clock, ids, self._records, self.trade.rematch, self.trade.void, mandates)
        self._dilutions = Dilutions(self.disputes, self._records, tolerances or Tolerances())
        self.certificates = Certificates(database, clock, ids, self._records, enterprises, self._dilutions, mandates)
        self.provenance = ProvenanceDesk(ledger)
        self.freezes = Freezes(database, clock, self._records)
        self.freezes.when_unfrozen(self._dilutions.unfrozen)
        self.trade.after_matching(self._dilutions.documents_changed)

        self.when_impaired = self.disputes.when_impaired
        self.before_freezing = self.freezes.before_freezing
        self.when_unfrozen = self.freezes.when_unfrozen
        self.when_confirmed = self.confirmations.when_confirmed
        self.when_orders_change = self.trade.when_orders_change
        self.when_voided = self.trade.when_voided

    async def get_visible(self, caller: str, receivable_id: str) -> Receivable:
        """A receivable that the caller owes or owns. Raises NOT_FOUND for any other."""
        return visible_receivable(caller, await stored_receivables.find(receivable_id))

    async def list_own(self, caller: str, page_size: int, page_token: str) -> Page[Receivable]:
        """Receivables that the caller owes or owns, newest first. Raises INVALID_ARGUMENT."""
        return await stored_receivables.page_of_party(caller, page_size, page_token)

    async def list_orders(self, caller: str, page_size: int, page_token: str) -> Page[PurchaseOrder]:
        """Orders that buyers placed with the caller, newest first. Raises INVALID_ARGUMENT."""
        return await page_of_orders(caller, page_size, page_token)

    # Towards lending, which has checked its own caller and asks as the bank.

    async def get_receivable(self, receivable_id: str) -> Receivable:
        """Any receivable. Raises NOT_FOUND."""
        return _found("receivable", await stored_receivables.find(receivable_id))

    async def lock_receivable(self, receivable_id: str) -> Receivable:
        """Any receivable, which nobody else changes until the transaction ends. Raises NOT_FOUND."""
        return _found("receivable", await stored_receivables.lock(receivable_id))

    async def get_certificate(self, certificate_id: str) -> Certificate:
        """Any certificate. Raises NOT_FOUND."""
        return _found("certificate", await stored_certificates.find(certificate_id))

    async def find_order(self, buyer_uscc: str, order_document_id: str) -> PurchaseOrder:
        """An order that a buyer placed. Raises NOT_FOUND."""
        return await find_order(buyer_uscc, order_document_id)

    async def delivered_fen(self, receivable: Receivable) -> dict[OrderLineKey, int]:
        """What a confirmed receivable bills by order and line, in fen without tax."""
        return await delivered_fen(receivable)

    async def pledge(self, receivable_id: str, loan_id: str) -> Receivable:
        """Keep a confirmed receivable as the security of one loan (Civil Code §440(6), §445): no certificate is issued
        over it meanwhile. Raises NOT_FOUND, STATE_CONFLICT.
        """
        return await self._bind(await self._whole(receivable_id), ReceivableEvent.PLEDGE, loan_id)

    async def pledge_again(self, receivable_id: str, loan_id: str) -> Receivable:
        """A receivable that was confirmed anew goes on securing its open loan, whatever was paid of it meanwhile.

        Raises NOT_FOUND, STATE_CONFLICT.
        """
        return await self._bind(await self._sound(receivable_id), ReceivableEvent.PLEDGE, loan_id)

    async def assign(self, receivable_id: str, loan_id: str) -> Receivable:
        """Sell a confirmed receivable to the lender (Civil Code §761, §767): nothing else is done with it meanwhile.

        Raises NOT_FOUND, STATE_CONFLICT.
        """
        return await self._bind(await self._whole(receivable_id), ReceivableEvent.ASSIGN, loan_id)

    async def _bind(self, receivable: Receivable, event: ReceivableEvent, loan_id: str) -> Receivable:
        bound = await stored_receivables.move(receivable, event)
        await self._records.pledge(bound.state.lower(), bound, loan_id)
        return bound

    async def is_frozen(self, kind: FrozenKind, object_id: str) -> bool:
        """Whether a court's order over a receivable or a certificate is live."""
        return await stored_freezes.is_frozen(kind, object_id)

    async def default(self, receivable_id: str) -> Receivable:
        """The buyer is given up on; it may still pay. Repeating is a no-op. Raises NOT_FOUND, STATE_CONFLICT."""
        receivable = await self.lock_receivable(receivable_id)
        if receivable.state is ReceivableState.DEFAULTED:
            return receivable
        defaulted = await stored_receivables.move(receivable, ReceivableEvent.DEFAULT)
        await self._records.receivable("defaulted", defaulted)
        return defaulted

    async def release_pledge(self, receivable_id: str, loan_id: str) -> Receivable:
        """The loan is repaid, or came to nothing. Raises NOT_FOUND, STATE_CONFLICT (not lent on, or settled)."""
        receivable = await self.lock_receivable(receivable_id)
        released = await stored_receivables.move(receivable, ReceivableEvent.RELEASE)
        await self._records.pledge("released", released, loan_id)
        return released

    async def block_for_financing(self, certificate_id: str, financing_id: str) -> Certificate:
        """Keep a held certificate for one financing: until it is released nobody splits, transfers or finances it.

        Blocking again for the same financing is a no-op. Raises NOT_FOUND, STATE_CONFLICT, INVOICE_REFUSED.
        """
        certificate = await self._locked(certificate_id)
        if certificate.state is CertificateState.BLOCKED and certificate.financing_id == financing_id:
            return certificate
        check_not_due(certificate.due_date, self._today())
        receivable = await self.get_receivable(certificate.receivable_id)
        await self.authenticity.require(receivable, life=None)
        await self.repeats.require_looked_at(receivable)
        blocked = await stored_certificates.move(certificate, CertificateEvent.BLOCK, financing_id)
        await self._records.certificate_financing("blocked", blocked, financing_id)
        return blocked

    async def holders_of(self, receivable_id: str) -> dict[str, str]:
        """Who holds what is out over a receivable and not redeemed, by certificate."""
        return await stored_certificates.holders_of(receivable_id, OUTSTANDING)

    async def verify_invoice(self, receivable_id: str) -> None:
        """Ask the tax authority once more, before money goes out. Outside any transaction.

        Raises PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT, PROVIDER_FAULT: then it has to wait.
        """
        await self.authenticity.check(receivable_id)

    async def require_lendable_now(self, receivable_id: str) -> None:
        """Raise INVOICE_REFUSED unless the invoice was verified just now and no finding waits for the bank."""
        receivable = await self.get_receivable(receivable_id)
        await self.authenticity.require(receivable)
        await self.repeats.require_looked_at(receivable)

    async def mark_financed(self, certificate_id: str, financing_id: str) -> Certificate:
        """The financing was disbursed against the certificate it had blocked. Repeating is a no-op.

        Raises NOT_FOUND, STATE_CONFLICT (also when another financing holds it).
        """
        certificate = await self._held_for(certificate_id, financing_id)
        if certificate.state is CertificateState.FINANCED:
            return certificate
        financed = await stored_certificates.move(certificate, CertificateEvent.FINANCE, financing_id)
        await self._records.certificate_financing("financed", financed, financing_id)
        return financed

    async def release_block(self, certificate_id: str, financing_id: str) -> Certificate:
        """Give the certificate back to its holder: the financing ended without a loan, or its loan was repaid early.

        Raises NOT_FOUND, STATE_CONFLICT (also when another financing holds it).
        """
        certificate = await self._held_for(certificate_id, financing_id)
        released = await stored_certificates.move(certificate, CertificateEvent.RELEASE, None)
        await self._records.certificate_financing("released", released, financing_id)
        return await self.freezes.refreeze(released)

    async def receivables_due(
        self, on: dt.date, limit: int = 100, after: tuple[dt.date, str] | None = None
    ) -> list[Receivable]:
        """Confirmed, unsettled receivables that are due on or before `on`, the oldest first, behind `after` (due date
        and id) if given.
        """
        return await stored_receivables.due(on, UNSETTLED, limit, after)

    async def fall_due(self, receivable_id: str) -> list[Certificate]:
        """Ready a receivable for clearing: its certificates in the state DUE, to be redeemed one by one.

        Offers that nobody accepted lapse and fall back to whoever made them. Repeating gives the same certificates.
        Raises NOT_FOUND, STATE_CONFLICT (before the due date, or while a financing still blocks a certificate).
        """
        receivable = await self.lock_receivable(receivable_id)
        if self._today() < receivable.due_date:
            raise HuilianError("STATE_CONFLICT", f"due on {receivable.due_date}", state=receivable.state)
        for offered in await stored_certificates.lock_of_receivable(receivable_id, {CertificateState.ISSUED}):
            await self.certificates.give_back(receivable, offered, CertificateEvent.CANCEL)
            receivable = _found("receivable", await stored_receivables.find(receivable_id))
        return [
            await self._due(certificate)
            for certificate in await stored_certificates.lock_of_receivable(receivable_id, OUTSTANDING)
        ]

    async def redeem(self, certificate_id: str) -> Certificate:
        """A due certificate was paid in full. Repeating is a no-op. Raises NOT_FOUND, STATE_CONFLICT."""
        seen = await self.get_certificate(certificate_id)
        if seen.state is CertificateState.REDEEMED:
            return seen
        _found("receivable", await stored_receivables.lock(seen.receivable_id))
        certificate = await self._locked(certificate_id)
        if certificate.state is CertificateState.REDEEMED:
            return certificate
        return await self._redeem(certificate, certificate.unpaid_fen, None)

    async def redeem_part(self, certificate_id: str, payment_id: str, amount_fen: int) -> Certificate:
        """A payment brought so much on a due certificate; paid in full it is redeemed.

        Raises NOT_FOUND, STATE_CONFLICT, AMOUNT_EXCEEDS_RECEIVABLE.
        """
        seen = await self.get_certificate(certificate_id)
        _found("receivable", await stored_receivables.lock(seen.receivable_id))
        certificate = await self._locked(certificate_id)
        _check_within(amount_fen, certificate.unpaid_fen)
        return await self._redeem(certificate, amount_fen, payment_id)

    async def pay_direct(self, receivable_id: str, amount_fen: int) -> Receivable:
        """So much was paid of the part over which no certificate is out.

        Raises NOT_FOUND, STATE_CONFLICT (before the due date), AMOUNT_EXCEEDS_RECEIVABLE.
        """
        receivable = await self.lock_receivable(receivable_id)
        if self._today() < receivable.due_date:
            raise HuilianError("STATE_CONFLICT", f"due on {receivable.due_date}", state=receivable.state)
        _check_within(amount_fen, receivable.amount_fen - receivable.issued_fen - receivable.direct_fen)
        return await stored_receivables.set_direct(receivable, receivable.direct_fen + amount_fen)

    async def settle(self, receivable_id: str) -> Receivable:
        """The buyer paid the receivable in full. Repeating is a no-op.

        Raises NOT_FOUND, STATE_CONFLICT (also while a certificate over it is not redeemed).
        """
        receivable = await self.lock_receivable(receivable_id)
        if receivable.state is ReceivableState.SETTLED:
            return receivable
        if receivable.redeemed_fen != receivable.issued_fen:
            raise HuilianError("STATE_CONFLICT", "certificates are not redeemed", state=receivable.state)
        receivable = await stored_receivables.set_direct(receivable, receivable.amount_fen - receivable.issued_fen)
        settled = await stored_receivables.move(receivable, ReceivableEvent.SETTLE)
        await self._records.receivable("settled", settled)
        return settled

    async def miss_due_date(self, receivable_id: str) -> Receivable:
        """The buyer did not pay on the due date. Repeating is a no-op. Raises NOT_FOUND, STATE_CONFLICT."""
        receivable = await self.lock_receivable(receivable_id)
        if receivable.state in (ReceivableState.OVERDUE, ReceivableState.DEFAULTED):
            return receivable
        overdue = await stored_receivables.move(receivable, ReceivableEvent.MISS_DUE_DATE)
        await self._records.receivable("overdue", overdue)
        return overdue

    async def _whole(self, receivable_id: str) -> Receivable:
        """A receivable of which nothing is paid or frozen, locked. Raises NOT_FOUND, STATE_CONFLICT."""
        receivable = await self._sound(receivable_id)
        if receivable.direct_fen:
            raise HuilianError("STATE_CONFLICT", "a part of it was paid already", state=receivable.state)
        return receivable

    async def _sound(self, receivable_id: str) -> Receivable:
        """A receivable that is neither frozen nor worth less than it was signed for, locked; raises as `_whole`."""
        receivable = await self.lock_receivable(receivable_id)
        await check_not_frozen(receivable_id)
        await self._dilutions.require_undiluted(receivable)
        return receivable

    async def _due(self, certificate: Certificate) -> Certificate:
        if certificate.state is CertificateState.DUE:
            return certificate
        due = await stored_certificates.move(certificate, CertificateEvent.FALL_DUE, certificate.financing_id)
        await self._records.certificate("due", due)
        return due

    async def _redeem(self, certificate: Certificate, amount_fen: int, payment_id: str | None) -> Certificate:
        """Both rows are locked by the caller, the receivable first."""
        receivable = await self.get_receivable(certificate.receivable_id)
        redeemed = await stored_certificates.redeem(certificate, amount_fen)
        redeemed_fen = receivable.redeemed_fen + amount_fen
        await stored_receivables.set_amounts(receivable, receivable.issued_fen, redeemed_fen, receivable.state)
        if payment_id is not None:
            await self._records.certificate_payment(redeemed, payment_id, amount_fen)
        if redeemed.state is CertificateState.REDEEMED:
            await self._records.certificate("redeemed", redeemed)
        return redeemed

    async def _locked(self, certificate_id: str) -> Certificate:
        return _found("certificate", await stored_certificates.lock(certificate_id))

    async def _held_for(self, certificate_id: str, financing_id: str) -> Certificate:
        certificate = await self._locked(certificate_id)
        if certificate.financing_id != financing_id:
            raise HuilianError("STATE_CONFLICT", "another financing holds it, or none", state=certificate.state)
        return certificate

    def _today(self) -> dt.date:
        return business_date(self._clock.now())


def _check_within(amount_fen: int, unpaid_fen: int) -> None:
    if not 0 < amount_fen <= unpaid_fen:
        raise HuilianError("AMOUNT_EXCEEDS_RECEIVABLE", amount_fen=amount_fen, available_fen=unpaid_fen)


def _found(resource: str, item: Found | None) -> Found:
    if item is None:
        raise HuilianError("NOT_FOUND", resource=resource)
    return item
