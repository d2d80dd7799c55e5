"""Differences between our books and somebody else's, settled by two people. All runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.accounting import stored_cases
from hub.accounting import stored_reconciliation as stored
from hub.accounting.case_rules import (
    Case,
    CaseState,
    Difference,
    Proposal,
    Resolution,
    Source,
    check_proposal,
    compensating,
    contra_account,
)
from hub.accounting.matching import Outcome
from hub.accounting.rules import GUARDED, AccountKind
from hub.accounting.service import BankCore
from hub.platform.database import Database
from hub.platform.paging import Page
from hub.platform.transactions import require_transaction

__all__ = ["Cases"]


class Cases:
    """Opens, proposes, decides. Nothing of ours is ever rewritten: a correction is a journal of its own."""

    def __init__(self, database: Database, clock: Clock, bank: BankCore) -> None:
        self._database, self._clock, self._bank = database, clock, bank

    async def compare(self, source: Source, account_id: str, found: Iterable[Difference]) -> list[Case]:
        """Makes the cases of an account those differences that were `found` now; answers what is not closed.

        What is no longer different closes by itself. The caller holds the account's lock.
        """
        require_transaction("comparing books")
        differences = {one.case_id: one for one in found}
        gone = [case for case in await stored_cases.live(source, account_id) if case.case_id not in differences]
        await stored_cases.close_arrived(gone, "no difference any more", self._clock.now())
        await stored_cases.open_new(differences.values(), self._clock.now())
        return await stored_cases.live(source, account_id)

    async def get(self, case_id: str) -> Case:
        """A case with its events. Raises NOT_FOUND."""
        return await stored_cases.with_events(await self._find(case_id))

    async def page(self, state: CaseState | None, source: Source | None, size: int, token: str) -> Page[Case]:
        """Cases, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored_cases.page(state, source, size, token)

    async def propose(self, operator: str, case_id: str, proposal: Proposal) -> Case:
        """One operator says what a difference is; a later proposal takes its place.

        Raises NOT_FOUND, STATE_CONFLICT (closed, or a journal is matched already), INVALID_ARGUMENT (a resolution that
        the case cannot have, journals of another amount).
        """
        case = await self._locked(case_id)
        check_proposal(case.difference, proposal)
        if proposal.resolution is Resolution.MATCHED:
            await self._check_journals(case.difference, proposal)
        return await self._told(await stored_cases.propose(case, operator, proposal, self._clock.now()))

    async def decide(self, operator: str, case_id: str, note: str, *, approve: bool) -> Case:
        """Another operator carries a proposal out, or opens the case again.

        Raises NOT_FOUND, STATE_CONFLICT (nothing proposed, or meanwhile matched), PERMISSION_DENIED (the proposer),
        INSUFFICIENT_FUNDS (a compensating journal would overdraw the party's deposit).
        """
        case = await self._locked(case_id)
        if case.state is not CaseState.PROPOSED or case.proposal is None:
            raise HuilianError("STATE_CONFLICT", "nobody has proposed anything", state=case.state)
        if case.proposed_by == operator:
            raise HuilianError("PERMISSION_DENIED", "whoever proposed does not decide")
        if not approve:
            return await self._told(await stored_cases.refuse(case, operator, note, self._clock.now()))
        await self._carry_out(case, case.proposal)
        closed = await stored_cases.close(case, case.proposal.resolution, operator, note, self._clock.now())
        return await self._told(closed)

    async def _carry_out(self, case: Case, proposal: Proposal) -> None:
        difference, now = case.difference, self._clock.now()
        if proposal.resolution is Resolution.MATCHED:
            await self._check_journals(difference, proposal)
            await stored.match(difference.account_id, [([difference.item_id], proposal.journal_ids)], now)
            await self._close_missing(difference.account_id, set(proposal.journal_ids))
        elif proposal.resolution is Resolution.COMPENSATED:
            journal_id = await self._compensate(case, proposal)
            missing = difference.kind is Outcome.MISSING_AT_BANK
            group = ([], [difference.item_id, journal_id]) if missing else ([difference.item_id], [journal_id])
            await stored.match(difference.account_id, [group], now)

    async def _compensate(self, case: Case, proposal: Proposal) -> str:
        assert proposal.contra is not None, "check_proposal saw to it"
        contra_id, owner, kind = contra_account(proposal.contra, proposal.party)
        if kind not in GUARDED:
            await self._bank.open_account(contra_id, owner, kind)
        elif kind is AccountKind.DEPOSIT:
            # A mistyped party is found out: nobody's deposit is opened here.
            await self._bank.balance_fen(contra_id)
        journal_id, lines = f"reconcile:{case.case_id}", compensating(case.difference, contra_id)
        await self._bank.post(journal_id, case.difference.item_date, "reconciliation", lines)
        return journal_id

    async def _check_journals(self, difference: Difference, proposal: Proposal) -> None:
        statements = await stored.first_and_last(difference.account_id)
        first = statements[0] if statements else None
        known = {
            one.journal_id: one
            for one in await stored.open_bookings(self._database, difference.account_id, first)
            if one.journal_id in proposal.journal_ids
        }
        if len(known) != len(proposal.journal_ids):
            raise HuilianError("STATE_CONFLICT", "no such journal is open on the account", state="JOURNAL_NOT_OPEN")
        if sum(one.amount_fen for one in known.values()) != difference.amount_fen:
            raise HuilianError("INVALID_ARGUMENT", "journals of another amount", field="journal_ids")

    async def _close_missing(self, account_id: str, journal_ids: set[str]) -> None:
        live = await stored_cases.live(Source.BANK, account_id)
        found = [case for case in live if case.difference.item_id in journal_ids]
        await stored_cases.close_arrived(found, "matched by hand", self._clock.now())

    async def _locked(self, case_id: str) -> Case:
        account_id = (await self._find(case_id)).difference.account_id
        await self._database.lock("reconciliation", account_id)
        return await self._find(case_id)

    async def _find(self, case_id: str) -> Case:
        found = await stored_cases.find(case_id)
        if found is None:
            raise HuilianError("NOT_FOUND", resource="case")
        return found

    async def _told(self, case: Case) -> Case:
        return await stored_cases.with_events(case)
