"""Lending as the rest of the hub sees it: wires its desks together and holds what crosses them.

Use cases run inside the caller's transaction (`Idempotency.run` opens it); those that talk to the network or finish
work in the background open their own and say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from huilian_protocol.clock import Clock
from huilian_protocol.trust import TrustAnchors

from hub.accounting.service import BankCore
from hub.lending.claim_locks import ClaimLocks
from hub.lending.clearing import Cleared, Clearing
from hub.lending.decision_log import DecisionLog
from hub.lending.decisions import load_tables
from hub.lending.evidence import EvidenceDesk
from hub.lending.financings import Desk, Financings
from hub.lending.flash import FlashDesk, FlashLoans
from hub.lending.limits import Limits
from hub.lending.loans import Loans
from hub.lending.model import Loan
from hub.lending.ports import Claims, Consents, Exchange, Ledger, Persons, Receivables, SubjectVault
from hub.lending.products import FLASH_LOAN, RECEIVABLE_LOAN, load_products
from hub.lending.records import Records
from hub.lending.workouts import Workouts
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.outbox import Outbox

__all__ = ["Collaborators", "LendingService"]


@dataclass(frozen=True)
class Collaborators:
    """What lending is made of. `opening_key` gives the private sealing key of the
    recipient "bank.lending" that has this id.
    """

    database: Database
    clock: Clock
    ids: Ids
    outbox: Outbox
    ledger: Ledger
    claims: Claims
    receivables: Receivables
    bank: BankCore
    consents: Consents
    exchange: Exchange
    persons: Persons
    vault: SubjectVault
    trust: TrustAnchors
    opening_key: Callable[[str], bytes]


class LendingService:
    """The lending domain of one hub. Registers its outbox topics when it is made."""

    def __init__(self, given: Collaborators) -> None:
        products, tables, records = load_products(), load_tables(), Records(given.ledger)
        self._database = given.database
        self.limits = Limits(given.database)
        self.decisions = DecisionLog(given.clock, given.ids, tables, given.vault)
        self.loans = Loans(given.database, given.clock, given.bank, self.limits, records)
        self.financings = Financings(
            Desk(
                database=given.database,
                clock=given.clock,
                outbox=given.outbox,
                receivables=given.receivables,
                loans=self.loans,
                limits=self.limits,
                claims=ClaimLocks(given.database, given.ids, given.claims),
                decisions=self.decisions,
                tables=tables,
                records=records,
                product=products[RECEIVABLE_LOAN],
            )
        )
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
                trust=given.trust,
                product=products[FLASH_LOAN],
            )
        )
        self.clearing = Clearing(given.database, given.clock, given.bank, given.receivables, self.loans, records)

    async def repay(self, borrower: str, loan_id: str, amount_fen: int) -> Loan:
        """Takes a repayment; a loan on a certificate that is closed by it frees certificate and claim.

        Raises as `Loans.repay` does.
        """
        return await self.freed(await self.loans.repay(borrower, loan_id, amount_fen))

    async def freed(self, loan: Loan) -> Loan:
        """After anything that can close a loan: a closed one on a certificate frees certificate and claim."""
        if loan.record.closed:
            await self.financings.loan_closed(loan)
        return loan

    async def tick(self) -> Cleared:
        """What is due now: offers and contracts that ran out, receivables to clear. Opens its own transactions.

        Doing it again, or in two processes at once, changes nothing more.
        """
        try:
            await self.financings.expire()
            await self.flash.expire()
        finally:
            # Whatever is wrong with an offer, what is due is paid.
            cleared = await self.clearing.run()
        return cleared
