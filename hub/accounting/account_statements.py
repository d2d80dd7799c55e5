"""A party's account over a period: what it had, every movement, what it has.

By accounting days, so that the statement of a period whose days are closed never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from huilian_protocol.errors import HuilianError

from hub.accounting import store
from hub.accounting.matching import statement_reference
from hub.accounting.rules import deposit_account
from hub.accounting.stored_days import day_value
from hub.platform.database import Database

MOST_DAYS = 366
MOST_LINES = 5_000

_DAY = "COALESCE(j.booked_on, j.value_date)"
_BEFORE = (
    "SELECT COALESCE(SUM(l.credit_fen - l.debit_fen), 0) AS fen FROM accounting_line l"  # noqa: S608  constants
    f" JOIN accounting_journal j ON j.journal_id = l.journal_id WHERE l.account_id = $1 AND {_DAY} < $2"
)
_WITHIN = (
    f"SELECT {_DAY} AS day, j.journal_id, j.value_date, j.narrative, j.posted_at, l.id,"  # noqa: S608  constants
    " l.credit_fen - l.debit_fen AS fen FROM accounting_line l"
    " JOIN accounting_journal j ON j.journal_id = l.journal_id"
    f" WHERE l.account_id = $1 AND {_DAY} BETWEEN $2 AND $3 ORDER BY day, j.posted_at, l.id LIMIT {MOST_LINES + 1}"
)


@dataclass(frozen=True)
class Movement:
    """One line, in fen: above 0 for money in. `reference` names the journal without saying for whom else it was."""

    booked_on: date
    value_date: date
    narrative: str
    reference: str
    amount_fen: int
    balance_fen: int


@dataclass(frozen=True)
class AccountStatement:
    """A deposit account from `first_day` to `last_day`, both included; balances in fen."""

    party: str
    first_day: date
    last_day: date
    opening_fen: int
    movements: tuple[Movement, ...]

    @property
    def closing_fen(self) -> int:
        """What is there at the end of the last day."""
        return self.movements[-1].balance_fen if self.movements else self.opening_fen


async def statement_of(database: Database, party: str, first_day: date, last_day: date) -> AccountStatement:
    """A party's deposit account over a period.

    Raises NOT_FOUND (no account), INVALID_ARGUMENT (no period, more than MOST_DAYS days or MOST_LINES movements).
    """
    if not timedelta(0) <= last_day - first_day < timedelta(MOST_DAYS):
        raise HuilianError("INVALID_ARGUMENT", f"1 to {MOST_DAYS} days", field="last_day")
    account_id = deposit_account(party)
    if await store.find_account(account_id) is None:
        raise HuilianError("NOT_FOUND", resource="account")
    days = [day_value(database, day) for day in (first_day, last_day)]
    opening_fen = int((await database.fetch(_BEFORE, account_id, days[0]))[0]["fen"])
    rows = await database.fetch(_WITHIN, account_id, *days)
    if len(rows) > MOST_LINES:
        raise HuilianError("INVALID_ARGUMENT", f"more than {MOST_LINES} movements: a shorter period", field="last_day")
    balance_fen, movements = opening_fen, []
    for row in rows:
        balance_fen += int(row["fen"])
        movements.append(
            Movement(
                booked_on=_date(row["day"]),
                value_date=_date(row["value_date"]),
                narrative=row["narrative"],
                reference=statement_reference(row["journal_id"]),
                amount_fen=int(row["fen"]),
                balance_fen=balance_fen,
            )
        )
    return AccountStatement(party, first_day, last_day, opening_fen, tuple(movements))


def _date(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value
