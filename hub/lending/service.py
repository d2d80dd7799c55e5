"""Lending as the rest of the hub sees it: wires its desks together and holds what crosses them.

Use cases run inside the caller's transaction (`Idempotency.run` opens it); those that talk to the network or finish
work in the background open their own and say so.
"""

from __future__ import annotations

from huilian_protocol.trust import current

from hub.lending import wiring
from hub.lending.accruals.day_close import DayCloser
from hub.lending.auctions.desk import Auctions
from hub.lending.clearing.desk import Cleared, Clearing
from hub.lending.clearing.part_payments import PartPayments
from hub.lending.clearing.payouts import Payouts
from hub.lending.collections.desk import CollectionsDesk
from hub.lending.dealers.desk import DealerLoans
from hub.lending.decisions.log import DecisionLog
from hub.lending.decisions.tables import load_tables
from hub.lending.erp.desk import ErpPayments
from hub.lending.financings.claim_locks import ClaimLocks
from hub.lending.financings.desk import Financings
from hub.lending.flash.desk import FlashLoans
from hub.lending.limits.desk import Limits
from hub.lending.loans.desk import Loans
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import LoanRecord
from hub.lending.orders.desk import OrderLoans
from hub.lending.products.definitions import FLASH_LOAN, ORDER_LOAN, RECEIVABLE_LOAN, load_products, load_versions
from hub.lending.records import Records
from hub.lending.referrals.desk import Referrals
from hub.lending.registrations.desk import Registrations
from hub.lending.signatures import PersonSignatures
from hub.lending.warnings.desk import EarlyWarnings
from hub.lending.warnings.measures import Measures
from hub.lending.warnings.rules import load_rules
from hub.lending.warnings.stops import Act, Asked, RedStops
from hub.lending.wiring import Collaborators, Parts
from hub.lending.workouts.desk import Workouts
from hub.lending.workouts.impairments import Impairments
from hub.platform.outbox import Message

__all__ = ["Collaborators", "LendingService"]

DECIDED_TOPIC = "claim.decided"


class LendingService:
    """The lending domain of one hub. Registers its outbox topics when it is made."""

    def __init__(self, given: Collaborators) -> None:
        products, tables, records = load_products(), load_tables(), Records(given.ledger)
        self.product_versions, self.tables = load_versions(), tables
        self._database = given.database
        self.limits = Limits(given.database, given.clock, records.limit_reached)
        self.registrations = Registrations(
            given.database, given.clock, given.outbox, given.registry, records, given.names
        )
        self._claims = ClaimLocks(given.database, given.ids, given.claims, self.registrations, given.receivables)
        self.registered = self._claims.registration
        self.decisions = DecisionLog(given.clock, given.ids, tables, given.vault)
        self.loans = Loans(
            given.database, given.clock, given.bank, self.limits, records, given.mandates, self._may_draw
        )
        measures = Measures(given.database, given.clock, given.receivables.signs, given.exchange)
        self.referrals = Referrals(given.database, given.clock, records, products)
        self.warnings = EarlyWarnings(given.database, given.clock, records, measures, load_rules())
        self.stops = RedStops(given.database, given.clock, self.warnings, self.decisions)
        parts = Parts(
            given=given,
            products=products,
            tables=tables,
            records=records,
            limits=self.limits,
            loans=self.loans,
            claims=self._claims,
            decisions=self.decisions,
            referrals=self.referrals,
            warnings=self.warnings,
            stops=self.stops,
            signatures=PersonSignatures(given.persons, given.clock, current(given.trust)),
        )
        self.financings = Financings(wiring.financing_desk(parts))
        self.orders = OrderLoans(wiring.order_desk(parts))
        self.dealers = DealerLoans(wiring.dealer_desk(parts))
        self.auctions = Auctions(wiring.auction_desk(parts))
        self.impairments = Impairments(
            given.database, given.bank, given.receivables, self.loans, self.orders.conversions, records, self.freed
        )
        self.workouts = Workouts(self.loans, given.bank, self.freed, self.impairments.grown, products)
        self.restructurings = wiring.restructuring_desk(parts)
        self.flash = FlashLoans(wiring.flash_desk(parts))
        self.day_close = DayCloser(given.database, given.outbox, given.days)
        self.erp_payments = ErpPayments(given.database, given.clock, given.outbox, given.erps, given.cases)
        secured_on, tell_erp = self.orders.conversions.secured_on, self.erp_payments.owe
        payouts = Payouts(
            given.bank,
            given.receivables,
            self.loans,
            secured_on,
            tell_erp,
            self.impairments.closed,
            self._claims.settled,
        )
        self.clearing = Clearing(
            given.database,
            given.clock,
            given.bank,
            given.receivables,
            payouts,
            records,
        )
        self.collections = CollectionsDesk(given.database, given.clock, records, given.receivables)
        self.part_payments = PartPayments(
            given.database, given.clock, given.receivables, payouts, self._claims, records, given.mandates
        )
        self._listen(given)

    def _listen(self, given: Collaborators) -> None:
        """Says who is told of what."""
        self.referrals.serve(RECEIVABLE_LOAN, self.financings)
        self.referrals.serve(ORDER_LOAN, self.orders)
        self.referrals.serve(FLASH_LOAN, self.flash)
        self.registrations.serve(self._claims.lock, self._registered, self._claims.content)
        given.outbox.register(DECIDED_TOPIC, self.claim_decided)
        given.receivables.when_confirmed(self.orders.conversions.receivable_confirmed)
        given.receivables.when_orders_change(self.orders.conversions.orders_changed)
        given.receivables.when_confirmed(self.impairments.confirmed)
        given.receivables.when_impaired(self.impairments.impaired)
        given.receivables.when_voided(self.orders.conversions.receivable_voided)
        given.receivables.before_freezing(self.financings.freezing)
        given.receivables.before_freezing(self.auctions.freezing)
        given.receivables.when_unfrozen(self.impairments.unfrozen)

    async def _may_draw(self, record: LoanRecord) -> None:
        """A dealer's core enterprise is behind its loan; a warning about either stands against more money."""
        core = await self.dealers.core_of(record.loan_id)
        await self.stops.check(Asked(Act.DRAW, record.loan_id, core or record.borrower, record.borrower))

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
            await self.loans.end_matured()
            await self.impairments.collect()
            await self.registrations.queue_looks()
        finally:
            # Whatever is wrong with an offer, what is due is paid.
            cleared = await self.clearing.run()
            await self.collections.run()
            await self.warnings.run()
        return cleared
