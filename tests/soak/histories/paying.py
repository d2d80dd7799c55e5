"""Steps of money that comes back: repayments of today and of before, corrections, workouts, part payments."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from hub.lending.loans.model import Loan
from hub.lending.loans.stored import CHARGE_OFF, DRAW, REPAYMENT, LoanRecord
from hub.lending.products.definitions import ORDER_LOAN, RECEIVABLE_LOAN
from hub.lending.rules import LoanState
from tests.soak.histories.life import Act, Life, Plan, one_of, refused_by
from tests.unit.hub.lending.world import BUYER, SECOND_TIER, SUPPLIER
from tests.unit.hub.receivables.trade import DEALER

OWING = (LoanState.ACTIVE, LoanState.OVERDUE, LoanState.RECOURSE)
LATE = (LoanState.OVERDUE, LoanState.RECOURSE)


async def _loan(life: Life, rng: random.Random, *states: LoanState, behind: str = DRAW) -> Loan | None:
    """Any open loan that is in one of the states as it stands; `behind` is an event that a loan in them has."""
    found = await life.rows(
        "SELECT l.loan_id FROM lending_loan l WHERE NOT l.closed AND EXISTS"
        " (SELECT 1 FROM lending_loan_event e WHERE e.loan_id = l.loan_id AND e.kind = $1) ORDER BY l.loan_id",
        behind,
    )
    rng.shuffle(found)
    for row in found:
        loan = await life.loan(row["loan_id"])
        if loan.state in states:
            return loan
    return None


async def repay(life: Life, rng: random.Random) -> Act | None:
    """A part of what is owed, from the borrower's account."""
    loan = await _loan(life, rng, *OWING)
    if loan is None or not loan.owed.total_fen:
        return None
    borrower, loan_id = loan.record.borrower, loan.record.loan_id
    fen = rng.randint(1, max(1, int(loan.owed.total_fen) // rng.choice([1, 4])))
    short = await life.has(borrower) < fen
    codes = refused_by("INSUFFICIENT_FUNDS") if short else refused_by()
    return Act(lambda: life.world.repay(borrower, fen, loan_id), codes, certain=short)


async def pay_off(life: Life, rng: random.Random) -> Act | None:
    """What was quoted closes the loan, to the fen and by its parts; one fen more is refused."""
    loan = await _loan(life, rng, *OWING)
    if loan is None or not loan.owed.total_fen:
        return None
    borrower, loan_id = loan.record.borrower, loan.record.loan_id

    async def settle() -> None:
        quoted = await life.service.loans.payoff(borrower, loan_id)
        if quoted.total_fen:  # not when it was paid before a crash
            await life.world.fund(borrower, int(quoted.total_fen))
        after = await life.world.repay(borrower, int(quoted.total_fen), loan_id)
        paid = after.events[-1]
        assert after.owed.total_fen == 0, "what was quoted does not settle"
        assert (paid.fees_part_fen, paid.interest_part_fen, paid.principal_part_fen) == tuple(
            int(part) for part in vars(quoted).values()
        ), "what was realised is not what was quoted"

    return Act(settle)


async def overpay(life: Life, rng: random.Random) -> Act | None:
    """A fen more than is owed is refused."""
    loan = await _loan(life, rng, *OWING)
    if loan is None or not loan.owed.total_fen:
        return None
    borrower, loan_id, fen = loan.record.borrower, loan.record.loan_id, int(loan.owed.total_fen) + 1
    return Act(lambda: life.world.repay(borrower, fen, loan_id), refused_by("REPAYMENT_EXCEEDS_PAYOFF"), certain=True)


async def back_date(life: Life, rng: random.Random) -> Act | None:
    """A payment that came in on an earlier day is booked; not on a funder's loan, whose money was passed on."""
    loan = await _loan(life, rng, *OWING)
    if loan is None or not loan.owed.total_fen:
        return None
    borrower, loan_id = loan.record.borrower, loan.record.loan_id
    day = loan.as_of - timedelta(days=rng.randint(0, (loan.as_of - loan.events[0].value_date).days))
    fen = rng.randint(1, max(1, int(loan.owed.total_fen) // 4))
    entrusted = loan.record.funder is not None
    codes = refused_by("STATE_CONFLICT") if entrusted else refused_by("REPAYMENT_EXCEEDS_PAYOFF", "INSUFFICIENT_FUNDS")
    book = lambda: life.service.workouts.repay_back_dated(loan_id, borrower, fen, day)  # noqa: E731
    return Act(lambda: life.run(book), codes, certain=entrusted)


async def reverse(life: Life, rng: random.Random) -> Act | None:
    """A repayment bounced; one that bounced before does not bounce again."""
    loan = await _loan(life, rng, *OWING)
    if loan is None:
        return None
    sequences = [event.sequence for event in loan.events if event.kind == REPAYMENT]
    if not sequences:
        return None
    loan_id, sequence = loan.record.loan_id, rng.choice(sequences)
    # What was paid back may have been lent to somebody else: the limit has no room.
    codes = refused_by("NOT_FOUND", "LIMIT_EXCEEDED", "STATE_CONFLICT")
    return Act(lambda: life.run(lambda: life.service.workouts.reverse(loan_id, sequence)), codes)


async def recourse(life: Life, rng: random.Random) -> Act | None:
    """The borrower pays in the buyer's place, once the buyer is late."""
    loan = await _loan(life, rng, *LATE)
    if loan is None or not loan.owed.total_fen:
        return None
    loan_id, fen = loan.record.loan_id, rng.choice([10**9, rng.randint(1, 20_000)])
    take = lambda: life.service.workouts.recourse(loan_id, fen)  # noqa: E731
    return Act(lambda: life.run(take), *_if_an_exit(loan, RECEIVABLE_LOAN, ORDER_LOAN))


async def buy_back(life: Life, rng: random.Random) -> Act | None:
    """The borrower or the buyer buys the receivable back."""
    loan = await _loan(life, rng, *OWING)
    if loan is None or not loan.owed.total_fen:
        return None
    loan_id, payer = loan.record.loan_id, rng.choice([BUYER, loan.record.borrower])
    buy = lambda: life.service.workouts.buy_back(loan_id, payer)  # noqa: E731
    return Act(lambda: life.run(buy), *_if_an_exit(loan, RECEIVABLE_LOAN))


def _if_an_exit(loan: Loan, *products: str) -> tuple[frozenset[str], bool]:
    """By what it may be refused: certainly, for a loan of another product than these."""
    ours = loan.record.product_id in products
    return refused_by("INSUFFICIENT_FUNDS" if ours else "STATE_CONFLICT"), not ours


async def charge_off(life: Life, rng: random.Random) -> Act | None:
    """The bank gives a late loan up; one that is not late, or on which nothing is owed, it does not."""
    loan = await _loan(life, rng, *(LATE if rng.random() < 0.9 else (LoanState.ACTIVE,)))
    if loan is None:
        return None
    loan_id, late = loan.record.loan_id, loan.state in LATE and bool(loan.owed.total_fen)
    codes = refused_by() if late else refused_by("STATE_CONFLICT")
    return Act(lambda: life.run(lambda: life.service.workouts.charge_off(loan_id)), codes, certain=not late)


async def recover(life: Life, rng: random.Random) -> Act | None:
    """Money comes in on a loan that was given up."""
    loan = await _loan(life, rng, LoanState.CHARGED_OFF, behind=CHARGE_OFF)
    if loan is None:
        return None
    loan_id, payer = loan.record.loan_id, loan.record.borrower
    fen = rng.choice([loan.written_off_fen, rng.randint(1, loan.written_off_fen)])
    take = lambda: life.service.workouts.recover(loan_id, payer, fen)  # noqa: E731
    return Act(lambda: life.run(take), refused_by("INSUFFICIENT_FUNDS"))


async def restructure(life: Life, rng: random.Random) -> Act | None:
    """A late loan is to be paid in another way: mostly agreed at once, sometimes later or never."""
    loan = await _loan(life, rng, *LATE)
    if loan is None or not loan.owed.principal_fen:
        return None
    loan_id, rate, matures = loan.record.loan_id, f"0.0{rng.randint(1, 9)}", life.today + timedelta(days=100)
    plan: dict[str, Any] = rng.choice([{"kind": "bullet"}, _instalments(life.today)])
    known = await life.service.restructurings.of_loan(None, loan_id)
    again, agrees = bool(known) and rng.random() < 0.2, rng.random() < 0.9

    async def change() -> None:
        number = len(known)
        if not again:
            desk = life.service.restructurings
            number = (await life.run(lambda: desk.offer(loan_id, rate, matures, plan))).offer.terms.number
        if again or agrees:
            await _agree(life, loan.record, number)

    return Act(change, refused_by("STATE_CONFLICT", "INVALID_ARGUMENT", *(["OFFER_EXPIRED"] if again else [])))


async def _agree(life: Life, record: LoanRecord, number: int) -> None:
    desk, by = life.service.restructurings, None
    if record.is_person:
        offers = await desk.of_loan(record.borrower, record.loan_id)
        [terms] = [one.offer.terms for one in offers if one.offer.terms.number == number]
        by = life.citizen.device.sign(terms.challenge)
    await life.run(lambda: life.service.restructurings.sign(record.borrower, record.loan_id, number, by))


def _instalments(today: date) -> dict[str, Any]:
    first = today + timedelta(days=20)
    return {"kind": "equal_instalment", "first_due_date": first.isoformat(), "every_months": 1}


async def pay_part(life: Life, rng: random.Random) -> Act | None:
    """The buyer pays a part, or all, of what is due; never more than that."""
    row = one_of(
        rng,
        await life.rows(
            "SELECT receivable_id, amount_fen - redeemed_fen - direct_fen AS owed_fen, due_date"
            " FROM receivables_receivable WHERE state IN ('CONFIRMED', 'CERTIFICATED', 'PLEDGED', 'OVERDUE',"
            " 'DEFAULTED') AND due_date <= $1 ORDER BY receivable_id",
            life.today if life.world.database.dialect == "postgres" else life.today.isoformat(),
        ),
    )
    if row is None:
        return None
    name, receivable_id, owed_fen = life.name("payment"), row["receivable_id"], int(row["owed_fen"])
    too_much = rng.random() < 0.05
    fen = owed_fen + 1 if too_much else rng.choice([owed_fen, rng.randint(1, owed_fen), rng.randint(1, owed_fen)])
    # An application still blocks a certificate.
    codes = refused_by("STATE_CONFLICT", "AMOUNT_EXCEEDS_RECEIVABLE" if too_much else "INSUFFICIENT_FUNDS")
    pay = lambda: life.service.part_payments.pay_own(BUYER, name, receivable_id, fen)  # noqa: E731
    return Act(lambda: life.run(pay), codes, certain=too_much)


async def pay_in(life: Life, rng: random.Random) -> Act | None:
    """Money comes to somebody's account."""
    party = rng.choice([BUYER, BUYER, SUPPLIER, SECOND_TIER, DEALER, life.citizen.subject])
    fen = rng.randint(1, 120_000)
    return Act(lambda: life.world.fund(party, fen))


STEPS: dict[str, tuple[int, Plan]] = {
    "repay": (6, repay),
    "pay off": (1, pay_off),
    "overpay": (1, overpay),
    "back-date": (6, back_date),
    "reverse": (3, reverse),
    "recourse": (12, recourse),
    "buy back": (1, buy_back),
    "charge off": (8, charge_off),
    "recover": (25, recover),
    "restructure": (8, restructure),
    "pay part": (14, pay_part),
    "pay in": (2, pay_in),
}
