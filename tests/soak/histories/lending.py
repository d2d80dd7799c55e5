"""Steps of money before it goes out: applications on certificates and on orders, flash loans, limits, other banks."""

from __future__ import annotations

import random

from hub.lending.products.definitions import ORDER_LOAN, RECEIVABLE_LOAN, load_products
from tests.soak.histories.goods import ITEMS
from tests.soak.histories.life import Act, Life, Plan, Row, day_of, fitting, one_of, refused_by
from tests.unit.hub.lending.world import BUYER, SUPPLIER

LEAST_FEN = 10_000
FLASH_FEN = 1_000_000
FLASH_UNTIL = "2026-05-01"
RATE = load_products()[RECEIVABLE_LOAN].advance_rate
# The limit may be used up, a court may have frozen, the due date may be too near, a rule may refuse the invoice.
LEND = refused_by("LIMIT_EXCEEDED", "STATE_CONFLICT", "INVALID_ARGUMENT", "INVOICE_REFUSED")


async def worth_lending_on(life: Life, rng: random.Random) -> Row | None:
    """A held certificate that is large enough; mostly one that still runs."""
    found = await life.rows(
        "SELECT certificate_id, holder_uscc, amount_fen, due_date FROM receivables_certificate"
        f" WHERE state = 'HELD' AND amount_fen > {LEAST_FEN * 6 // 5} ORDER BY certificate_id"
    )
    return fitting(rng, [row for row in found if day_of(row["due_date"]) > life.today], found)


async def apply(life: Life, rng: random.Random) -> Act | None:
    """A holder asks for a loan on its certificate; never for more than the advance rate gives."""
    row = await worth_lending_on(life, rng)
    if row is None:
        return None
    name, certificate_id, holder = life.name("financing"), row["certificate_id"], row["holder_uscc"]
    most_fen, too_much = int(RATE * row["amount_fen"]), rng.random() < 0.05
    wanted_fen = rng.choice([0, 0, rng.randint(min(LEAST_FEN, most_fen), most_fen)])
    fen = most_fen + 1 if too_much else wanted_fen
    apply = lambda: life.service.financings.apply(holder, name, certificate_id, fen)  # noqa: E731
    codes = refused_by("AMOUNT_EXCEEDS_RECEIVABLE", "STATE_CONFLICT") if too_much else LEND
    return Act(lambda: life.run(apply), codes, certain=too_much)


async def _financing(life: Life, rng: random.Random, state: str) -> tuple[str, str] | None:
    sql = "SELECT financing_id, applicant_uscc FROM lending_financing WHERE state = $1 ORDER BY financing_id"
    row = one_of(rng, await life.rows(sql, state))
    return None if row is None else (row["applicant_uscc"], row["financing_id"])


async def sign(life: Life, rng: random.Random) -> Act | None:
    """The applicant signs; an offer that ran out is none."""
    found = await _financing(life, rng, "OFFERED")
    if found is None:
        return None
    return Act(lambda: life.run(lambda: life.service.financings.accept(*found)), refused_by("OFFER_EXPIRED"))


async def withdraw(life: Life, rng: random.Random) -> Act | None:
    """The applicant takes it back; once signed it is signed."""
    signed = rng.random() < 0.2
    found = await _financing(life, rng, "SIGNED" if signed else "OFFERED")
    if found is None:
        return None
    codes = refused_by("STATE_CONFLICT") if signed else refused_by()
    return Act(lambda: life.run(lambda: life.service.financings.withdraw(*found)), codes, certain=signed)


async def apply_on_order(life: Life, rng: random.Random) -> Act | None:
    """The supplier asks for money on goods to come."""
    orders = [name for name, one in life.goods.orders.items() if any(map(one.to_come, ITEMS))]
    if rng.random() < 0.05:
        orders = list(life.goods.orders)
    if not orders:
        return None
    name, order_id, days = life.name("order-loan"), rng.choice(orders), rng.randint(20, 120)
    wanted_fen = rng.choice([0, 0, rng.randint(LEAST_FEN, 60_000)])
    # The hub may not know the order yet, or somebody lends on it, or nothing of it is to come.
    codes = LEND | refused_by("NOT_FOUND", "AMOUNT_EXCEEDS_RECEIVABLE")
    apply = lambda: life.service.orders.apply(SUPPLIER, name, BUYER, order_id, wanted_fen, days)  # noqa: E731
    return Act(lambda: life.run(apply), codes)


async def _order_loan(life: Life, rng: random.Random) -> str | None:
    sql = "SELECT loan_id FROM lending_order_loan WHERE state = 'OFFERED' ORDER BY loan_id"
    row = one_of(rng, await life.rows(sql))
    return None if row is None else str(row["loan_id"])


async def sign_on_order(life: Life, rng: random.Random) -> Act | None:
    """The supplier signs."""
    name = await _order_loan(life, rng)
    if name is None:
        return None
    return Act(lambda: life.run(lambda: life.service.orders.sign(SUPPLIER, name)), refused_by("OFFER_EXPIRED"))


async def withdraw_on_order(life: Life, rng: random.Random) -> Act | None:
    """The supplier takes it back."""
    name = await _order_loan(life, rng)
    if name is None:
        return None
    return Act(lambda: life.run(lambda: life.service.orders.withdraw(SUPPLIER, name)))


async def other_bank(life: Life, rng: random.Random) -> Act | None:
    """Another bank claims an invoice or an order that is not claimed yet."""
    found = [f"NO{name}" for name in life.goods.invoices] + [f"PONO{name}" for name in life.goods.orders]
    free = [name.replace("-", "").upper() for name in found]
    free = [name for name in free if name not in life.world.chain.locked]
    if not free:
        return None
    number = rng.choice(free)

    async def claim() -> None:
        life.world.chain.locked.setdefault(number, "another bank's claim")

    return Act(claim)


async def set_limit(life: Life, rng: random.Random) -> Act | None:
    """An operator changes what may be lent on the buyer; never below what is in use."""
    name = f"{rng.choice([RECEIVABLE_LOAN, RECEIVABLE_LOAN, ORDER_LOAN])}:{BUYER}"
    fen = rng.choice([20_000, 400_000, 1_000_000, 1_000_000, 4_000_000])
    return Act(lambda: life.run(lambda: life.service.limits.set(name, fen)), refused_by("LIMIT_EXCEEDED"))


async def borrow(life: Life, rng: random.Random) -> Act | None:
    """A person takes a flash loan; one at a time."""
    subject = life.citizen.subject
    known = await life.rows("SELECT 1 FROM lending_loan WHERE borrower = $1 AND NOT closed", subject)
    if known or life.today.isoformat() >= FLASH_UNTIL:
        return None
    name, days = life.name("application"), rng.randint(20, 90)

    async def borrow() -> None:
        offer = await life.world.applied(life.citizen, FLASH_FEN, name, days)
        if offer.state == "OFFERED":
            await life.world.sign(life.citizen, life.citizen.device.sign(offer.challenge), name)

    return Act(borrow)


async def draw(life: Life, rng: random.Random) -> Act | None:
    """More of it, up to the limit and before it matures."""
    sql = "SELECT loan_id FROM lending_loan WHERE borrower = $1 AND NOT closed"
    row = one_of(rng, await life.rows(sql, life.citizen.subject))
    if row is None:
        return None
    loan_id, fen = row["loan_id"], rng.choice([rng.randint(1, 500_000), 10**9])
    codes = refused_by("LIMIT_EXCEEDED", "STATE_CONFLICT")
    return Act(lambda: life.world.draw(life.citizen.subject, fen, loan_id), codes, certain=fen == 10**9)


STEPS: dict[str, tuple[int, Plan]] = {
    "apply": (45, apply),
    "sign": (60, sign),
    "withdraw": (1, withdraw),
    "apply on order": (8, apply_on_order),
    "sign on order": (40, sign_on_order),
    "withdraw on order": (1, withdraw_on_order),
    "other bank": (1, other_bank),
    "set limit": (2, set_limit),
    "borrow": (1, borrow),
    "draw": (1, draw),
}
