"""Steps of certificates: issue, accept, refuse, split, transfer, freeze, and what others try on them."""

from __future__ import annotations

import random

from hub.receivables.service import FrozenKind
from tests.soak.histories.life import Act, Life, Plan, Row, day_of, fitting, one_of, refused_by
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER

PARTIES = (BUYER, SUPPLIER, SECOND_TIER)
COURT = "沙盒市中级人民法院"


async def _certificates(life: Life, *states: str) -> list[Row]:
    wanted = ", ".join(f"'{state}'" for state in states)
    return await life.rows(
        "SELECT certificate_id, holder_uscc, amount_fen, state, due_date FROM receivables_certificate"
        f" WHERE state IN ({wanted}) ORDER BY certificate_id"
    )


async def issue(life: Life, rng: random.Random) -> Act | None:
    """The buyer issues over what is confirmed; never over more."""
    found = await life.rows(
        "SELECT receivable_id, amount_fen - issued_fen AS free_fen, due_date FROM receivables_receivable"
        " WHERE state IN ('CONFIRMED', 'CERTIFICATED') AND amount_fen > issued_fen ORDER BY receivable_id"
    )
    row = fitting(rng, [row for row in found if day_of(row["due_date"]) > life.today], found)
    if row is None:
        return None
    name, receivable_id, free_fen = life.name("certificate"), row["receivable_id"], int(row["free_fen"])
    amount_fen = free_fen if rng.random() < 0.75 else rng.randint(max(1, free_fen // 4), free_fen)
    too_much = rng.random() < 0.05
    # Frozen, due, or worth less since the offers over it were refused.
    codes = refused_by("AMOUNT_EXCEEDS_RECEIVABLE", "STATE_CONFLICT")
    fen = free_fen + rng.randint(1, 1000) if too_much else amount_fen
    issue = lambda: life.receivables.certificates.issue(BUYER, name, receivable_id, fen)  # noqa: E731
    return Act(lambda: life.run(issue), codes, certain=too_much)


async def accept(life: Life, rng: random.Random) -> Act | None:
    """The holder takes what it was offered; not from the due date on."""
    found = await _certificates(life, "ISSUED")
    row = fitting(rng, [row for row in found if day_of(row["due_date"]) > life.today], found)
    if row is None:
        return None
    name, holder = row["certificate_id"], row["holder_uscc"]
    return Act(
        lambda: life.run(lambda: life.receivables.certificates.accept(holder, name)), refused_by("STATE_CONFLICT")
    )


async def refuse(life: Life, rng: random.Random) -> Act | None:
    """The holder does not take it."""
    row = one_of(rng, await _certificates(life, "ISSUED"))
    if row is None:
        return None
    name, holder = row["certificate_id"], row["holder_uscc"]
    return Act(lambda: life.run(lambda: life.receivables.certificates.refuse(holder, name)))


async def split(life: Life, rng: random.Random) -> Act | None:
    """Into two or three that are together what it was; any other sum is refused."""
    row = one_of(rng, [one for one in await _certificates(life, "HELD") if one["amount_fen"] > 3])
    if row is None:
        return None
    amount_fen, more = int(row["amount_fen"]), rng.random() < 0.05
    cuts = sorted(rng.sample(range(1, amount_fen), rng.choice([1, 1, 2])))
    fens = [end - start for start, end in zip([0, *cuts], [*cuts, amount_fen], strict=True)]
    parts = [(life.name("certificate"), fen + (1 if more else 0)) for fen in fens]
    name, holder = row["certificate_id"], row["holder_uscc"]
    codes = refused_by("STATE_CONFLICT", *(["INVALID_ARGUMENT"] if more else []))
    return Act(lambda: life.run(lambda: life.receivables.certificates.split(holder, name, parts)), codes, certain=more)


async def transfer(life: Life, rng: random.Random) -> Act | None:
    """To the next tier, or back; never to whoever issued it or to its holder."""
    row = one_of(rng, await _certificates(life, "HELD"))
    if row is None:
        return None
    name, holder, new = row["certificate_id"], row["holder_uscc"], life.name("certificate")
    receiver = SECOND_TIER if holder == SUPPLIER else SUPPLIER
    wrong = rng.random() < 0.05
    receiver = rng.choice([holder, BUYER]) if wrong else receiver
    codes = refused_by("INVALID_ARGUMENT") if wrong else refused_by("STATE_CONFLICT")
    do = lambda: life.receivables.certificates.transfer(holder, name, new, receiver)  # noqa: E731
    return Act(lambda: life.run(do), codes, certain=wrong)


async def steal(life: Life, rng: random.Random) -> Act | None:
    """Somebody who does not hold it disposes of it, or its holder disposes of it once more, or though it is lent on."""
    spent = rng.random() < 0.5
    gone, lent_on = ("SPLIT", "TRANSFERRED", "REFUSED", "REDEEMED"), ("BLOCKED", "FINANCED")
    states = rng.choice([gone, lent_on]) if spent else ("HELD", "ISSUED", "FROZEN", "BLOCKED")
    row = one_of(rng, await _certificates(life, *states))
    if row is None:
        return None
    name, holder, new = row["certificate_id"], row["holder_uscc"], life.name("certificate")
    who = holder if spent else rng.choice([party for party in PARTIES if party != holder])
    tried = rng.choice(["accept", "refuse", "transfer", "split"])

    async def dispose() -> object:
        desk = life.receivables.certificates
        if tried == "transfer":
            return await desk.transfer(who, name, new, next(p for p in PARTIES if p not in (who, BUYER)))
        if tried == "split":
            return await desk.split(who, name, [(f"{new}a", 1), (f"{new}b", int(row["amount_fen"]) - 1)])
        return await (desk.accept(who, name) if tried == "accept" else desk.refuse(who, name))

    codes = ["STATE_CONFLICT", "INVALID_ARGUMENT"] if spent else ["PERMISSION_DENIED", "NOT_FOUND"]
    return Act(lambda: life.run(dispose), refused_by(*codes), certain=True)


async def freeze(life: Life, rng: random.Random) -> Act | None:
    """A court freezes a certificate or a receivable."""
    kind = rng.choice(list(FrozenKind))
    if kind is FrozenKind.CERTIFICATE:
        found = [row["certificate_id"] for row in await _certificates(life, "HELD", "BLOCKED", "FINANCED", "FROZEN")]
    else:
        sql = "SELECT receivable_id AS id FROM receivables_receivable WHERE state IN ('CONFIRMED', 'CERTIFICATED',"
        found = [
            row["id"]
            for row in await life.rows(f"{sql} 'PLEDGED', 'DISPUTED', 'DILUTED', 'OVERDUE', 'DEFAULTED') ORDER BY 1")
        ]
    if not found:
        return None
    object_id, name = rng.choice(found), life.name("freeze")
    freezing = lambda: life.receivables.freezes.freeze(name, kind, object_id, f"(2026)沪01执{name}号", COURT)  # noqa: E731
    return Act(lambda: life.run(freezing))


async def unfreeze(life: Life, rng: random.Random) -> Act | None:
    """Its order is lifted."""
    sql = "SELECT freeze_id FROM receivables_freeze WHERE lifted_at IS NULL ORDER BY freeze_id"
    row = one_of(rng, await life.rows(sql))
    if row is None:
        return None
    name = row["freeze_id"]
    return Act(lambda: life.run(lambda: life.receivables.freezes.unfreeze(name, f"{name}之一")))


STEPS: dict[str, tuple[int, Plan]] = {
    "issue": (40, issue),
    "accept": (50, accept),
    "refuse": (2, refuse),
    "split": (4, split),
    "transfer": (4, transfer),
    "steal": (3, steal),
    "freeze": (2, freeze),
    "unfreeze": (4, unfreeze),
}
