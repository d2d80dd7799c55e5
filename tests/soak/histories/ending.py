"""How a history ends: whatever happened before, everything that is owed can be paid, and then nothing is held."""

from __future__ import annotations

from datetime import timedelta

from tests.soak.histories.life import Life
from tests.unit.hub.lending.world import BUYER

ENOUGH_FEN = 50_000_000
LONGER_THAN_ANY_TERM = timedelta(days=185)


async def come_to_an_end(life: Life) -> None:
    """Outages are over, orders of courts are lifted, everybody has money, every term is over."""
    world = life.world
    world.chain.away = world.registry.away = world.trade.erps.tax.away = False
    for row in await life.rows("SELECT freeze_id FROM receivables_freeze WHERE lifted_at IS NULL ORDER BY freeze_id"):
        await _lift(life, row["freeze_id"])
    await world.fund(BUYER, ENOUGH_FEN)
    await life.drain()
    world.clock.advance(LONGER_THAN_ANY_TERM)
    for _ in range(2):
        await life.drain()
        await world.service.tick()
    for row in await life.rows("SELECT loan_id FROM lending_loan WHERE NOT closed ORDER BY loan_id"):
        await _pay(life, row["loan_id"])
    await life.drain()
    await _check_that_nothing_is_held(life)


async def _lift(life: Life, name: str) -> None:
    await life.run(lambda: life.receivables.freezes.unfreeze(name, f"{name}之终"))


async def _pay(life: Life, loan_id: str) -> None:
    loan = await life.service.loans.find(loan_id)
    borrower, gone_fen, owed_fen = loan.record.borrower, loan.written_off_fen, int(loan.owed.total_fen)
    await life.world.fund(borrower, (gone_fen or owed_fen) + 1)
    if gone_fen:
        await life.run(lambda: life.service.workouts.recover(loan_id, borrower, gone_fen))
    elif owed_fen:
        await life.world.repay(borrower, owed_fen, loan_id)


NOTHING_IS_LEFT = """
SELECT 'unpaid receivable' AS law, receivable_id AS what FROM receivables_receivable
WHERE state IN ('CONFIRMED', 'CERTIFICATED', 'PLEDGED', 'ASSIGNED', 'OVERDUE', 'DEFAULTED')
UNION ALL SELECT 'limit in use', limit_id FROM lending_limit WHERE blocked_fen <> 0 OR utilised_fen <> 0
UNION ALL SELECT 'open application', financing_id FROM lending_financing
    WHERE state IN ('SUBMITTED', 'CHECKED', 'REFERRED', 'OFFERED', 'ACCEPTED', 'SIGNED')
UNION ALL SELECT 'open order loan', loan_id FROM lending_order_loan WHERE state IN ('OFFERED', 'SIGNED', 'DISBURSED')
UNION ALL SELECT 'open auction', auction_id FROM lending_auction WHERE state IN ('OPEN', 'AWARDED')
UNION ALL SELECT 'money aside', account_id FROM accounting_account
    WHERE kind IN ('ESCROW', 'ENTRUSTED') AND guarded_fen <> 0
UNION ALL SELECT 'unspent certificate', certificate_id FROM receivables_certificate
    WHERE state IN ('ISSUED', 'HELD', 'BLOCKED', 'FINANCED', 'FROZEN', 'DUE')
UNION ALL SELECT 'a conversion waits for what is gone', c.id FROM lending_conversion c
    JOIN receivables_receivable r ON r.receivable_id = c.receivable_id WHERE c.state = 'PENDING' AND r.state = 'VOID'
UNION ALL SELECT 'what is gone is claimed', c.claim_id FROM lending_claim c
    JOIN receivables_receivable r ON r.receivable_id = c.receivable_id
    WHERE c.state IN ('PENDING', 'FINANCED') AND r.state = 'VOID'
UNION ALL SELECT 'undelivered message', topic || ' ' || key FROM platform_outbox WHERE state <> 'done'
"""


async def _check_that_nothing_is_held(life: Life) -> None:
    left = [(row["law"], row["what"]) for row in await life.rows(NOTHING_IS_LEFT)]
    assert not left, left
    posted_fen = sum(entry.debit_fen - entry.credit_fen for entry in life.world.erps.entries)
    [paid] = await life.rows("SELECT COALESCE(SUM(redeemed_fen + direct_fen), 0) AS fen FROM receivables_receivable")
    assert posted_fen == paid["fen"], "the buyer's own ledger says something else than ours"
