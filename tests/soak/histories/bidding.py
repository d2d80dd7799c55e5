"""Steps of auctions: funders commit to a rate, open their bids in time or late, and the best of them lends."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from huilian_protocol.bid import commit_bid

from hub.lending.auctions.desk import Wish
from tests.soak.histories.lending import LEND, worth_lending_on
from tests.soak.histories.life import Act, Life, Plan, Row, moment_of, one_of, refused_by
from tests.unit.hub.lending.world import BUYER, SECOND_TIER
from tests.unit.hub.receivables.trade import DEALER

FACTOR = "91449900MA0H00053A"
FUNDERS = (DEALER, SECOND_TIER, FACTOR)
HIGHEST = Decimal("0.06")
RATES = ("0.03", "0.030", "0.04", "0.045", "0.06")
"""Few, so that some are equal: then the earlier bid wins."""
TOO_HIGH = "0.061"
NEARLY_ALL = 0.97
"""How often a step is one that can succeed, if there is one."""


@dataclass(frozen=True)
class Secret:
    """What only the funder knows of its bid until it opens it."""

    rate: Decimal
    salt: bytes


def secret_of(bid_id: str) -> Secret:
    """The rate and salt of a bid: they follow from its name, as a funder's own books would keep them."""
    salt = sha256(bid_id.encode()).digest()
    rates = (*RATES, TOO_HIGH) if salt[1] < 26 else RATES
    return Secret(Decimal(rates[salt[0] % len(rates)]), salt)


async def _auctions(life: Life) -> list[Row]:
    rows = await life.rows(
        "SELECT auction_id, holder_uscc, principal_fen, closes_at, reveals_until FROM lending_auction"
        " WHERE state = 'OPEN' ORDER BY auction_id"
    )
    times = ("closes_at", "reveals_until")
    return [row | {name: moment_of(row[name]) for name in times} for row in rows]


async def _bids(life: Life, auction_id: str) -> list[Row]:
    sql = "SELECT bid_id, funder, state FROM lending_bid WHERE auction_id = $1 ORDER BY sequence"
    return await life.rows(sql, auction_id)


async def offer_to_funders(life: Life, rng: random.Random) -> Act | None:
    """A holder lets funders bid for a loan on its certificate."""
    row = await worth_lending_on(life, rng)
    if row is None:
        return None
    bidding, revealing = (timedelta(hours=rng.choice([12, 72, 168])) for _ in range(2))
    wish = Wish(life.name("auction"), row["certificate_id"], 0, HIGHEST, bidding, revealing)
    return Act(lambda: life.run(lambda: life.service.auctions.open(row["holder_uscc"], wish)), LEND)


async def bid(life: Life, rng: random.Random) -> Act | None:
    """A funder bids; not on what is its own, not twice, not too late, not without the money."""
    found, now = await _auctions(life), life.world.clock.now()
    tried = [(row, funder) for row in found for funder in (*FUNDERS, BUYER)]
    bids = {(row["auction_id"], one["funder"]) for row in found for one in await _bids(life, row["auction_id"])}
    open_to = [
        (row, funder)
        for row, funder in tried
        if now < row["closes_at"]
        and funder not in (BUYER, row["holder_uscc"])
        and (row["auction_id"], funder) not in bids
    ]
    chosen = open_to if rng.random() < NEARLY_ALL else tried
    if not chosen:
        return None
    row, funder = rng.choice(chosen)
    auction_id, bid_id = row["auction_id"], life.name("bid")
    late, barred, twice = now >= row["closes_at"], funder in (BUYER, row["holder_uscc"]), (auction_id, funder) in bids
    short = await life.has(funder) < row["principal_fen"]
    codes = {"STATE_CONFLICT": late or twice, "PERMISSION_DENIED": barred, "INSUFFICIENT_FUNDS": short}
    refusals = [code for code, applies in codes.items() if applies]
    secret = secret_of(bid_id)
    made = commit_bid(auction_id=auction_id, bid_id=bid_id, funder=funder, annual_rate=secret.rate, salt=secret.salt)
    place = lambda: life.service.auctions.bid(funder, auction_id, bid_id, made)  # noqa: E731
    return Act(lambda: life.run(place), refused_by(*refusals), certain=bool(refusals))


async def reveal(life: Life, rng: random.Random) -> Act | None:
    """A funder opens its bid: in its time, as it was committed to, at most at the holder's rate, and only its own."""
    found = [(row, one) for row in await _auctions(life) for one in await _bids(life, row["auction_id"])]
    in_time = [pair for pair in found if _may_reveal(pair[0], life.world.clock.now()) and pair[1]["state"] == "SEALED"]
    chosen = in_time if rng.random() < NEARLY_ALL else found
    if not chosen:
        return None
    row, one = rng.choice(chosen)
    bid_id, secret, cheats = one["bid_id"], secret_of(one["bid_id"]), rng.random() < 0.05
    rate = secret.rate - Decimal("0.001") if cheats else secret.rate
    in_vain = not _may_reveal(row, life.world.clock.now()) or one["state"] != "SEALED"
    wrong = cheats or secret.rate > HIGHEST
    refusals = (["STATE_CONFLICT"] if in_vain else []) + (["INVALID_ARGUMENT"] if wrong else [])
    opening = lambda: life.service.auctions.reveal(one["funder"], bid_id, rate, secret.salt)  # noqa: E731
    return Act(lambda: life.run(opening), refused_by(*refusals), certain=bool(refusals))


def _may_reveal(row: Row, now: datetime) -> bool:
    return bool(row["closes_at"] <= now < row["reveals_until"])


async def withdraw_auction(life: Life, rng: random.Random) -> Act | None:
    """The holder takes its certificate back, as long as bids are sealed."""
    row = one_of(rng, await _auctions(life))
    if row is None:
        return None
    late = life.world.clock.now() >= row["closes_at"]
    back = lambda: life.service.auctions.withdraw(row["holder_uscc"], row["auction_id"])  # noqa: E731
    return Act(lambda: life.run(back), refused_by(*(["STATE_CONFLICT"] if late else [])), certain=late)


async def wait_for_auction(life: Life, rng: random.Random) -> Act | None:
    """Until the next auction takes no more bids, or opens no more."""
    now = life.world.clock.now()
    times = [row[name] for row in await _auctions(life) for name in ("closes_at", "reveals_until")]
    ahead = [time - now for time in times if time > now]
    if not ahead or (rng.random() < 0.8 and not await life.rows("SELECT 1 FROM lending_bid WHERE state = 'SEALED'")):
        return None

    async def pass_by() -> None:
        life.world.clock.advance(min(ahead))

    return Act(pass_by)


async def award(life: Life, rng: random.Random) -> Act | None:
    """The round that awards auctions whose time is over."""
    now = life.world.clock.now()
    if not any(row["reveals_until"] <= now for row in await _auctions(life)):
        return None
    return Act(lambda: life.service.auctions.award())


STEPS: dict[str, tuple[int, Plan]] = {
    "offer to funders": (40, offer_to_funders),
    "bid": (80, bid),
    "reveal": (100, reveal),
    "withdraw auction": (1, withdraw_auction),
    "wait for auction": (40, wait_for_auction),
    "award": (80, award),
}
