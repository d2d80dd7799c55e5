"""Certificates handed on, and flash loans drawn and repaid, on PostgreSQL with fsync ÷ the very same SQL run raw.

Ours are whole use cases as the hub's servicers run them: request and answer, idempotency, rules, loan engine, log
record, journals; without network and transport. The baseline sends every statement of one such use case again, with the
same values under other ids (`raw_postgres.py`). Both sides have as many callers, on one server that waits for its disk.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
from huilian.lending.v1 import loan_service_pb2 as loans
from huilian.receivables.v1 import certificate_service_pb2 as certificates
from huilian_protocol.clock import FixedClock

from hub.lending.loans.rpc import LoanServicer
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.ids import random_id
from hub.receivables.certificates.rpc import CertificateServicer
from loadtests.bench.raw_postgres import Connection, Template, cloned, recorded
from loadtests.pairs import Pair, Side, concurrently
from tests.conftest import START
from tests.support.postgres import PostgresServer
from tests.unit.hub.lending.world import SECOND_TIER, SUPPLIER, LendingWorld

TRANSFERS = "certificate transfers on PostgreSQL (transfer, accept)"
DRAWS = "flash loan draw and repay on PostgreSQL"
CALLERS, COUNT, ROUNDS = 8, 160, 5
USES_OF_A_LOAN = 4
"""A real loan has a handful of events: after so many draws and repayments the next loan is used."""
AMOUNT_FEN = 10_000
_OWN = (os.getpid(),)
"""Both sides run in this process: what PostgreSQL spends is the same and not counted."""


@asynccontextmanager
async def trade_pairs(wanted: Callable[[str], bool]) -> AsyncIterator[list[Pair]]:
    """Both pairs; none, and no server, when none is wanted."""
    if not wanted(TRANSFERS) and not wanted(DRAWS):
        yield []
        return
    server = PostgresServer(durable=True)
    server.start()
    try:
        async with AsyncExitStack() as stack:
            database = Database(server.url("postgres"))
            await database.open()
            stack.push_async_callback(database.close)
            await database.migrate()
            world = LendingWorld(database, FixedClock(START), random_id)
            raw = [await stack.enter_async_context(_connected(server.url("postgres"))) for _ in range(CALLERS)]
            yield [await _transfers(world, raw), await _draws(world, raw)]
    finally:
        server.stop()


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _transfers(world: LendingWorld, raw: list[Connection]) -> Pair:
    await world.held("bench-root", 48_000)
    parts = [(f"bench-hand-{number:04d}", 1_000) for number in range(2 * CALLERS + 1)]
    rest = [("bench-rest", 48_000 - 1_000 * len(parts))]
    await world.run(lambda: world.trade.service.certificates.split(SUPPLIER, "bench-root", [*parts, *rest]))
    served = CertificateServicer(world.trade.service, Idempotency(world.database, world.clock))
    hands = [_Hands(served, name) for name, _ in parts[: CALLERS + 1]]
    # Twice before: what a first use alone would send is no part of it.
    await hands[CALLERS].hand_on()
    template = await hands[CALLERS].template()
    held = [name for name, _ in parts[CALLERS + 1 :]]

    async def again(number: int) -> None:
        fresh = [uuid.uuid4().hex for _ in range(3)]
        await template.replay(raw[number], number, held[number], *fresh)
        held[number] = fresh[0]

    return Pair(
        TRANSFERS,
        "transfers",
        Side(
            "two use cases of the hub", concurrently(lambda number: hands[number].hand_on(), CALLERS), COUNT, pids=_OWN
        ),
        Side("the same SQL run raw", concurrently(again, CALLERS), COUNT, pids=_OWN),
        ROUNDS,
    )


class _Hands:
    """Two enterprises and one certificate between them."""

    def __init__(self, served: CertificateServicer, certificate_id: str) -> None:
        self._served, self._certificate_id = served, certificate_id
        self._parties = itertools.cycle([(SUPPLIER, SECOND_TIER), (SECOND_TIER, SUPPLIER)])

    async def hand_on(self) -> None:
        """The holder transfers the certificate to the other, who accepts it."""
        await self._once(*(uuid.uuid4().hex for _ in range(3)))

    async def template(self) -> Template:
        """The same, keeping what it sends: the certificate, then the new one and both request ids are replaced."""
        parent, fresh = self._certificate_id, [uuid.uuid4().hex for _ in range(3)]
        return await recorded(lambda: self._once(*fresh), [parent, *fresh])

    async def _once(self, new_id: str, transfer_id: str, accept_id: str) -> None:
        giver, receiver = next(self._parties)
        set_current_caller(Caller(giver, Role.ENTERPRISE))
        await self._served.TransferCertificate(
            certificates.TransferCertificateRequest(
                request_id=transfer_id,
                certificate_id=self._certificate_id,
                new_certificate_id=new_id,
                receiver_uscc=receiver,
            ),
            None,
        )
        set_current_caller(Caller(receiver, Role.ENTERPRISE))
        accept = certificates.AcceptCertificateRequest(request_id=accept_id, certificate_id=new_id)
        await self._served.AcceptCertificate(accept, None)
        self._certificate_id = new_id


class _Borrowers:
    """Copies of one flash loan, each of a person of its own, with the rows that its use cases touch."""

    def __init__(self, connection: Connection, subject: str, loan_id: str, events: int) -> None:
        self._connection, self._subject, self._loan_id, self._events = connection, subject, loan_id, events
        self._first = 0

    async def more(self, count: int) -> list[tuple[str, str]]:
        """So many new ones: (person, loan)."""
        names = [(self._subject, "bench-person-"), (self._loan_id, "bench-loan-")]
        loan = f"loan_id = '{self._loan_id}'"
        holds = f"reference = '{self._loan_id}'"
        own = f"limit_id LIKE '%{self._subject}%'"
        accounts = f"account_id IN ('deposit:{self._subject}', 'loan:{self._loan_id}')"
        for table, condition in (
            ("lending_loan", loan),
            ("lending_loan_event", f"{loan} AND sequence < {self._events}"),
            ("accounting_account", accounts),
            ("lending_limit", own),
            ("lending_limit_use", holds),
        ):
            await cloned(self._connection, table, condition, names, count, self._first)
        made = range(self._first, self._first + count)
        self._first += count
        return [(f"bench-person-{number:06d}", f"bench-loan-{number:06d}") for number in made]


async def _draws(world: LendingWorld, raw: list[Connection]) -> Pair:
    citizen, loan_id = world.borrower(), "bench-template-loan"
    offer = await world.applied(citizen, 5_000_000, loan_id)
    await world.sign(citizen, citizen.device.sign(offer.challenge), loan_id)
    # What it owes beyond: so that there is something to draw, whatever was paid out.
    await world.repay(citizen.subject, 1_000_000, loan_id)
    served = LoanServicer(world.service, Idempotency(world.database, world.clock))
    await _draw_and_repay(served, citizen.subject, loan_id, _ids())
    before = len((await world.service.loans.get(citizen.subject, loan_id)).events)
    fresh = [uuid.uuid4().hex for _ in range(2)]
    template = await recorded(
        lambda: _draw_and_repay(served, citizen.subject, loan_id, iter(fresh)), [citizen.subject, loan_id, *fresh]
    )
    borrowers = _Borrowers(raw[0], citizen.subject, loan_id, before)
    ours: list[list[tuple[str, str]]] = [[] for _ in range(CALLERS)]
    theirs: list[list[tuple[str, str]]] = [[] for _ in range(CALLERS)]

    async def prepare(count: int) -> None:
        each = -(-count // USES_OF_A_LOAN) + CALLERS
        made = await borrowers.more(each * CALLERS)
        for number in range(CALLERS):
            mine = made[number * each : (number + 1) * each]
            ours[number] = [one for one in mine for _ in range(USES_OF_A_LOAN)]

    async def prepare_raw(count: int) -> None:
        made = await borrowers.more(count * CALLERS)
        for number in range(CALLERS):
            theirs[number] = made[number * count : (number + 1) * count]

    async def once(number: int) -> None:
        await _draw_and_repay(served, *ours[number].pop(), _ids())

    async def again(number: int) -> None:
        await template.replay(raw[number], number, *theirs[number].pop(), *(uuid.uuid4().hex for _ in range(2)))

    return Pair(
        DRAWS,
        "draws and repayments",
        Side("two use cases of the hub", concurrently(once, CALLERS), COUNT, prepare, _OWN),
        Side("the same SQL run raw", concurrently(again, CALLERS), COUNT, prepare_raw, _OWN),
        ROUNDS,
    )


async def _draw_and_repay(served: LoanServicer, person: str, loan_id: str, ids: Iterator[str]) -> None:
    set_current_caller(Caller(person, Role.CITIZEN))
    await served.DrawLoan(loans.DrawLoanRequest(request_id=next(ids), loan_id=loan_id, amount_fen=AMOUNT_FEN), None)
    await served.RepayLoan(loans.RepayLoanRequest(request_id=next(ids), loan_id=loan_id, amount_fen=AMOUNT_FEN), None)


def _ids() -> Iterator[str]:
    while True:
        yield uuid.uuid4().hex
