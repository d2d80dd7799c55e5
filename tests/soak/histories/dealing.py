"""Steps of dealers: what they buy from the core enterprise and how they pay, and the loans that rest on it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

from huilian_loans.schedule import add_months

from hub.lending.dealers.desk import DealerWish
from hub.lending.products.definitions import DEALER_LOAN
from hub.receivables.service import Sale
from tests.soak.histories.life import Act, Life, Plan, one_of, refused_by
from tests.unit.hub.lending.world import BUYER
from tests.unit.hub.receivables.trade import DEALER

MONTHS, MONTH_FEN = 8, 2_000_000
LEAST_FEN = 100_000
SMALLER = 0.1
"""How often a month is a weak one: with several of them a person decides, or nobody lends."""


async def begin(life: Life, rng: random.Random) -> None:
    """What was bought before the history begins; both parties let the bank look at it."""
    first = add_months(life.today.replace(day=5), -MONTHS)
    life.world.trade.erps.sales = [_sale(life, rng, add_months(first, month), "paid") for month in range(MONTHS)]
    await _pull(life)
    for party in (BUYER, DEALER):
        await life.run(lambda party=party: life.receivables.sales.set_consent(party, BUYER, granted=True))


def _sale(life: Life, rng: random.Random, day: date, state: str) -> Sale:
    fen = MONTH_FEN // 3 if rng.random() < SMALLER else rng.randint(MONTH_FEN // 2, MONTH_FEN)
    name, due = life.name("sale"), day + timedelta(days=15)
    return Sale(BUYER, name, 1, DEALER, name, day, due, fen, state, due if state == "paid" else None)


async def _pull(life: Life) -> None:
    desk = life.receivables.sales
    pulled = await desk.pull(BUYER)
    taken = await life.run(lambda: desk.take_in(pulled))
    assert not taken.rejected, taken.rejected


async def sell(life: Life, rng: random.Random) -> Act | None:
    """The dealer buys more, and the hub reads it."""
    life.world.trade.erps.sales.append(_sale(life, rng, life.today, rng.choice(["paid", "paid", "posted"])))
    return Act(lambda: _pull(life))


async def settle_sale(life: Life, rng: random.Random) -> Act | None:
    """The dealer pays what it bought, in time or late; or the sale is withdrawn."""
    newest = {sale.document_id: sale for sale in life.world.trade.erps.sales}
    unpaid = [sale for sale in newest.values() if sale.state == "posted"]
    if not unpaid:
        return None
    sale = rng.choice(unpaid)
    paid = replace(sale, version=sale.version + 1, state="paid", paid_on=life.today)
    gone = replace(sale, version=sale.version + 1, state="cancelled")
    life.world.trade.erps.sales.append(paid if rng.random() < 0.9 else gone)
    return Act(lambda: _pull(life))


async def _application(life: Life, rng: random.Random, state: str) -> str | None:
    sql = "SELECT loan_id FROM lending_dealer_loan WHERE state = $1 ORDER BY loan_id"
    row = one_of(rng, await life.rows(sql, state))
    return None if row is None else str(row["loan_id"])


async def apply_as_dealer(life: Life, rng: random.Random) -> Act | None:
    """The dealer asks for a revolving limit; one application and one loan at a time."""
    live = await life.rows("SELECT 1 FROM lending_dealer_loan WHERE state IN ('OFFERED', 'REFERRED')")
    second = bool(live or await life.service.loans.open_of(DEALER, DEALER_LOAN))
    if second and rng.random() < 0.9:
        return None
    wish = DealerWish(life.name("dealer-loan"), BUYER, rng.randint(LEAST_FEN, MONTH_FEN), rng.randint(20, 90))
    refusals = refused_by("STATE_CONFLICT") if second else refused_by("LIMIT_EXCEEDED")
    return Act(lambda: life.run(lambda: life.service.dealers.apply(DEALER, wish)), refusals, certain=second)


async def sign_as_dealer(life: Life, rng: random.Random) -> Act | None:
    """The dealer signs and is paid at once."""
    loan_id = await _application(life, rng, "OFFERED")
    if loan_id is None:
        return None
    return Act(lambda: life.run(lambda: life.service.dealers.sign(DEALER, loan_id)), refused_by("OFFER_EXPIRED"))


async def withdraw_as_dealer(life: Life, rng: random.Random) -> Act | None:
    """The dealer takes an application back."""
    loan_id = await _application(life, rng, rng.choice(["OFFERED", "REFERRED"]))
    if loan_id is None:
        return None
    return Act(lambda: life.run(lambda: life.service.dealers.withdraw(DEALER, loan_id)))


async def review_dealer(life: Life, rng: random.Random) -> Act | None:
    """Two operators settle what a table left to a person; whoever proposed does not decide."""
    loan_id, approve, alone = await _application(life, rng, "REFERRED"), rng.random() < 0.8, rng.random() < 0.1
    if loan_id is None:
        return None
    desk, second = life.service.dealers, "operator-1" if alone else "operator-2"

    async def both() -> None:
        await life.run(lambda: desk.propose("operator-1", loan_id, "经办意见", approve=approve))
        await life.run(lambda: desk.review(second, loan_id, "复核意见", approve=approve))

    refusals = refused_by("PERMISSION_DENIED") if alone else refused_by("LIMIT_EXCEEDED")
    return Act(both, refusals, certain=alone)


async def draw_as_dealer(life: Life, rng: random.Random) -> Act | None:
    """More of it; never above the limit."""
    row = one_of(
        rng,
        await life.rows(
            "SELECT l.loan_id FROM lending_loan l JOIN lending_dealer_loan d ON d.loan_id = l.loan_id"
            " WHERE NOT l.closed ORDER BY l.loan_id"
        ),
    )
    if row is None:
        return None
    loan_id, fen = row["loan_id"], rng.choice([rng.randint(1, MONTH_FEN), 10**9])
    codes = refused_by("LIMIT_EXCEEDED", "STATE_CONFLICT")
    return Act(lambda: life.world.draw(DEALER, fen, loan_id), codes, certain=fen == 10**9)


STEPS: dict[str, tuple[int, Plan]] = {
    "sell": (3, sell),
    "settle sale": (6, settle_sale),
    "apply as dealer": (4, apply_as_dealer),
    "sign as dealer": (20, sign_as_dealer),
    "withdraw as dealer": (1, withdraw_as_dealer),
    "review dealer": (12, review_dealer),
    "draw as dealer": (3, draw_as_dealer),
}
