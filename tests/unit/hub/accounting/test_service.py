"""The embedded book on both databases: never out of balance, never overdrawn, never rewritten."""

import asyncio
import random
from datetime import date

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from tortoise.exceptions import BaseORMException

from hub.accounting import store
from hub.accounting.rules import JournalRefused
from hub.accounting.service import AccountKind, EmbeddedBook, Line, deposit_account
from hub.platform.database import Database

DAY = date(2026, 3, 2)
PARTIES = ("91310000MA1FL0A01X", "91310000MA1FL0B02Y", "91310000MA1FL0C03Z")


@pytest.fixture
def book(database: Database, clock: FixedClock) -> EmbeddedBook:
    return EmbeddedBook(database, clock)


async def open_accounts(database: Database, book: EmbeddedBook) -> None:
    async with database.transaction():
        await book.open_account("cash", "bank", AccountKind.CASH)
        await book.open_account("interest", "bank", AccountKind.INTEREST_INCOME)
        await book.open_account("loan:1", PARTIES[0], AccountKind.LOAN)
        for party in PARTIES:
            await book.open_account(deposit_account(party), party, AccountKind.DEPOSIT)


async def transfer(database: Database, book: EmbeddedBook, number: str, source: str, target: str, fen: int) -> bool:
    async with database.transaction():
        lines = [Line(source, debit_fen=fen), Line(target, credit_fen=fen)]
        return await book.post(number, DAY, "transfer", lines)


async def fund(database: Database, book: EmbeddedBook, party: str, fen: int) -> None:
    assert await transfer(database, book, f"fund-{party}", "cash", deposit_account(party), fen)


async def test_a_transfer_moves_money(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await fund(database, book, PARTIES[0], 100)
    assert await transfer(database, book, "t1", deposit_account(PARTIES[0]), deposit_account(PARTIES[1]), 40)
    assert await book.balance_fen(deposit_account(PARTIES[0])) == 60
    assert await book.balance_fen(deposit_account(PARTIES[1])) == 40
    assert await book.balance_fen("cash") == 100
    assert (await book.trial_balance()).difference_fen == 0


async def test_the_same_journal_again_changes_nothing(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await fund(database, book, PARTIES[0], 100)
    source, target = deposit_account(PARTIES[0]), deposit_account(PARTIES[1])
    assert await transfer(database, book, "t1", source, target, 40)
    assert not await transfer(database, book, "t1", source, target, 40)
    assert await book.balance_fen(target) == 40


async def test_the_same_id_with_other_content_is_refused(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await fund(database, book, PARTIES[0], 100)
    source, target = deposit_account(PARTIES[0]), deposit_account(PARTIES[1])
    await transfer(database, book, "t1", source, target, 40)
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        await transfer(database, book, "t1", source, target, 41)
    assert await book.balance_fen(target) == 40


async def test_a_deposit_is_never_overdrawn(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await fund(database, book, PARTIES[0], 100)
    with pytest.raises(HuilianError) as refused:
        await transfer(database, book, "t1", deposit_account(PARTIES[0]), deposit_account(PARTIES[1]), 101)
    assert refused.value.code == "INSUFFICIENT_FUNDS"
    assert await book.balance_fen(deposit_account(PARTIES[0])) == 100
    assert await store.stored_content(database, "t1") is None


async def test_a_loan_is_never_repaid_twice(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await transfer(database, book, "draw", "loan:1", deposit_account(PARTIES[0]), 100)
    assert await book.balance_fen("loan:1") == 100
    await fund(database, book, PARTIES[0], 500)
    with pytest.raises(JournalRefused):
        await transfer(database, book, "repay", deposit_account(PARTIES[0]), "loan:1", 101)


async def test_unknown_accounts_are_refused(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await transfer(database, book, "t1", "cash", "deposit:nobody", 1)
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        await book.balance_fen("deposit:nobody")


async def test_opening_again_is_harmless_but_not_for_another_owner(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await open_accounts(database, book)
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        async with database.transaction():
            await book.open_account("cash", "somebody", AccountKind.CASH)


@pytest.mark.parametrize("table", ["accounting_journal", "accounting_line"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "UPDATE {} SET {} = {}"])
async def test_journals_cannot_be_rewritten(database: Database, book: EmbeddedBook, table: str, sql: str) -> None:
    await open_accounts(database, book)
    await fund(database, book, PARTIES[0], 100)
    column = "narrative" if table.endswith("journal") else "debit_fen"
    with pytest.raises(BaseORMException, match="immutable"):
        async with database.transaction():
            await database.execute(sql.format(table, column, column))
    assert await book.balance_fen("cash") == 100


async def test_the_database_itself_refuses_an_overdraft(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    with pytest.raises(BaseORMException, match=r"(?i)check"):
        async with database.transaction():
            await database.execute("UPDATE accounting_account SET guarded_fen = -1 WHERE kind = 'DEPOSIT'")


async def test_each_statement_broken_leaves_nothing(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await fund(database, book, PARTIES[0], 100)
    before = await book.trial_balance()
    broken = 0
    while True:
        remaining = broken

        def listener(sql: str) -> None:
            nonlocal remaining
            if remaining == 0:
                raise ConnectionError(sql)
            remaining -= 1

        database.on_statement = listener
        try:
            await transfer(database, book, "t1", deposit_account(PARTIES[0]), deposit_account(PARTIES[1]), 40)
            break
        except ConnectionError:
            broken += 1
        finally:
            database.on_statement = None
        assert await book.trial_balance() == before
        assert await book.balance_fen(deposit_account(PARTIES[0])) == 100
    assert broken >= 5
    assert await book.balance_fen(deposit_account(PARTIES[1])) == 40


async def test_sixteen_races_for_one_balance(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await fund(database, book, PARTIES[0], 100)
    source, target = deposit_account(PARTIES[0]), deposit_account(PARTIES[1])

    async def pay(number: int) -> bool:
        try:
            return await transfer(database, book, f"t{number}", source, target, 30)
        except HuilianError as refused:
            assert refused.code == "INSUFFICIENT_FUNDS"
            return False

    paid = await asyncio.gather(*(asyncio.create_task(pay(number)) for number in range(16)))
    assert sum(paid) == 3
    assert await book.balance_fen(source) == 10


async def test_sixteen_posts_of_one_journal_post_once(database: Database, book: EmbeddedBook) -> None:
    await open_accounts(database, book)
    await fund(database, book, PARTIES[0], 100)
    source, target = deposit_account(PARTIES[0]), deposit_account(PARTIES[1])
    posts = (asyncio.create_task(transfer(database, book, "t1", source, target, 5)) for _ in range(16))
    assert sum(await asyncio.gather(*posts)) == 1
    assert await book.balance_fen(target) == 5


async def test_random_histories_keep_the_books(database: Database, book: EmbeddedBook) -> None:
    """Whatever is posted or refused: debits equal credits, and every kept balance is the sum of its lines."""
    await open_accounts(database, book)
    choice = random.Random(7)
    accounts = ["cash", "interest", "loan:1", *map(deposit_account, PARTIES)]
    for number in range(120):
        source, target = choice.sample(accounts, 2)
        try:
            await transfer(database, book, f"r{number}", source, target, choice.randint(1, 1000))
        except (HuilianError, JournalRefused):
            assert await store.stored_content(database, f"r{number}") is None
    assert (await book.trial_balance()).difference_fen == 0
    for account_id, kept_fen in (await store.guarded_balances()).items():
        summed = await store.credits_minus_debits(database, account_id)
        assert kept_fen == (-summed if account_id.startswith("loan") else summed) >= 0
