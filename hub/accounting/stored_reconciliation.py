"""SQL of statements, their entries, and what was matched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.accounting.camt053 import BankStatement
from hub.accounting.matching import Booking, Entry, Finding, is_ours, statement_reference
from hub.accounting.store_reconciliation import MatchedEntryRow, MatchedJournalRow, StatementEntryRow, StatementRow
from hub.accounting.stored_days import day_value
from hub.platform.database import Database
from hub.platform.paging import Page, after_token, page_of

_SUM = "COALESCE(SUM(l.debit_fen - l.credit_fen), 0)"


@dataclass(frozen=True)
class Imported:
    """A statement as it was taken in, see `store_reconciliation.StatementRow`."""

    statement_key: str
    statement_id: str
    account_id: str
    sequence: int
    from_date: date
    to_date: date
    opening_fen: int
    closing_fen: int
    baseline_fen: int
    entries: int
    content_sha256: bytes
    imported_by: str
    created_at: datetime


async def find(statement_key: str) -> Imported | None:
    """The statement, or None."""
    row = await StatementRow.get_or_none(statement_key=statement_key)
    return None if row is None else _imported(row)


async def first_and_last(account_id: str) -> tuple[Imported, Imported] | None:
    """The first and the last statement of an account, None before there is one."""
    rows = StatementRow.filter(account_id=account_id)
    first, last = await rows.order_by("sequence").first(), await rows.order_by("-sequence").first()
    return None if first is None or last is None else (_imported(first), _imported(last))


async def page(account_id: str, size: int, token: str) -> Page[Imported]:
    """Statements of one account, newest first. Raises INVALID_ARGUMENT for a foreign token."""
    rows = StatementRow.filter(after_token(token, StatementRow, "statement_key"), account_id=account_id)
    found = await rows.order_by("-created_at", "-statement_key").limit(size + 1)
    return page_of(found, size, "statement_key", _imported)


async def add(imported: Imported, statement: BankStatement, findings: dict[str, Finding]) -> None:
    """Writes a statement and its entries with what they were found to be."""
    await StatementRow.create(**{name: getattr(imported, name) for name in Imported.__dataclass_fields__})
    await StatementEntryRow.bulk_create(
        StatementEntryRow(
            entry_id=(entry_id := entry_key(imported.statement_key, entry.number)),
            statement_key=imported.statement_key,
            account_id=imported.account_id,
            booked_on=entry.booked_on,
            amount_fen=entry.amount_fen,
            # What payers write may name anybody: only references that we gave are kept.
            reference=entry.reference if is_ours(entry.reference) else "",
            bank_reference=entry.bank_reference,
            outcome=findings[entry_id].outcome,
        )
        for entry in statement.entries
    )


def entry_key(statement_key: str, number: int) -> str:
    """The id of an entry: where it stands in its statement."""
    return f"{statement_key}#{number}"


async def unmatched_entries(database: Database, account_id: str) -> list[Entry]:
    """Entries of an account that nothing accounts for, oldest first."""
    rows = await database.fetch(
        "SELECT e.entry_id, e.booked_on, e.amount_fen, e.reference FROM accounting_statement_entry e"
        " LEFT JOIN accounting_matched_entry m ON m.entry_id = e.entry_id"
        " WHERE e.account_id = $1 AND m.entry_id IS NULL ORDER BY e.booked_on, e.entry_id",
        account_id,
    )
    return [Entry(row["entry_id"], _date(row["booked_on"]), int(row["amount_fen"]), row["reference"]) for row in rows]


async def open_bookings(database: Database, account_id: str, first: Imported | None) -> list[Booking]:
    """Journals on an account that nothing accounts for, in the order of value dates.

    What was in the books before the first statement began is its baseline and not looked for.
    """
    late, begins = (first.created_at, first.from_date) if first else (None, None)
    scope = "" if late is None else " AND (j.value_date >= $2 OR j.posted_at > $3)"
    values = () if late is None or begins is None else (day_value(database, begins), late)
    rows = await database.fetch(
        f"SELECT j.journal_id, j.value_date, {_SUM} AS fen FROM accounting_line l"  # noqa: S608 constants only
        " JOIN accounting_journal j ON j.journal_id = l.journal_id"
        " LEFT JOIN accounting_matched_journal m ON m.journal_id = l.journal_id AND m.account_id = l.account_id"
        f" WHERE l.account_id = $1 AND m.id IS NULL{scope} GROUP BY j.journal_id, j.value_date"
        f" HAVING {_SUM} <> 0 ORDER BY j.value_date, j.journal_id",
        account_id,
        *values,
    )
    return [Booking(row["journal_id"], _date(row["value_date"]), int(row["fen"])) for row in rows]


async def balance_before(database: Database, account_id: str, day: date) -> int:
    """What the books had on an account (debits less credits, in fen) by value dates before a day."""
    rows = await database.fetch(
        f"SELECT {_SUM} AS fen FROM accounting_line l JOIN accounting_journal j ON j.journal_id = l.journal_id"  # noqa: S608 constants only
        " WHERE l.account_id = $1 AND j.value_date < $2",
        account_id,
        day_value(database, day),
    )
    return int(rows[0]["fen"])


async def used_references(account_id: str, references: Collection[str]) -> set[str]:
    """Those references whose bookings are accounted for already."""
    wanted, used = sorted(references), set[str]()
    for first in range(0, len(wanted), 500):
        rows = MatchedJournalRow.filter(account_id=account_id, reference__in=wanted[first : first + 500])
        used |= set(await rows.values_list("reference", flat=True))  # type: ignore[arg-type]
    return used


async def match(account_id: str, groups: Sequence[tuple[Sequence[str], Sequence[str]]], now: datetime) -> None:
    """Joins entries with journals for good, group by group. The database refuses what is joined already."""
    entries = [(one, _match_id(*group)) for group in groups for one in group[0]]
    journals = [(one, _match_id(*group)) for group in groups for one in group[1]]
    await MatchedEntryRow.bulk_create(
        MatchedEntryRow(entry_id=entry_id, match_id=match_id, created_at=now) for entry_id, match_id in entries
    )
    await MatchedJournalRow.bulk_create(
        MatchedJournalRow(
            journal_id=journal_id,
            account_id=account_id,
            reference=statement_reference(journal_id),
            match_id=match_id,
            created_at=now,
        )
        for journal_id, match_id in journals
    )


def _match_id(entry_ids: Sequence[str], journal_ids: Sequence[str]) -> str:
    return entry_ids[0] if entry_ids else journal_ids[0]


async def covered(account_id: str, first: date, last: date) -> list[tuple[date, date]]:
    """The days of statements that touch a span: (from, to), both inclusive."""
    rows = StatementRow.filter(account_id=account_id, from_date__lte=last, to_date__gte=first)
    return [(row.from_date, row.to_date) for row in await rows.order_by("sequence")]


def _imported(row: StatementRow) -> Imported:
    values: dict[str, Any] = {name: getattr(row, name) for name in Imported.__dataclass_fields__}
    return Imported(**{**values, "content_sha256": bytes(row.content_sha256)})


def _date(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value
