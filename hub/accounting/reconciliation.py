"""The books against the bank's statements: import, match, open cases, show which days agree.

Everything happens in the caller's one transaction: a statement is in with all that follows from it, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.accounting import stored_cases
from hub.accounting import stored_reconciliation as stored
from hub.accounting.camt053 import BankStatement, read_statements
from hub.accounting.case_rules import Case, CaseState, Difference, Source
from hub.accounting.cases import Cases
from hub.accounting.matching import Booking, Entry, Finding, Outcome, Reason, match, missing
from hub.accounting.rules import AccountKind
from hub.accounting.service import BankCore
from hub.accounting.stored_reconciliation import Imported
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.paging import Page
from hub.platform.transactions import require_transaction

BANK = "bank"
MOST_DAYS = 366


@dataclass(frozen=True)
class Proof:
    """Bank and books of one account in fen: what explains their difference. `unexplained_fen` is always 0."""

    bank_fen: int
    book_fen: int
    baseline_fen: int
    unmatched_entries_fen: int
    open_bookings_fen: int

    @property
    def unexplained_fen(self) -> int:
        """What is left when baseline, unmatched entries and open bookings are taken into account."""
        known_fen = self.baseline_fen + self.unmatched_entries_fen - self.open_bookings_fen
        return self.bank_fen - self.book_fen - known_fen


@dataclass(frozen=True)
class Day:
    """One day of an account: whether a statement covers it, and how many cases of it are not closed."""

    day: date
    is_covered: bool
    open_cases: int

    @property
    def is_reconciled(self) -> bool:
        """Whether bank and books agree on it."""
        return self.is_covered and not self.open_cases


class Reconciliation:
    """`accounts` are the bank's accounts elsewhere: number on the statement -> account id in our books."""

    def __init__(
        self, database: Database, clock: Clock, bank: BankCore, cases: Cases, accounts: Mapping[str, str]
    ) -> None:
        self._database, self._clock, self._bank, self._cases = database, clock, bank, cases
        self._accounts = accounts

    async def import_statements(self, operator: str, document: bytes) -> list[Imported]:
        """Takes in a camt.053 message, all its statements or none; one that was taken in before changes nothing.

        Raises INVALID_ARGUMENT (malformed, does not add up), NOT_FOUND (an account that is not ours), ALREADY_EXISTS
        (the same statement id with other content), STATE_CONFLICT (SEQUENCE_GAP, BALANCE_GAP or DAY_GAP: it does not
        follow the last statement).
        """
        require_transaction("importing a statement")
        statements, today = read_statements(document), business_date(self._clock.now())
        if any(statement.to_date > today for statement in statements):
            raise HuilianError("INVALID_ARGUMENT", "a statement of days to come", field="camt053")
        return [await self._import(operator, statement) for statement in statements]

    async def _import(self, operator: str, statement: BankStatement) -> Imported:
        account_id, content = self.account(statement.account_number), statement.content_sha256
        await self._database.lock("reconciliation", account_id)
        key = f"{statement.account_number}/{statement.statement_id}"
        known = await stored.find(key)
        if known is not None:
            if known.content_sha256 != content:
                raise HuilianError("ALREADY_EXISTS", "same statement id, other content", resource="statement")
            return known
        # The first statement may come before the first journal.
        await self._bank.open_account(account_id, BANK, AccountKind.CASH)
        return await self._take_in(operator, key, account_id, statement, content)

    async def proof(self, account_number: str) -> Proof:
        """Why bank and books differ. Raises NOT_FOUND, also before the first statement."""
        account_id = self.account(account_number)
        first, last = await self._statements(account_id)
        entries = await stored.unmatched_entries(self._database, account_id)
        bookings = await stored.open_bookings(self._database, account_id, first)
        return Proof(
            bank_fen=last.closing_fen,
            book_fen=await self._bank.balance_fen(account_id),
            baseline_fen=first.baseline_fen,
            unmatched_entries_fen=sum(entry.amount_fen for entry in entries),
            open_bookings_fen=sum(booking.amount_fen for booking in bookings),
        )

    async def days(self, account_number: str, first: date, last: date) -> list[Day]:
        """Every day of a span, both ends included. Raises NOT_FOUND, INVALID_ARGUMENT for more than MOST_DAYS."""
        if not 0 <= (last - first).days < MOST_DAYS:
            raise HuilianError("INVALID_ARGUMENT", f"1 to {MOST_DAYS} days", field="to_day")
        account_id = self.account(account_number)
        spans = await stored.covered(account_id, first, last)
        cases = await stored_cases.live_days(account_id, first, last)
        span = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [Day(day, any(a <= day <= b for a, b in spans), cases.get(day, 0)) for day in span]

    async def statements(self, account_number: str, size: int, token: str) -> Page[Imported]:
        """Statements of one account, newest first. Raises NOT_FOUND, INVALID_ARGUMENT for a foreign token."""
        return await stored.page(self.account(account_number), size, token)

    def account(self, number: str) -> str:
        """The account id in our books. Raises NOT_FOUND."""
        if number not in self._accounts:
            raise HuilianError("NOT_FOUND", resource="account at another bank")
        return self._accounts[number]

    async def _take_in(
        self, operator: str, key: str, account_id: str, statement: BankStatement, content: bytes
    ) -> Imported:
        around = await stored.first_and_last(account_id)
        if around is not None:
            _check_follows(statement, around[1])
        before_fen = await stored.balance_before(self._database, account_id, statement.from_date)
        imported = Imported(
            statement_key=key,
            statement_id=statement.statement_id,
            account_id=account_id,
            sequence=statement.sequence,
            from_date=statement.from_date,
            to_date=statement.to_date,
            opening_fen=statement.opening_fen,
            closing_fen=statement.closing_fen,
            baseline_fen=0 if around else statement.opening_fen - before_fen,
            entries=len(statement.entries),
            content_sha256=content,
            imported_by=operator,
            created_at=self._clock.now(),
        )
        await self._match(imported, statement, around[0] if around else imported)
        return imported

    async def _match(self, imported: Imported, statement: BankStatement, first: Imported) -> None:
        """The new entries, and the older ones about which nobody has proposed anything yet."""
        account_id, now = imported.account_id, self._clock.now()
        live = await stored_cases.live(Source.BANK, account_id)
        proposed = {case.difference.item_id for case in live if case.state is CaseState.PROPOSED}
        known = await stored.unmatched_entries(self._database, account_id)
        entries = [entry for entry in known if entry.entry_id not in proposed] + [
            Entry(stored.entry_key(imported.statement_key, one.number), one.booked_on, one.amount_fen, one.reference)
            for one in statement.entries
        ]
        bookings = await stored.open_bookings(self._database, account_id, first)
        kept = _named_by(case for case in live if case.state is CaseState.PROPOSED)
        used = await stored.used_references(account_id, {entry.reference for entry in entries})
        findings = match(entries, [one for one in bookings if one.journal_id not in kept], used)
        await stored.add(imported, statement, {one.entry.entry_id: one for one in findings})
        matched = [one for one in findings if one.outcome is Outcome.MATCHED]
        await stored.match(account_id, [([one.entry.entry_id], one.journal_ids) for one in matched], now)
        await self._open_cases(imported, findings, bookings, live)

    async def _open_cases(
        self, imported: Imported, findings: list[Finding], bookings: list[Booking], live: list[Case]
    ) -> None:
        """A case keeps what it was opened as while its entry or booking is unmatched, whatever else may fit by now."""
        matched = {name for one in findings if one.outcome is Outcome.MATCHED for name in _items(one)}
        still = {one.difference.item_id: one.difference for one in live if one.difference.item_id not in matched}
        unclear = [one for one in findings if one.outcome is not Outcome.MATCHED]
        new = [_unclear(imported.account_id, one) for one in unclear if one.entry.entry_id not in still]
        named = {journal_id for one in (*still.values(), *new) for journal_id in (one.item_id, *one.candidates)}
        open_bookings = [one for one in bookings if one.journal_id not in matched]
        late = missing(open_bookings, imported.to_date, named)
        new += [_missing(imported.account_id, booking) for booking in late]
        await self._cases.compare(Source.BANK, imported.account_id, [*still.values(), *new])

    async def _statements(self, account_id: str) -> tuple[Imported, Imported]:
        found = await stored.first_and_last(account_id)
        if found is None:
            raise HuilianError("NOT_FOUND", "no statement was imported yet", resource="statement")
        return found


def _check_follows(statement: BankStatement, last: Imported) -> None:
    gaps = {
        "SEQUENCE_GAP": statement.sequence != last.sequence + 1,
        "BALANCE_GAP": statement.opening_fen != last.closing_fen,
        "DAY_GAP": statement.from_date != last.to_date + timedelta(days=1),
    }
    for state, gapes in gaps.items():
        if gapes:
            raise HuilianError("STATE_CONFLICT", "it does not follow the last statement", state=state)


def _items(finding: Finding) -> tuple[str, ...]:
    return (finding.entry.entry_id, *finding.journal_ids)


def _named_by(cases: Iterable[Case]) -> set[str]:
    return {name for case in cases if case.proposal for name in (case.difference.item_id, *case.proposal.journal_ids)}


def _unclear(account_id: str, finding: Finding) -> Difference:
    entry = finding.entry
    return Difference(
        source=Source.BANK,
        kind=finding.outcome,
        reason=finding.reason or Reason.NOTHING_LIKE_IT,
        account_id=account_id,
        item_id=entry.entry_id,
        item_date=entry.booked_on,
        amount_fen=entry.amount_fen,
        candidates=finding.journal_ids,
    )


def _missing(account_id: str, booking: Booking) -> Difference:
    return Difference(
        source=Source.BANK,
        kind=Outcome.MISSING_AT_BANK,
        reason=Reason.NOT_BOOKED,
        account_id=account_id,
        item_id=booking.journal_id,
        item_date=booking.value_date,
        amount_fen=booking.amount_fen,
    )
