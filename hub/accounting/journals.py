"""Reading the books: sums by line of the chart, and journals a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hub.accounting.chart import ChartEntry, chart
from hub.accounting.rules import AccountKind, Line
from hub.accounting.store import JournalRow, LineRow
from hub.platform.database import Database
from hub.platform.paging import Page, id_token

LONGEST_ID = 128


@dataclass(frozen=True)
class StoredJournal:
    """A journal as booked; each line with its code in the chart."""

    journal_id: str
    value_date: date
    booked_on: date
    narrative: str
    lines: tuple[tuple[str, Line], ...]


async def sums_by_entry(database: Database) -> list[tuple[ChartEntry, tuple[int, int]]]:
    """Every line of the chart with its debits and credits, in fen; lines without journals too."""
    rows = await database.fetch(
        "SELECT a.kind, SUM(l.debit_fen) AS debit_fen, SUM(l.credit_fen) AS credit_fen"
        " FROM accounting_line l JOIN accounting_account a ON a.account_id = l.account_id GROUP BY a.kind"
    )
    sums = {AccountKind(row["kind"]): (int(row["debit_fen"]), int(row["credit_fen"])) for row in rows}
    return [(entry, sums.get(kind, (0, 0))) for kind, entry in chart().items()]


async def page(token: str, size: int) -> Page[StoredJournal]:
    """Journals in the order of their ids. Raises INVALID_ARGUMENT for a text that is no token of this list."""
    after = id_token(token, LONGEST_ID)
    rows = await JournalRow.filter(journal_id__gt=after).order_by("journal_id").limit(size + 1)
    shown = rows[:size]
    lines: dict[str, list[tuple[str, Line]]] = {row.journal_id: [] for row in shown}
    found = LineRow.filter(journal_id__in=list(lines)).order_by("id")
    for row in await found.values("journal_id", "account_id", "account__kind", "debit_fen", "credit_fen"):
        code = chart()[AccountKind(row["account__kind"])].code
        lines[row["journal_id"]].append((code, Line(row["account_id"], row["debit_fen"], row["credit_fen"])))
    items = tuple(
        StoredJournal(
            row.journal_id, row.value_date, row.booked_on or row.value_date, row.narrative, tuple(lines[row.journal_id])
        )
        for row in shown
    )
    return Page(items, shown[-1].journal_id if len(rows) > size else "")
