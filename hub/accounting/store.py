"""Accounts, journals and lines: the only SQL of the books."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from hub.accounting.rules import GUARDED, AccountKind, Journal, content_sha256
from hub.accounting.store_reconciliation import CaseEventRow as CaseEventRow
from hub.accounting.store_reconciliation import CaseRow as CaseRow
from hub.accounting.store_reconciliation import MatchedEntryRow as MatchedEntryRow
from hub.accounting.store_reconciliation import MatchedJournalRow as MatchedJournalRow
from hub.accounting.store_reconciliation import StatementEntryRow as StatementEntryRow
from hub.accounting.store_reconciliation import StatementRow as StatementRow
from hub.platform.database import Database
from hub.platform.fields import UtcDatetimeField


class Account(Model):
    """One account. `guarded_fen` is the balance on the account's normal side where the kind is guarded, else 0."""

    account_id = fields.CharField(max_length=96, primary_key=True)
    owner = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=16)
    guarded_fen = fields.BigIntField()
    opened_at = UtcDatetimeField()

    class Meta:
        table = "accounting_account"
        constraints = (CheckConstraint(check="guarded_fen >= 0", name="accounting_account_not_overdrawn"),)


class JournalRow(Model):
    """Head of a journal; never changed and never deleted (triggers refuse it).

    `booked_on` is the accounting day where that is not the value date: a day that was closed takes nothing more.
    """

    journal_id = fields.CharField(max_length=128, primary_key=True)
    value_date = fields.DateField()
    booked_on = fields.DateField(null=True)
    narrative = fields.CharField(max_length=200)
    content_sha256 = fields.BinaryField()
    posted_at = UtcDatetimeField()

    class Meta:
        table = "accounting_journal"


class LineRow(Model):
    """One line of a journal; never changed and never deleted (triggers refuse it)."""

    id = fields.BigIntField(primary_key=True)
    journal: fields.ForeignKeyRelation[JournalRow] = fields.ForeignKeyField(
        "accounting.JournalRow", on_delete=fields.RESTRICT, related_name="lines"
    )
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "accounting.Account", on_delete=fields.RESTRICT, related_name="lines", db_index=True
    )
    debit_fen = fields.BigIntField()
    credit_fen = fields.BigIntField()

    class Meta:
        table = "accounting_line"
        constraints = (
            CheckConstraint(
                check="(debit_fen > 0 AND credit_fen = 0) OR (debit_fen = 0 AND credit_fen > 0)",
                name="accounting_line_one_side",
            ),
        )


class DayRow(Model):
    """The close of one business day; once CLOSED it never changes (a trigger refuses it).

    `cursor` is how far it came: the last loan whose interest is in the books. Sums in fen.
    """

    business_day = fields.DateField(primary_key=True)
    state = fields.CharField(max_length=8)
    cursor = fields.CharField(max_length=64)
    batches = fields.IntField()
    loans = fields.BigIntField()
    accrued_fen = fields.BigIntField()
    debit_fen = fields.BigIntField()
    credit_fen = fields.BigIntField()
    started_at = UtcDatetimeField()
    closed_at = UtcDatetimeField(null=True)

    class Meta:
        table = "accounting_day"
        constraints = (
            CheckConstraint(check="state <> 'CLOSED' OR debit_fen = credit_fen", name="accounting_day_balances"),
        )


# Every journal does these: making row objects takes longer than the statements.
_KINDS = "SELECT account_id, kind FROM accounting_account WHERE account_id IN $in"
_CONTENT = "SELECT content_sha256 FROM accounting_journal WHERE journal_id = $1"
_ADD_JOURNAL = (
    "INSERT INTO accounting_journal (journal_id, value_date, booked_on, narrative, content_sha256, posted_at)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
)
_ADD_LINE = "INSERT INTO accounting_line (journal_id, account_id, debit_fen, credit_fen) VALUES ($1, $2, $3, $4)"


async def find_account(account_id: str) -> Account | None:
    """The account, or None."""
    return await Account.get_or_none(account_id=account_id)


async def kinds_of(database: Database, account_ids: Collection[str]) -> dict[str, AccountKind]:
    """What those accounts are that exist, by id."""
    rows = await database.fetch_in(_KINDS, account_ids)
    return {row["account_id"]: AccountKind(row["kind"]) for row in rows}


async def add_account(account_id: str, owner: str, kind: AccountKind, now: datetime) -> None:
    """A new account with nothing on it."""
    await Account.create(account_id=account_id, owner=owner, kind=kind.value, guarded_fen=0, opened_at=now)


async def stored_content(database: Database, journal_id: str) -> bytes | None:
    """Fingerprint of the journal with this id, or None."""
    rows = await database.fetch(_CONTENT, journal_id)
    return bytes(rows[0]["content_sha256"]) if rows else None


async def add_journal(database: Database, journal: Journal, now: datetime, booked_on: date | None = None) -> None:
    """Writes head and lines; `booked_on` where the accounting day is not the value date."""
    head = (journal.journal_id, journal.value_date, booked_on, journal.narrative, content_sha256(journal), now)
    await database.execute(_ADD_JOURNAL, *head)
    lines = [(journal.journal_id, line.account_id, line.debit_fen, line.credit_fen) for line in journal.lines]
    await database.execute_many(_ADD_LINE, lines)


async def move_balance(database: Database, account_id: str, change_fen: int) -> bool:
    """Adds to a guarded balance; False when that would overdraw it. One statement: racing writers queue on the row."""
    changed = await database.execute(
        "UPDATE accounting_account SET guarded_fen = guarded_fen + $1 WHERE account_id = $2 AND guarded_fen + $3 >= 0",
        change_fen,
        account_id,
        change_fen,
    )
    return changed == 1


async def credits_minus_debits(database: Database, account_id: str) -> int:
    """Sum of an account's lines, in fen."""
    rows = await database.fetch(
        "SELECT COALESCE(SUM(credit_fen - debit_fen), 0) AS fen FROM accounting_line WHERE account_id = $1", account_id
    )
    return int(rows[0]["fen"])


async def sums_by_account(database: Database) -> dict[str, tuple[int, int]]:
    """Debits and credits of every account that has lines, in fen."""
    rows = await database.fetch(
        "SELECT account_id, SUM(debit_fen) AS debit_fen, SUM(credit_fen) AS credit_fen"
        " FROM accounting_line GROUP BY account_id ORDER BY account_id"
    )
    return {row["account_id"]: (int(row["debit_fen"]), int(row["credit_fen"])) for row in rows}


async def guarded_balances() -> dict[str, int]:
    """Kept balance of every guarded account, for comparing it with its lines."""
    guarded = await Account.filter(kind__in=[kind.value for kind in GUARDED])
    return {account.account_id: account.guarded_fen for account in guarded}
