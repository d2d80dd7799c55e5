"""The checks of the histories themselves: a breach is seen and named, and a failure is made small."""

from __future__ import annotations

import re

import pytest

from hub.platform.database import Database
from tests.soak.databases import on_fresh_database
from tests.soak.histories.history import History, drawn, shrunk
from tests.soak.histories.machine import explore
from tests.support.breaking import Broken

SEED, STEPS = 3, 180
BREACHES = {
    "UPDATE receivables_receivable SET issued_fen = issued_fen - 1 WHERE state = 'CERTIFICATED'":
        "unspent + redeemed = issued",
    "UPDATE receivables_certificate SET due_date = '2031-01-01'": "maturity is the receivable",
    "UPDATE receivables_certificate SET amount_fen = amount_fen + 1 WHERE state = 'SPLIT'": "outputs are worth",
    "UPDATE lending_limit SET utilised_fen = utilised_fen + 1": "blocked + utilised = uses",
    "UPDATE lending_limit_use SET utilised_fen = utilised_fen + 1": "utilised = principal in the books",
    "UPDATE lending_claim SET state = 'RELEASED'": "rests on a live claim",
    "UPDATE lending_order_line SET principal_fen = ordered_fen": "advance <= rate x goods",
    "UPDATE accounting_account SET guarded_fen = guarded_fen + 1 WHERE kind = 'DEPOSIT'": "sum of its lines",
    "UPDATE accounting_account SET guarded_fen = guarded_fen + 1 WHERE kind = 'ESCROW'": "money is aside",
    "UPDATE accounting_account SET guarded_fen = guarded_fen + 1 WHERE kind = 'ENTRUSTED'": "owes a funder",
    "UPDATE lending_bid SET annual_rate = '0.001' WHERE state = 'LOST'": "the best rate wins",
    "UPDATE lending_bid SET annual_rate = '0.07' WHERE state = 'WON'": "above what the holder accepts",
    "UPDATE lending_bid SET state = 'LOST' WHERE state = 'WON'": "one bid wins",
    "UPDATE lending_dealer_loan SET limit_fen = 1 WHERE state = 'DISBURSED'": "no more than its limit",
    "UPDATE lending_dealer_loan SET state = 'EXPIRED' WHERE state = 'DISBURSED'": "a dealer's loan was signed",
    "UPDATE receivables_certificate SET holder_uscc = issuer_uscc": "log ",
    "UPDATE platform_outbox SET last_error = 'KeyError'": "a message fails for what it may",
}  # fmt: skip


async def test_every_breach_is_seen() -> None:
    async def play(database: Database) -> None:
        history = History(database)
        await history.play(drawn(SEED, STEPS), ends=False)
        for statement, law in BREACHES.items():
            with pytest.raises(Broken):
                async with database.transaction():
                    assert await database.execute(statement), f"nothing to break: {statement}"
                    with pytest.raises(AssertionError, match=re.escape(law)):
                        await history.checks.check()
                    raise Broken
        await history.checks.check()

    await on_fresh_database("sqlite", None, play)


async def test_steps_that_a_failure_does_not_need_are_left_out() -> None:
    async def breaks(steps: list[int]) -> bool:
        return {3, 17} <= set(steps)

    assert await shrunk(list(range(20)), breaks) == [3, 17]


def test_hypothesis_plays_the_same_steps() -> None:
    assert explore("sqlite", 1, examples=2, steps=12).checks > 12


def test_hypothesis_tells_the_steps_that_break(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise AssertionError("a law")

    monkeypatch.setattr(History, "step", broken)
    with pytest.raises(AssertionError, match="a law") as failure:
        explore("sqlite", 1, examples=2, steps=2)
    told = [line for line in failure.value.__notes__ if line.startswith("state.step(")]
    assert len(told) == 1, "one step is enough"
