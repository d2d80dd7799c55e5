"""Random loans for day closes, and what must hold after a close."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from huilian_loans import EngineError, owed, position, replay
from huilian_loans.documents import read_terms
from huilian_loans.schedule import add_months

from hub.accounting.closing import CLOSED, DayClose
from hub.lending.loans import stored
from hub.lending.loans.bookings import paid_event
from hub.lending.loans.store import LoanRow
from hub.lending.loans.stored import DRAW, FEE, RECOURSE, REPAYMENT, REVERSAL, LoanEventRecord, LoanRecord
from hub.platform.database import Database
from tests.unit.hub.lending.world import LendingWorld

BORROWER = "91449900MA0H00029R"


def terms(rng: random.Random, start: date) -> dict[str, Any]:
    """Mostly what the bank's products have, sometimes what only the engine can reckon."""
    document: dict[str, Any] = {
        "annual_rate": f"0.{rng.randint(1, 1800):04d}",
        "day_count": rng.choice(["ACT/360", "ACT/360", "ACT/365", "30E/360", "ACT/ACT"]),
        "maturity": (start + timedelta(days=rng.randint(1, 90))).isoformat(),
        "penalty_multiplier": rng.choice(["1", "1.5", "1.3"]),
    }
    if rng.random() < 0.5:
        first = start + timedelta(days=rng.randint(1, 30))
        document["maturity"] = add_months(first, rng.randint(1, 3)).isoformat()
        document["repayment"] = {
            "kind": rng.choice(["equal_instalment", "equal_principal", "interest_only"]),
            "first_due_date": first.isoformat(),
            "every_months": 1,
            "grace_days": rng.choice([0, 0, 1]),
        }
    elif rng.random() < 0.2:
        document["repayment"] = {"kind": "bullet", "grace_days": 3}
    return document


async def add_loan(rng: random.Random, loan_id: str, start: date) -> None:
    """One loan, drawn on its first day; a few have a fee that was withheld."""
    document = terms(rng, start)
    await stored.add(
        LoanRecord(
            loan_id=loan_id,
            borrower=BORROWER,
            is_person=False,
            product_id="test",
            revolving=False,
            limit_fen=10**12,
            terms=document,
            maturity=date.fromisoformat(document["maturity"]),
            certificate_id=None,
            financing_id=None,
            claim_id=None,
            closed=False,
            created_at=_noon(start),
            funder="91449900MA0H00037L" if rng.random() < 0.05 else None,
        )
    )
    await stored.add_event(loan_id, LoanEventRecord(0, DRAW, start, rng.randint(1, 10**10)), _noon(start))
    if rng.random() < 0.3:
        await stored.add_event(loan_id, LoanEventRecord(1, FEE, start, 7), _noon(start))
        paid = LoanEventRecord(2, REPAYMENT, start, 7, fees_part_fen=7)
        await stored.add_event(loan_id, paid, _noon(start))


async def something_happens(database: Database, rng: random.Random, loan_id: str, today: date) -> None:
    """A repayment of today or of before, a reversal, a draw; what the engine refuses does not happen."""
    record = await stored.find(loan_id)
    assert record is not None
    if record.closed:
        return
    events = await stored.events_of(database, loan_id)
    sequence, kind = events[-1].sequence + 1, rng.choice([REPAYMENT, REPAYMENT, RECOURSE, DRAW, REVERSAL])
    day = today if rng.random() < 0.6 else max(events[0].value_date, today - timedelta(days=rng.randint(0, 10)))
    event = LoanEventRecord(sequence, kind, day, rng.randint(1, 10**9))
    if kind == REVERSAL:
        gone = {known.content["reversed_sequence"] for known in events if known.kind == REVERSAL}
        standing = [known.sequence for known in events if known.kind == REPAYMENT and known.sequence not in gone]
        if not standing:
            return
        event = LoanEventRecord(sequence, kind, today, 1, content={"reversed_sequence": rng.choice(standing)})
    elif rng.random() < 0.3 and kind != DRAW:
        most = owed(read_terms(record.terms), position(read_terms(record.terms), stored.engine_events(events), day))
        event = LoanEventRecord(sequence, kind, day, max(int(most.total_fen), 1))
    try:
        history = replay(read_terms(record.terms), stored.engine_events([*events, event]))
    except EngineError:
        return
    mine = [applied.paid for applied in history if applied.event.sequence == sequence]
    if mine:
        event = paid_event(event, mine[0])
    await stored.add_event(loan_id, event, _noon(today))
    at = position(read_terms(record.terms), stored.engine_events([*events, event]), today)
    if owed(read_terms(record.terms), at).total_fen == 0:
        await stored.close(loan_id)


async def engine_figures(database: Database, day: date) -> dict[str, int]:
    """What the engine says every loan of the bank's own owes as interest at the end of a day, in fen."""
    figures = {}
    for loan_id in await _loan_ids():
        record = await stored.find(loan_id)
        assert record is not None
        events = stored.engine_events(await stored.events_of(database, loan_id))
        if record.funder is None and any(event.value_date <= day for event in events):
            read = read_terms(record.terms)
            figures[loan_id] = int(owed(read, position(read, events, day)).interest_fen)
    return {loan_id: fen for loan_id, fen in figures.items() if fen}


async def booked_figures(database: Database, day: date) -> dict[str, int]:
    """What the close of a day wrote."""
    value = day if database.dialect == "postgres" else day.isoformat()
    sql = "SELECT loan_id, accrued_fen FROM lending_accrual WHERE business_day = $1 AND accrued_fen <> 0"
    return {row["loan_id"]: int(row["accrued_fen"]) for row in await database.fetch(sql, value)}


async def check_close(world: LendingWorld, close: DayClose) -> None:
    """Trial balance 0, every loan to the fen, and the books hold exactly their sum."""
    assert close.state == CLOSED
    assert close.debit_fen == close.credit_fen
    expected = await engine_figures(world.database, close.business_day)
    assert await booked_figures(world.database, close.business_day) == expected
    assert close.accrued_fen == sum(expected.values())
    assert (await world.book.trial_balance()).difference_fen == 0
    if (await world.book.trial_balance()).by_account.get("bank:accrued-interest"):
        assert await world.book.balance_fen("bank:accrued-interest") == close.accrued_fen
        assert await world.book.balance_fen("bank:accrued-income") == close.accrued_fen


async def _loan_ids() -> list[str]:
    return [str(one) for one in await LoanRow.all().values_list("loan_id", flat=True)]


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(4), UTC)
