"""The books against a bank's statements, on both databases."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import protovalidate
import pytest
from huilian.accounting.v1.reconciliation_service_pb2 import GetCaseRequest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.accounting.case_rules import CaseState, Contra, Proposal, Resolution
from hub.accounting.matching import Outcome, Reason, statement_reference
from hub.accounting.service import deposit_account
from hub.platform.database import Database
from tests.support.breaking import break_at_each_statement
from tests.support.databases import ON_BOTH, ON_SQLITE
from tests.support.statements import Movement, Stated, message
from tests.unit.hub.accounting.reconciliation_world import (
    DAY,
    LAST,
    ONE,
    PARTY,
    TWO,
    Bank,
    account_of,
    changed,
    derived,
    random_journals,
)

pytestmark = ON_SQLITE

HISTORIES = 3
FEE = Proposal(Resolution.COMPENSATED, "他行收费", contra=Contra.FEE_EXPENSE)


@pytest.fixture
async def bank(database: Database, clock: FixedClock) -> Bank:
    made = Bank(database, clock)
    await made.open()
    return made


async def refused(code: str, work: Callable[[], Awaitable[object]], **params: str) -> None:
    with pytest.raises(HuilianError) as error:
        await work()
    assert error.value.code == code
    assert params.items() <= error.value.params.items()


def stated(*movements: Movement, sequence: int = 1, opening_fen: int = 0, days: int = 9) -> Stated:
    first = DAY + timedelta(days=10 * (sequence - 1))
    return Stated(sequence, first, first + timedelta(days=days), opening_fen, movements, number="NUMBER-0")


async def unexplained(bank: Bank, number: str = "NUMBER-0") -> int:
    return (await bank.reconciliation.proof(number)).unexplained_fen


Mutation = Callable[[Stated, int, Movement], Stated]
MUTATIONS: dict[str, tuple[Mutation, Outcome, Reason]] = {
    "dropped": (
        lambda stated, index, _: replace(stated, movements=[*stated.movements[:index], *stated.movements[index + 1 :]]),
        *(Outcome.MISSING_AT_BANK, Reason.NOT_BOOKED),
    ),
    "invented": (
        lambda stated, *_: replace(stated, movements=[*stated.movements, Movement(DAY, 777_777)]),
        *(Outcome.UNKNOWN_ENTRY, Reason.NOTHING_LIKE_IT),
    ),
    "twice": (
        lambda stated, _, named: replace(stated, movements=[*stated.movements, named]),
        *(Outcome.UNKNOWN_ENTRY, Reason.BOOKED_TWICE),
    ),
    "other amount": (
        lambda stated, index, named: changed(stated, index, replace(named, amount_fen=777_777)),
        *(Outcome.AMBIGUOUS, Reason.AMOUNT_DIFFERS),
    ),
    "other side": (
        lambda stated, index, named: changed(stated, index, replace(named, amount_fen=-named.amount_fen)),
        *(Outcome.AMBIGUOUS, Reason.AMOUNT_DIFFERS),
    ),
    "other reference": (
        lambda stated, index, named: changed(stated, index, replace(named, reference=statement_reference("nobody's"))),
        *(Outcome.AMBIGUOUS, Reason.REFERENCE_UNKNOWN),
    ),
}


async def test_random_books_agree_and_one_change_is_one_case(database: Database, clock: FixedClock) -> None:
    """An honest statement makes no case; changed in one place, exactly the case that names the change."""
    bank, choice = Bank(database, clock, HISTORIES * (1 + len(MUTATIONS))), random.Random(20260302)
    await bank.open()
    numbers = iter(bank.numbers)
    for _ in range(HISTORIES):
        number = next(numbers)
        await history(bank, choice, number, None)
        assert await bank.open_cases() == []
        for name, (mutation, outcome, reason) in MUTATIONS.items():
            number = next(numbers)
            journal_id, item = await history(bank, choice, number, mutation)
            cases = await bank.open_cases()
            assert [(one.difference.kind, one.difference.reason) for one in cases] == [(outcome, reason)], name
            named = (*cases[0].difference.candidates, cases[0].difference.item_id)
            assert item == "" or item in named or journal_id in named, name
            assert await unexplained(bank, number) == 0
            await close_all(bank)
            assert await unexplained(bank, number) == 0


async def history(bank: Bank, choice: random.Random, number: str, mutation: Mutation | None) -> tuple[str, str]:
    journals = random_journals(choice, number)
    for journal_id, day, fen in journals:
        await bank.move(journal_id, day, fen, number)
    honest, journal_id = derived(choice, number, journals), choice.choice(journals)[0]
    reference = statement_reference(journal_id)
    fen = next(one[2] for one in journals if one[0] == journal_id)
    index = next(at for at, one in enumerate(honest.movements) if one.amount_fen == fen)
    named = replace(honest.movements[index], reference=reference)
    honest = changed(honest, index, named)
    await bank.take_in(honest if mutation is None else mutation(honest, index, named))
    return journal_id, "" if mutation is MUTATIONS["invented"][0] or mutation is MUTATIONS["twice"][0] else journal_id


async def close_all(bank: Bank) -> None:
    """Two people compensate whatever is open; afterwards the bank and the books have the same balance."""
    for case in await bank.open_cases():
        await propose(bank, ONE, case.case_id, replace(FEE, contra=Contra.CLEARING))
        await decide(bank, TWO, case.case_id)
    assert await bank.open_cases() == []


@ON_BOTH
async def test_the_same_statement_again_changes_nothing(bank: Bank) -> None:
    await bank.move("j", DAY, 500)
    first = await bank.take_in(stated(Movement(DAY, 500)))
    assert await bank.take_in(stated(Movement(DAY, 500)), TWO) == first
    await refused("ALREADY_EXISTS", lambda: bank.take_in(stated(Movement(DAY, 501))))
    proof = await bank.reconciliation.proof("NUMBER-0")
    assert (proof.bank_fen, proof.book_fen, proof.unmatched_entries_fen, proof.open_bookings_fen) == (500, 500, 0, 0)


async def test_statements_follow_each_other(bank: Bank) -> None:
    await bank.take_in(stated(Movement(DAY, 500)))
    follows = stated(sequence=2, opening_fen=500)
    gaps = {
        "SEQUENCE_GAP": replace(follows, sequence=3),
        "BALANCE_GAP": replace(follows, opening_fen=501),
        "DAY_GAP": replace(follows, first=follows.first + timedelta(days=1)),
    }
    for state, gap in gaps.items():
        await refused("STATE_CONFLICT", lambda gap=gap: bank.take_in(gap), state=state)  # type: ignore[misc]
    await refused("NOT_FOUND", lambda: bank.take_in(replace(follows, number="SOMEBODY-ELSE")))
    await refused("INVALID_ARGUMENT", lambda: bank.take_in(replace(follows, closing_fen=501)))
    await refused("INVALID_ARGUMENT", lambda: bank.take_in(replace(follows, last=follows.first + timedelta(days=99))))
    assert (await bank.take_in(follows)).sequence == 2


async def test_what_was_there_before_the_first_statement_is_its_baseline(bank: Bank) -> None:
    await bank.move("old", DAY - timedelta(days=30), 700)
    await bank.take_in(stated(opening_fen=1_000))
    proof = await bank.reconciliation.proof("NUMBER-0")
    assert (proof.bank_fen, proof.book_fen, proof.baseline_fen, proof.unexplained_fen) == (1_000, 700, 300, 0)
    assert await bank.open_cases() == []


@ON_BOTH
async def test_what_comes_late_closes_its_case(bank: Bank) -> None:
    await bank.move("j", DAY, 500)
    await bank.take_in(stated())
    (case,) = await bank.open_cases()
    assert (case.difference.kind, case.difference.item_id) == (Outcome.MISSING_AT_BANK, "j")
    late = LAST + timedelta(days=1)
    await bank.take_in(stated(Movement(late, 500, statement_reference("j")), sequence=2))
    closed = await bank.cases.get(case.case_id)
    assert (closed.state, closed.resolution, closed.decided_by) == (CaseState.CLOSED, Resolution.ARRIVED, None)
    assert [event.step for event in closed.events] == ["OPENED", "CLOSED"]
    assert await bank.open_cases() == []


async def test_what_we_book_late_closes_its_case_too(bank: Bank) -> None:
    await bank.take_in(stated(Movement(LAST, 500)))
    (case,) = await bank.open_cases()
    assert case.difference.kind is Outcome.UNKNOWN_ENTRY
    bank.clock.advance(timedelta(days=1))
    await bank.move("j", LAST, 500)
    await bank.take_in(stated(sequence=2, opening_fen=500))
    assert (await bank.cases.get(case.case_id)).resolution is Resolution.ARRIVED


async def test_only_what_can_be_a_case_is_looked_for(bank: Bank) -> None:
    await bank.take_in(stated(Movement(DAY, 500)))
    (case,) = await bank.open_cases()
    protovalidate.validate(GetCaseRequest(case_id=case.case_id))
    for longer in (f"{case.case_id}a", "a" * 41):
        assert protovalidate.collect_violations(GetCaseRequest(case_id=longer))


async def test_days_are_reconciled_when_covered_and_clear(bank: Bank) -> None:
    await bank.take_in(stated(Movement(DAY, 500), days=1))
    days = await bank.reconciliation.days("NUMBER-0", DAY, DAY + timedelta(days=2))
    assert [(one.is_covered, one.open_cases, one.is_reconciled) for one in days] == [
        *((True, 1, False), (True, 0, True)),
        (False, 0, False),
    ]
    await close_all(bank)
    days = await bank.reconciliation.days("NUMBER-0", DAY, DAY)
    assert days[0].is_reconciled
    await refused("INVALID_ARGUMENT", lambda: bank.reconciliation.days("NUMBER-0", DAY, DAY - timedelta(days=1)))


@ON_BOTH
async def test_a_fee_of_the_bank_is_compensated_by_two_people(bank: Bank) -> None:
    await bank.move("fund", DAY, 1_000)
    await bank.take_in(stated(Movement(DAY, 1_000), Movement(DAY, -25)))
    (case,) = await bank.open_cases()
    await refused("STATE_CONFLICT", lambda: decide(bank, TWO, case.case_id), state="OPEN")
    await propose(bank, ONE, case.case_id, FEE)
    await refused("PERMISSION_DENIED", lambda: decide(bank, ONE, case.case_id))
    await decide(bank, TWO, case.case_id, approve=False)
    await refused("STATE_CONFLICT", lambda: decide(bank, TWO, case.case_id), state="OPEN")
    await propose(bank, TWO, case.case_id, FEE)
    await decide(bank, ONE, case.case_id)
    closed = await bank.cases.get(case.case_id)
    assert [event.step for event in closed.events] == ["OPENED", "PROPOSED", "REFUSED", "PROPOSED", "CLOSED"]
    assert (closed.resolution, closed.proposed_by, closed.decided_by) == (Resolution.COMPENSATED, TWO, ONE)
    assert await bank.book.balance_fen(account_of("NUMBER-0")) == 975
    assert await bank.book.balance_fen("reconciliation:fee-expense") == 25
    await refused("STATE_CONFLICT", lambda: propose(bank, ONE, case.case_id, FEE), state="CLOSED")
    assert (await bank.book.trial_balance()).difference_fen == 0


async def test_money_that_never_came_is_taken_back_but_never_overdraws(bank: Bank) -> None:
    await bank.move("fund", DAY, 1_000)
    await bank.take_in(stated())
    (case,) = await bank.open_cases()
    taken = Proposal(Resolution.COMPENSATED, "款项未到账", contra=Contra.DEPOSIT, party=PARTY)
    await propose(bank, ONE, case.case_id, replace(taken, party="nobody"))
    await refused("NOT_FOUND", lambda: decide(bank, TWO, case.case_id))
    await propose(bank, ONE, case.case_id, taken)
    await decide(bank, TWO, case.case_id)
    assert await bank.book.balance_fen(deposit_account(PARTY)) == 0
    assert await unexplained(bank) == 0


async def test_matched_by_hand_with_journals_of_the_same_amount(bank: Bank) -> None:
    await bank.move("a", DAY, 300)
    await bank.move("b", DAY, 200)
    await bank.take_in(stated(Movement(DAY, 500)))
    cases = {case.difference.item_id: case for case in await bank.open_cases()}
    assert len(cases) == 3  # the sum was booked once, so both journals are missing as well
    case_id = next(one.case_id for one in cases.values() if one.difference.kind is Outcome.UNKNOWN_ENTRY)
    by_hand = Proposal(Resolution.MATCHED, "合并入账", ("a", "b"))
    await refused("INVALID_ARGUMENT", lambda: propose(bank, ONE, case_id, replace(by_hand, journal_ids=("a",))))
    await refused("INVALID_ARGUMENT", lambda: propose(bank, ONE, case_id, replace(by_hand, journal_ids=("a", "a"))))
    await refused("STATE_CONFLICT", lambda: propose(bank, ONE, case_id, replace(by_hand, journal_ids=("a", "x"))))
    await refused("INVALID_ARGUMENT", lambda: propose(bank, ONE, case_id, Proposal(Resolution.NOTED, "无")))
    await refused("INVALID_ARGUMENT", lambda: propose(bank, ONE, cases["a"].case_id, by_hand))
    await propose(bank, ONE, case_id, by_hand)
    await decide(bank, TWO, case_id)
    assert await bank.open_cases() == []
    assert await bank.book.balance_fen(account_of("NUMBER-0")) == 500


@ON_BOTH
async def test_import_and_decision_leave_nothing_when_broken(bank: Bank) -> None:
    await bank.move("a", DAY, 300)
    await bank.move("gone", DAY, 200)
    statement = stated(Movement(DAY, 300), Movement(DAY, -25))
    async for _ in break_at_each_statement(bank.database, lambda: bank.take_in(statement)):
        await refused("NOT_FOUND", lambda: bank.reconciliation.proof("NUMBER-0"))
        assert await bank.open_cases() == []
    gone, fee = sorted(await bank.open_cases(), key=lambda case: -case.difference.amount_fen)
    assert (gone.difference.item_id, fee.difference.amount_fen) == ("gone", -25)
    await propose(bank, ONE, fee.case_id, FEE)
    async for _ in break_at_each_statement(bank.database, lambda: decide(bank, TWO, fee.case_id)):
        assert (await bank.cases.get(fee.case_id)).state is CaseState.PROPOSED
        assert await bank.book.balance_fen(account_of("NUMBER-0")) == 500
    assert await bank.book.balance_fen(account_of("NUMBER-0")) == 475
    assert await unexplained(bank) == 0


async def propose(bank: Bank, operator: str, case_id: str, proposal: Proposal) -> None:
    await bank.run(lambda: bank.cases.propose(operator, case_id, proposal))


async def decide(bank: Bank, operator: str, case_id: str, *, approve: bool = True) -> None:
    await bank.run(lambda: bank.cases.decide(operator, case_id, "复核", approve=approve))


async def test_a_message_is_taken_in_whole_or_not_at_all(database: Database, clock: FixedClock) -> None:
    bank = Bank(database, clock, accounts=2)
    await bank.open()
    first = [Stated(1, DAY, DAY, 0, [Movement(DAY, 5)], number=number) for number in bank.numbers]
    gap = Stated(3, DAY + timedelta(days=1), DAY + timedelta(days=1), 5, [], number=bank.numbers[1])
    take_in = bank.reconciliation.import_statements
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        await bank.run(lambda: take_in(ONE, message([*first, gap])))
    assert not (await bank.reconciliation.statements(bank.numbers[0], 10, "")).items
    imported = await bank.run(lambda: take_in(ONE, message(first)))
    assert [one.closing_fen for one in imported] == [5, 5]
    # Again alone, then among others: what is known changes nothing.
    assert await bank.run(lambda: take_in(ONE, first[1].document())) == [imported[1]]
    assert await bank.run(lambda: take_in(ONE, message(first))) == imported
