"""SQL of the accrued interest at day closes: set-based on PostgreSQL, read for the engine on both databases.

Both set-based steps are exact: sums and products of PostgreSQL's `numeric` are, and the one division is `div`, which
gives the whole quotient. Half a fen and more is a fen, as the engine rounds: div(2a + u, 2u) for a ≥ -u/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from huilian_loans.daycount import DayCount, Interval, year_units

from hub.accounting.stored_days import day_value
from hub.lending.accruals.rules import Mark
from hub.lending.loans.store import LoanDetailRow, LoanEventRow, LoanRow
from hub.lending.loans.stored import EVENT_COLUMNS, LoanEventRecord
from hub.platform.database import Database

_COLUMNS = "business_day, loan_id, through_sequence, accrued_fen, change_fen, accrual, per_unit, basis, next_turn"
_READ_AT_ONCE = 500

_CARRY = f"""
INSERT INTO lending_accrual ({_COLUMNS})
SELECT $1::date, loan_id, through_sequence, fen, fen - accrued_fen, total, per_unit, basis, next_turn FROM (
  SELECT c.*, GREATEST(div(2 * total + year, 2 * year), 0)::bigint AS fen FROM (
    SELECT p.*, CASE p.basis WHEN 'ACT/365' THEN 365 ELSE 360 END AS year,
      p.accrual + p.per_unit * CASE p.basis WHEN '30E/360' THEN $5::int ELSE 1 END AS total
    FROM lending_accrual p JOIN lending_loan l ON l.loan_id = p.loan_id
    WHERE p.business_day = $2::date AND p.loan_id > $3::text AND p.loan_id <= $4::text
      AND l.loan_id > $3::text AND l.loan_id <= $4::text
      AND p.basis IS NOT NULL AND (p.next_turn IS NULL OR p.next_turn > $1::date)
      AND (NOT l.closed OR p.accrued_fen <> 0 OR p.per_unit <> 0)
      AND NOT EXISTS (SELECT 1 FROM lending_loan_event e WHERE e.loan_id = p.loan_id
        AND e.sequence > p.through_sequence AND e.loan_id > $3::text AND e.loan_id <= $4::text)
  ) c
) d
"""  # noqa: S608  constants

# A loan is a case for the one formula when all its terms are known here, when it was never late by its plan, and when
# every event was booked on its day and says itself what it paid: then no replay can give another spread.
_LINEAR = f"""
WITH candidate AS (
  SELECT l.loan_id, COALESCE(p.accrued_fen, 0) AS before_fen,
    (l.terms ->> 'annual_rate')::numeric AS rate,
    COALESCE((l.terms ->> 'penalty_multiplier')::numeric, 1) - 1 AS penalty,
    l.terms ->> 'day_count' AS basis,
    CASE l.terms ->> 'day_count' WHEN 'ACT/365' THEN 365 ELSE 360 END AS year,
    (l.terms ->> 'maturity')::date AS maturity,
    COALESCE((l.terms -> 'repayment' ->> 'first_due_date')::date, (l.terms ->> 'maturity')::date) AS first_turn,
    l.terms ? 'repayment' AS planned
  FROM lending_loan l
  LEFT JOIN lending_accrual p ON p.business_day = $2::date AND p.loan_id = l.loan_id
    AND p.loan_id > $3::text AND p.loan_id <= $4::text
  LEFT JOIN lending_accrual d ON d.business_day = $1::date AND d.loan_id = l.loan_id
    AND d.loan_id > $3::text AND d.loan_id <= $4::text
  WHERE l.loan_id > $3::text AND l.loan_id <= $4::text AND l.funder IS NULL AND d.loan_id IS NULL
    AND (NOT l.closed OR p.accrued_fen <> 0 OR p.per_unit <> 0 OR EXISTS (
      SELECT 1 FROM lending_loan_event e WHERE e.loan_id = l.loan_id AND e.value_date > $1::date))
    AND l.terms ->> 'day_count' IN ('ACT/360', 'ACT/365')
    AND COALESCE((l.terms ->> 'rounding_quantum_fen')::numeric, 1) = 1
    AND l.terms - ARRAY['product_id', 'product_version', 'annual_rate', 'day_count', 'interval',
      'rounding_quantum_fen', 'waterfall', 'penalty_multiplier', 'maturity', 'repayment'] = '{{}}'::jsonb
    AND COALESCE(l.terms -> 'repayment', '{{}}'::jsonb) - ARRAY['kind', 'first_due_date', 'every_months', 'month_end',
      'prepayment', 'grace_days'] = '{{}}'::jsonb
    AND NOT EXISTS (SELECT 1 FROM lending_loan_detail x WHERE x.loan_id = l.loan_id)
), moved AS (
  SELECT e.loan_id, max(e.sequence) AS through_sequence, min(e.value_date) AS first_day,
    bool_and(e.kind IN ('DRAW', 'FEE', 'REPAYMENT', 'RECOURSE', 'BUY_BACK')
      AND (e.booked_at AT TIME ZONE 'Asia/Shanghai')::date = e.value_date) AS simple,
    min(e.value_date) FILTER (WHERE e.value_date > $1::date) AS next_event,
    COALESCE(sum(m.fen) FILTER (WHERE e.value_date <= $1::date), 0) AS principal,
    COALESCE(sum(m.fen * ($1::date - e.value_date)) FILTER (WHERE e.value_date <= $1::date), 0) AS fen_days,
    COALESCE(sum(m.fen * GREATEST($1::date - GREATEST(e.value_date, c.maturity), 0))
      FILTER (WHERE e.value_date <= $1::date), 0) AS late_fen_days,
    COALESCE(sum(e.interest_part_fen) FILTER (WHERE e.value_date <= $1::date), 0) AS paid
  FROM candidate c JOIN lending_loan_event e ON e.loan_id = c.loan_id
    CROSS JOIN LATERAL (SELECT (CASE e.kind WHEN 'DRAW' THEN e.amount_fen ELSE 0 END - e.principal_part_fen)::numeric
      AS fen) m
  WHERE e.loan_id > $3::text AND e.loan_id <= $4::text
  GROUP BY e.loan_id
), reckoned AS (
  SELECT c.*, m.through_sequence, rate * fen_days + rate * penalty * late_fen_days - year * paid AS total,
    rate * principal * (1 + CASE WHEN $1::date >= maturity THEN penalty ELSE 0 END) AS per_unit,
    LEAST(m.next_event, CASE WHEN first_turn > $1::date THEN first_turn END) AS next_turn
  FROM candidate c JOIN moved m ON m.loan_id = c.loan_id
  WHERE m.simple AND m.first_day <= $1::date AND c.rate >= 0 AND scale(c.rate) + scale(c.penalty) <= 20
    AND (NOT c.planned OR $1::date < c.first_turn)
)
INSERT INTO lending_accrual ({_COLUMNS})
SELECT $1::date, loan_id, through_sequence, fen, fen - before_fen, total, per_unit, basis, next_turn FROM (
  SELECT r.*, GREATEST(div(2 * total + year, 2 * year), 0)::bigint AS fen FROM reckoned r
) x
"""  # noqa: S608  constants

_LEFT = """
SELECT l.loan_id, COALESCE(p.accrued_fen, 0) AS before_fen FROM lending_loan l
LEFT JOIN lending_accrual p ON p.business_day = $2 AND p.loan_id = l.loan_id
  AND p.loan_id > $3 AND p.loan_id <= $4
LEFT JOIN lending_accrual d ON d.business_day = $1 AND d.loan_id = l.loan_id
  AND d.loan_id > $3 AND d.loan_id <= $4
WHERE l.loan_id > $3 AND l.loan_id <= $4 AND l.funder IS NULL AND d.loan_id IS NULL
  AND (NOT l.closed OR p.accrued_fen <> 0 OR CAST(p.per_unit AS REAL) <> 0 OR EXISTS (
    SELECT 1 FROM lending_loan_event e WHERE e.loan_id = l.loan_id AND e.value_date > $1))
  AND EXISTS (SELECT 1 FROM lending_loan_event e WHERE e.loan_id = l.loan_id AND e.value_date <= $1
    AND e.loan_id > $3 AND e.loan_id <= $4)
ORDER BY l.loan_id
"""


@dataclass(frozen=True)
class Left:
    """A loan for the engine: its terms and events, and what it owed at the close before, in fen."""

    loan_id: str
    terms: dict[str, Any]
    events: tuple[LoanEventRecord, ...]
    before_fen: int


@dataclass(frozen=True)
class Batch:
    """Loans after one id up to another, on one day."""

    day: date
    after: str
    until: str


async def next_batch(database: Database, day: date, after: str, size: int) -> Batch | None:
    """The next loans in the order of their ids, or None when there are none."""
    inner = "SELECT loan_id FROM lending_loan WHERE loan_id > $1 ORDER BY loan_id LIMIT $2"
    rows = await database.fetch(f"SELECT MAX(loan_id) AS until FROM ({inner}) b", after, size)  # noqa: S608  constant
    until = rows[0]["until"]
    return None if until is None else Batch(day, after, str(until))


async def accrue_set_based(database: Database, batch: Batch) -> None:
    """Writes the rows that SQL can reckon exactly; on SQLite, whose numbers are not exact, none."""
    if database.dialect != "postgres":
        return
    # Where the planner has no figures for the range it takes loops over pairs of rows: minutes instead of a second.
    for setting in ("enable_nestloop", "jit"):
        await database.execute(f"SET LOCAL {setting} = off")
    before = batch.day - timedelta(days=1)
    units = year_units(DayCount.THIRTY_E_360, before, batch.day, Interval.START_INCLUDED)
    await database.execute(_CARRY, batch.day, before, batch.after, batch.until, units)
    await database.execute(_LINEAR, batch.day, before, batch.after, batch.until)


async def left(database: Database, batch: Batch) -> list[Left]:
    """The batch's loans that have no row yet, for the engine."""
    before = batch.day - timedelta(days=1)
    days = (day_value(database, batch.day), day_value(database, before))
    rows = await database.fetch(_LEFT, *days, batch.after, batch.until)
    found: list[Left] = []
    for start in range(0, len(rows), _READ_AT_ONCE):
        found += await _read(rows[start : start + _READ_AT_ONCE])
    return found


async def _read(rows: Sequence[dict[str, Any]]) -> list[Left]:
    before = {row["loan_id"]: int(row["before_fen"]) for row in rows}
    events: dict[str, list[LoanEventRecord]] = {loan_id: [] for loan_id in before}
    details: dict[tuple[str, int], Any] = {}
    for detail in await LoanDetailRow.filter(loan_id__in=list(before)).values("loan_id", "sequence", "content"):
        details[detail["loan_id"], detail["sequence"]] = detail["content"]
    booked = LoanEventRow.filter(loan_id__in=list(before)).order_by("loan_id", "sequence")
    for row in await booked.values("loan_id", *EVENT_COLUMNS):
        loan_id = row.pop("loan_id")
        events[loan_id].append(LoanEventRecord(**row, content=details.get((loan_id, row["sequence"]), {})))
    terms = {
        row["loan_id"]: row["terms"]
        for row in await LoanRow.filter(loan_id__in=list(before)).values("loan_id", "terms")
    }
    return [Left(loan_id, terms[loan_id], tuple(events[loan_id]), before[loan_id]) for loan_id in before]


async def add(database: Database, day: date, marked: Sequence[tuple[Left, Mark]]) -> None:
    """Writes the rows that the engine reckoned."""
    places = ", ".join(f"${number}" for number in range(1, 10))
    rows = [
        (
            day_value(database, day),
            one.loan_id,
            at.through_sequence,
            at.accrued_fen,
            at.accrued_fen - one.before_fen,
            at.accrual if database.dialect == "postgres" else format(at.accrual, "f"),
            at.per_unit if database.dialect == "postgres" else format(at.per_unit, "f"),
            at.basis,
            None if at.next_turn is None else day_value(database, at.next_turn),
        )
        for one, at in marked
    ]
    await database.execute_many(f"INSERT INTO lending_accrual ({_COLUMNS}) VALUES ({places})", rows)  # noqa: S608


async def sums(database: Database, batch: Batch) -> tuple[int, int, int]:
    """Loans with a row in the batch, what they owe, and by how much that changed; in fen."""
    rows = await database.fetch(
        "SELECT COUNT(*) AS loans, COALESCE(SUM(accrued_fen), 0) AS accrued, COALESCE(SUM(change_fen), 0) AS change"
        " FROM lending_accrual WHERE business_day = $1 AND loan_id > $2 AND loan_id <= $3",
        day_value(database, batch.day),
        batch.after,
        batch.until,
    )
    return int(rows[0]["loans"]), int(rows[0]["accrued"]), int(rows[0]["change"])
