"""Lending as the rest of the hub sees it: wires its desks together and holds what crosses them.

Use cases run inside the caller's transaction (`Idempotency.run` opens it); those that talk to the network or finish
work in the background open their own and say so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from huilian_protocol.clock import Clock
from huilian_protocol.trust import TrustAnchors, current

from hub.accounting.cases import Cases
from hub.accounting.closing import Days
from hub.accounting.service import BankCore
from hub.lending.auctions import AuctionDesk, Auctions
from hub.lending.claim_locks import ClaimLocks
from hub.lending.clearing import Cleared, Clearing
from hub.lending.collections_desk import CollectionsDesk
from hub.lending.conversions import OrderDesk
from hub.lending.day_close import DayCloser
from hub.lending.dealer_loans import DealerDesk, DealerLoans
from hub.lending.decision_log import DecisionLog
from hub.lending.decisions import load_tables
from hub.lending.early_warnings import EarlyWarnings
from hub.lending.erp_payments import ErpPayments
from hub.lending.evidence import EvidenceDesk
from hub.lending.financing_desk import Desk
from hub.lending.financings import Financings
from hub.lending.flash import FlashDesk, FlashLoans
from hub.lending.impairments import Impairments
from hub.lending.limits import Limits
from hub.lending.loans import Loans
from hub.lending.model import Loan
from hub.lending.order_loans import OrderLoans
from hub.lending.part_payments import PartPayments
from hub.lending.payouts import Payouts
from hub.lending.ports import (
    Claims,
    Consents,
    ErpLedgers,
    Exchange,
    Ledger,
    Mandates,
    Persons,
    Receivables,
    Registry,
    SubjectVault,
)
from hub.lending.products import DEALER_LOAN, FLASH_LOAN, ORDER_LOAN, RECEIVABLE_LOAN, load_products, load_versions
from hub.lending.records import Records
from hub.lending.referrals import Referrals
from hub.lending.registrations import Registrations
from hub.lending.warning_measures import Measures
from hub.lending.warning_rules import load_rules
from hub.lending.workouts import Workouts
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.outbox import Message, Outbox

__all__ = ["Collaborators", "LendingService"]

DECIDED_TOPIC = "claim.decided"


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
    vault: SubjectVault
    trust: TrustAnchors | Callable[[], TrustAnchors]
    opening_key: Callable[[str], bytes]
    days: Days
    mandates: Mandates
    erps: ErpLedgers
    cases: Cases


class LendingService:
    """The lending domain of one hub. Registers its outbox topics when it is made."""

    def __init__(self, given: Collaborators) -> None:
        products, tables, records = load_products(), load_tables(), Records(given.ledger)
        self.product_versions, self.tables = load_versions(), tables
        self._database = given.database
        self.limits = Limits(given.database, given.clock)
        self.registrations = Registrations(
            given.database, given.clock, given.outbox, given.registry, records, given.names
        )
        self._claims = ClaimLocks(given.database, given.ids, given.claims, self.registrations, given.receivables)
        self.registered = self._claims.registration
        self.decisions = DecisionLog(given.clock, given.ids, tables, given.vault)
        self.loans = Loans(given.database, given.clock, given.bank, self.limits, records, given.mandates)
        measures = Measures(given.database, given.clock, given.receivables.signs, given.exchange)
        self.referrals = Referrals(given.database, given.clock, records, products)
        self.warnings = EarlyWarnings(given.database, given.clock, records, measures, load_rules())
        self.financings = Financings(
            Desk(
                database=given.database,
                clock=given.clock,
                outbox=given.outbox,
                receivables=given.receivables,
                mandates=given.mandates,
                loans=self.loans,
                limits=self.limits,
                claims=self._claims,
                decisions=self.decisions,
                tables=tables,
                referrals=self.referrals,
                warnings=self.warnings,
                records=records,
                product=products[RECEIVABLE_LOAN],
            )
        )
        self.orders = OrderLoans(
            OrderDesk(
                database=given.database,
                clock=given.clock,
                ids=given.ids,
                outbox=given.outbox,
                receivables=given.receivables,
                mandates=given.mandates,
                loans=self.loans,
                limits=self.limits,
                claims=self._claims,
                decisions=self.decisions,
                tables=tables,
                referrals=self.referrals,
                warnings=self.warnings,
                records=records,
                product=products[ORDER_LOAN],
                receivable_product=products[RECEIVABLE_LOAN],
            )
        )
        self.dealers = DealerLoans(
            DealerDesk(
                database=given.database,
                clock=given.clock,
                loans=self.loans,
                limits=self.limits,
                decisions=self.decisions,
                tables=tables,
                warnings=self.warnings,
                sales=given.receivables.sales,
                mandates=given.mandates,
                records=records,
                product=products[DEALER_LOAN],
            )
        )
        self.auctions = Auctions(
            AuctionDesk(
                database=given.database,
                clock=given.clock,
                outbox=given.outbox,
                bank=given.bank,
                receivables=given.receivables,
                mandates=given.mandates,
                loans=self.loans,
                claims=self._claims,
                records=records,
                product=products[RECEIVABLE_LOAN],
            )
        )
        self.referrals.serve(RECEIVABLE_LOAN, self.financings)
        self.referrals.serve(ORDER_LOAN, self.orders)
        self.registrations.serve(self._claims.lock, self._registered, self._claims.content)
        given.outbox.register(DECIDED_TOPIC, self.claim_decided)
        given.receivables.when_confirmed(self.orders.conversions.receivable_confirmed)
        given.receivables.when_orders_change(self.orders.conversions.orders_changed)
        self.impairments = Impairments(
            given.database, given.bank, given.receivables, self.loans, self.orders.conversions, records, self.freed
        )
        given.receivables.when_confirmed(self.impairments.confirmed)
        given.receivables.when_impaired(self.impairments.impaired)
        given.receivables.before_freezing(self.financings.freezing)
        given.receivables.before_freezing(self.auctions.freezing)
        given.receivables.when_unfrozen(self.impairments.unfrozen)
        self.workouts = Workouts(self.loans, given.bank, self.freed)
        self.flash = FlashLoans(
            FlashDesk(
                database=given.database,
                clock=given.clock,
                loans=self.loans,
                limits=self.limits,
                decisions=self.decisions,
                tables=tables,
                evidence=EvidenceDesk(given.consents, given.exchange, given.opening_key),
                persons=given.persons,
                trust=current(given.trust),
                product=products[FLASH_LOAN],
            )
        )
        self.day_close = DayCloser(given.database, given.outbox, given.days)
        self.erp_payments = ErpPayments(given.database, given.clock, given.outbox, given.erps, given.cases)
        secured_on, tell_erp = self.orders.conversions.secured_on, self.erp_payments.owe
        payouts = Payouts(given.bank, given.receivables, self.loans, secured_on, tell_erp, self.impairments.closed)
        self.clearing = Clearing(
            given.database,
            given.clock,
            given.bank,
            given.receivables,
            payouts,
            records,
        )
        self.collections = CollectionsDesk(given.database, given.clock, records)
        self.part_payments = PartPayments(
            given.database, given.clock, given.receivables, payouts, self._claims, records
        )

    async def claim_decided(self, message: Message) -> None:
        """The chain's answer on a claim. Opens its own transaction; again it changes nothing."""
        claim_id, state = str(message.payload["claim_id"]), str(message.payload["state"])
        async with self._database.transaction():
            if await self._claims.decided(claim_id, state):
                await self._tell(claim_id)

    async def _registered(self, claim_id: str, ours: bool) -> None:
        await self._claims.registered(claim_id, ours)
        await self._tell(claim_id)

    async def _tell(self, claim_id: str) -> None:
        """The desks go on with what waited for a claim."""
        await self.financings.claim_decided(claim_id)
        await self.orders.claim_decided(claim_id)
        await self.auctions.claim_decided(claim_id)

    async def repay(self, borrower: str, loan_id: str, amount_fen: int) -> Loan:
        """Takes a repayment; a loan on a certificate that is closed by it frees certificate and claim.

        Raises as `Loans.repay` does.
        """
        return await self.freed(await self.loans.repay(borrower, loan_id, amount_fen))

    async def freed(self, loan: Loan) -> Loan:
        """After anything that can close a loan: a closed one frees what secured it, and the claim."""
        if loan.record.closed:
            await self.financings.loan_closed(loan)
            await self.orders.loan_closed(loan)
            await self.impairments.closed(loan)
        return loan

    async def tick(self) -> Cleared:
        """What is due now: offers and contracts that ran out, receivables to clear. Opens its own transactions.

        Doing it again, or in two processes at once, changes nothing more.
        """
        try:
            await self.financings.expire()
            await self.orders.expire()
            await self.auctions.award()
            await self.flash.expire()
            await self.dealers.expire()
            await self.impairments.collect()
            await self.registrations.queue_looks()
        finally:
            # Whatever is wrong with an offer, what is due is paid.
            cleared = await self.clearing.run()
            await self.collections.run()
            await self.warnings.run()
        return cleared
