"""The bank's books: `BankCore` is the port that a core banking system can fill, `EmbeddedBook` its default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.accounting import store, stored_days
from hub.accounting.rules import (
    CLOSE_PREFIX,
    CREDIT_NORMAL,
    GUARDED,
    AccountKind,
    Journal,
    JournalRefused,
    Line,
    change_by_account,
    check_journal,
    content_sha256,
    deposit_account,
)
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.transactions import require_transaction

__all__ = ["AccountKind", "BankCore", "EmbeddedBook", "Line", "TrialBalance", "deposit_account"]


class BankCore(Protocol):
    """What lending needs from the bank's core. Every write happens inside the caller's transaction."""

    async def open_account(self, account_id: str, owner: str, kind: AccountKind) -> None:
        """Opens an account; opening the same one again changes nothing.

        Raises ALREADY_EXISTS when it exists with another owner or kind.
        """

    async def post(self, journal_id: str, value_date: date, narrative: str, lines: Sequence[Line]) -> bool:
        """Posts a journal; False when it was posted before with the same content.

        Raises INSUFFICIENT_FUNDS when a deposit would be overdrawn, ALREADY_EXISTS when the id was posted with other
        content, NOT_FOUND for an unknown account, JournalRefused when it does not balance.
        """

    async def balance_fen(self, account_id: str) -> int:
        """Balance on the account's normal side, in fen: what a depositor has, what a borrower owes.

        Raises NOT_FOUND.
        """


@dataclass(frozen=True)
class TrialBalance:
    """Debits and credits of every account, in fen. `difference_fen` is 0 in a book that was kept well."""

    by_account: dict[str, tuple[int, int]]

    @property
    def difference_fen(self) -> int:
        """All debits minus all credits."""
        return sum(debit - credit for debit, credit in self.by_account.values())


class EmbeddedBook:
    """BankCore on the hub's own database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open_account(self, account_id: str, owner: str, kind: AccountKind) -> None:
        """See `BankCore.open_account`."""
        require_transaction("opening an account")
        await self._database.lock("account", account_id)
        known = await store.find_account(account_id)
        if known is None:
            await store.add_account(account_id, owner, kind, self._clock.now())
        elif (known.owner, known.kind) != (owner, kind.value):
            raise HuilianError("ALREADY_EXISTS", resource=f"account {account_id}")

    async def post(self, journal_id: str, value_date: date, narrative: str, lines: Sequence[Line]) -> bool:
        """See `BankCore.post`."""
        require_transaction("posting a journal")
        journal = Journal(journal_id, value_date, narrative, tuple(lines))
        check_journal(journal)
        await self._database.lock("journal", journal_id)
        if await self._was_posted(journal):
            return False
        await self._move_balances(journal)
        await store.add_journal(self._database, journal, self._clock.now(), await self._booked_on(journal))
        return True

    async def balance_fen(self, account_id: str) -> int:
        """See `BankCore.balance_fen`."""
        account = await store.find_account(account_id)
        if account is None:
            raise HuilianError("NOT_FOUND", resource=f"account {account_id}")
        kind = AccountKind(account.kind)
        if kind in GUARDED:
            return int(account.guarded_fen)
        total = await store.credits_minus_debits(self._database, account_id)
        return total if kind in CREDIT_NORMAL else -total

    async def trial_balance(self) -> TrialBalance:
        """The whole book added up; its difference is always 0."""
        return TrialBalance(await store.sums_by_account(self._database))

    async def _booked_on(self, journal: Journal) -> date | None:
        """The first open day, for a journal whose value date was closed. Today and later days never are."""
        if journal.value_date >= business_date(self._clock.now()) or journal.journal_id.startswith(CLOSE_PREFIX):
            return None
        last = await stored_days.last_day()
        return None if last is None or journal.value_date > last else last + timedelta(days=1)

    async def _was_posted(self, journal: Journal) -> bool:
        content = await store.stored_content(self._database, journal.journal_id)
        if content is not None and content != content_sha256(journal):
            raise HuilianError("ALREADY_EXISTS", "same journal id, other content", resource="journal")
        return content is not None

    async def _move_balances(self, journal: Journal) -> None:
        changes = change_by_account(journal.lines)
        kinds = await store.kinds_of(self._database, changes)
        for account_id, credits_minus_debits in changes.items():
            if account_id not in kinds:
                raise HuilianError("NOT_FOUND", resource=f"account {account_id}")
            kind = kinds[account_id]
            if kind in GUARDED:
                change = credits_minus_debits if kind in CREDIT_NORMAL else -credits_minus_debits
                await self._move(account_id, kind, change)

    async def _move(self, account_id: str, kind: AccountKind, change_fen: int) -> None:
        if await store.move_balance(self._database, account_id, change_fen):
            return
        if kind is AccountKind.LOAN:
            raise JournalRefused(f"{account_id} would be repaid by more than is owed")
        raise HuilianError("INSUFFICIENT_FUNDS")
