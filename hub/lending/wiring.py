"""What lending is made of, and how its desks are put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from huilian_protocol.clock import Clock
from huilian_protocol.trust import TrustAnchors

from hub.accounting.cases import Cases
from hub.accounting.closing import Days
from hub.accounting.service import BankCore
from hub.lending.auctions.desk import AuctionDesk
from hub.lending.dealers.desk import DealerDesk
from hub.lending.decisions.log import DecisionLog
from hub.lending.decisions.tables import DecisionTables
from hub.lending.financings.claim_locks import ClaimLocks
from hub.lending.financings.tools import Desk
from hub.lending.flash.desk import FlashDesk
from hub.lending.flash.evidence import EvidenceDesk
from hub.lending.limits.desk import Limits
from hub.lending.loans.desk import Loans
from hub.lending.orders.conversions import OrderDesk
from hub.lending.ports import (
    Claims,
    Consents,
    ErpLedgers,
    Exchange,
    Inbox,
    Ledger,
    Mandates,
    Persons,
    Receivables,
    Registry,
    SubjectVault,
)
from hub.lending.products.definitions import DEALER_LOAN, FLASH_LOAN, ORDER_LOAN, RECEIVABLE_LOAN, Product
from hub.lending.records import Records
from hub.lending.referrals.desk import Referrals
from hub.lending.restructurings.desk import Restructurings
from hub.lending.signatures import PersonSignatures
from hub.lending.warnings.desk import EarlyWarnings
from hub.lending.warnings.stops import RedStops
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.outbox import Outbox


@dataclass(frozen=True)
class Collaborators:
    """What lending is made of. `opening_key` gives the private sealing key of the
    recipient "bank.lending" that has this id; `names` an enterprise's registered name, empty when it has none.
    """

    database: Database
    clock: Clock
    ids: Ids
    outbox: Outbox
    ledger: Ledger
    claims: Claims
    registry: Registry
    names: Callable[[str], Awaitable[str]]
    receivables: Receivables
    bank: BankCore
    consents: Consents
    exchange: Exchange
    persons: Persons
    inbox: Inbox
    vault: SubjectVault
    trust: TrustAnchors | Callable[[], TrustAnchors]
    opening_key: Callable[[str], bytes]
    days: Days
    mandates: Mandates
    erps: ErpLedgers
    cases: Cases


@dataclass(frozen=True)
class Parts:
    """What several desks share."""

    given: Collaborators
    products: Mapping[str, Product]
    tables: DecisionTables
    records: Records
    limits: Limits
    loans: Loans
    claims: ClaimLocks
    decisions: DecisionLog
    referrals: Referrals
    warnings: EarlyWarnings
    stops: RedStops
    signatures: PersonSignatures


def financing_desk(parts: Parts) -> Desk:
    """Loans on certificates."""
    return Desk(
        database=parts.given.database,
        clock=parts.given.clock,
        outbox=parts.given.outbox,
        receivables=parts.given.receivables,
        mandates=parts.given.mandates,
        loans=parts.loans,
        limits=parts.limits,
        claims=parts.claims,
        decisions=parts.decisions,
        tables=parts.tables,
        referrals=parts.referrals,
        warnings=parts.warnings,
        records=parts.records,
        product=parts.products[RECEIVABLE_LOAN],
    )


def order_desk(parts: Parts) -> OrderDesk:
    """Loans on orders."""
    return OrderDesk(
        database=parts.given.database,
        clock=parts.given.clock,
        ids=parts.given.ids,
        outbox=parts.given.outbox,
        receivables=parts.given.receivables,
        mandates=parts.given.mandates,
        loans=parts.loans,
        limits=parts.limits,
        claims=parts.claims,
        decisions=parts.decisions,
        tables=parts.tables,
        referrals=parts.referrals,
        warnings=parts.warnings,
        records=parts.records,
        product=parts.products[ORDER_LOAN],
        receivable_product=parts.products[RECEIVABLE_LOAN],
    )


def dealer_desk(parts: Parts) -> DealerDesk:
    """Loans to dealers."""
    return DealerDesk(
        database=parts.given.database,
        clock=parts.given.clock,
        loans=parts.loans,
        limits=parts.limits,
        decisions=parts.decisions,
        tables=parts.tables,
        warnings=parts.warnings,
        sales=parts.given.receivables.sales,
        mandates=parts.given.mandates,
        records=parts.records,
        product=parts.products[DEALER_LOAN],
    )


def auction_desk(parts: Parts) -> AuctionDesk:
    """Auctions of certificates."""
    return AuctionDesk(
        database=parts.given.database,
        clock=parts.given.clock,
        outbox=parts.given.outbox,
        bank=parts.given.bank,
        receivables=parts.given.receivables,
        mandates=parts.given.mandates,
        stops=parts.stops,
        loans=parts.loans,
        claims=parts.claims,
        records=parts.records,
        product=parts.products[RECEIVABLE_LOAN],
    )


def restructuring_desk(parts: Parts) -> Restructurings:
    """Other terms for loans of every product."""
    return Restructurings(
        parts.given.clock,
        parts.loans,
        parts.records,
        parts.given.mandates,
        parts.signatures,
        parts.products,
        parts.given.inbox,
    )


def flash_desk(parts: Parts) -> FlashDesk:
    """Loans to persons."""
    return FlashDesk(
        database=parts.given.database,
        clock=parts.given.clock,
        loans=parts.loans,
        limits=parts.limits,
        decisions=parts.decisions,
        referrals=parts.referrals,
        tables=parts.tables,
        evidence=EvidenceDesk(parts.given.consents, parts.given.exchange, parts.given.opening_key),
        signatures=parts.signatures,
        inbox=parts.given.inbox,
        product=parts.products[FLASH_LOAN],
    )
