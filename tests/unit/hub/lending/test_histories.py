"""Random lives of loans and financings on both databases: after every step the books, limits and events agree."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from huilian_loans import replay
from huilian_loans.documents import read_terms
from huilian_protocol.errors import HuilianError

from hub.lending.stored_loans import REPAYMENT, engine_events
from hub.receivables.service import ReceivableState
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld, at_noon

STEPS = 50
PARTS = 4


class Life:
    """One random history over one person's loan and four certificates of one receivable."""

    def __init__(self, world: LendingWorld, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.citizen = world.borrower()
        self.number = 0
        self.applied: list[str] = []
        self.done = 0

    async def begin(self) -> None:
        """Certificates in the supplier's hands, money with everybody."""
        await self.world.held()
        parts = [(f"certificate-p{number}", 12_500) for number in range(PARTS)]
        await self.world.run(lambda: self.world.trade.service.certificates.split(SUPPLIER, "certificate-1", parts))
        for party, fen in ((BUYER, 30_000), (SUPPLIER, 5_000), (self.citizen.subject, 2_000_000)):
            await self.world.fund(party, fen)
        await self.world.run(lambda: self.world.service.limits.set(f"receivable-loan:{BUYER}", 30_000))

    async def step(self) -> None:
        """Something happens, or is refused for a reason that has a code."""
        self.number += 1
        choices: list[Callable[[], Awaitable[object]]] = [
            self.apply, self.apply, self.accept, self.accept, self.withdraw, self.repay_financing,
            self.world.settle_outbox, self.world.settle_outbox, self.settle_chain,
            self.borrow, self.draw, self.repay, self.payoff, self.wait, self.world.service.tick, self.pay_in,
        ]  # fmt: skip
        try:
            await self.random.choice(choices)()
            self.done += 1
        except HuilianError as refused:
            assert refused.code != "INTERNAL"

    async def apply(self) -> None:
        name = f"financing-{self.number}"
        await self.world.offered(0, name, self._certificate())
        self.applied.append(name)

    async def accept(self) -> None:
        await self.world.signed(self._financing())

    async def withdraw(self) -> None:
        await self.world.withdrawn(self._financing())

    async def repay_financing(self) -> None:
        loan_id = self._financing()
        owed = await self.world.service.loans.payoff(SUPPLIER, loan_id)
        part = self.random.choice([int(owed.total_fen), self.random.randint(1, 12_000)])
        await self.world.repay(SUPPLIER, part, loan_id)

    async def borrow(self) -> None:
        offer = await self.world.applied(self.citizen, 1_000_000, f"application-{self.number}", 60)
        await self.world.sign(self.citizen, self.citizen.device.sign(offer.challenge), offer.application_id)

    async def draw(self) -> None:
        await self.world.draw(self.citizen.subject, self.random.randint(1, 9_000_000), await self._loan())

    async def repay(self) -> None:
        await self.world.repay(self.citizen.subject, self.random.randint(1, 900_000), await self._loan())

    async def payoff(self) -> None:
        loan_id = await self._loan()
        owed = await self.world.service.loans.payoff(self.citizen.subject, loan_id)
        loan = await self.world.repay(self.citizen.subject, int(owed.total_fen), loan_id)
        assert loan.owed.total_fen == 0

    async def settle_chain(self) -> None:
        self.world.chain.away = not self.world.chain.away

    async def wait(self) -> None:
        self.world.clock.advance(timedelta(hours=self.random.choice([1, 5, 20, 60])))

    async def pay_in(self) -> None:
        party = self.random.choice([BUYER, SUPPLIER, self.citizen.subject])
        await self.world.fund(party, self.random.randint(1, 40_000))

    async def pay_part(self) -> None:
        """The buyer pays a part of what is due, or is refused for a reason that has a code."""
        self.number += 1
        certificate = await self.world.trade.service.get_certificate("certificate-1")
        book, amount_fen = self.world.service.part_payments.book, self.random.randint(1, 20_000)
        try:
            await self.world.run(lambda: book(f"payment-{self.number}", certificate.receivable_id, BUYER, amount_fen))
        except HuilianError as refused:
            # A financing that is offered still blocks a certificate.
            assert refused.code in {"STATE_CONFLICT", "AMOUNT_EXCEEDS_RECEIVABLE"}

    async def end(self) -> None:
        """The due date comes, the chain is back and the buyer has the money: whatever happened before, all is paid."""
        self.world.chain.away = False
        await self.world.fund(BUYER, 60_000)
        self.world.clock.advance(max(at_noon(2026, 4, 5) - self.world.clock.now(), timedelta(0)))
        await self.world.settle_outbox()
        for _ in range(self.random.randrange(5)):
            await self.pay_part()
            await self.check()
        await self.world.service.tick()
        certificate = await self.world.trade.service.get_certificate("certificate-1")
        receivable = await self.world.trade.service.get_receivable(certificate.receivable_id)
        assert receivable.state is ReceivableState.SETTLED
        limit = await self.world.service.limits.get(f"receivable-loan:{BUYER}")
        assert (limit.blocked_fen, limit.utilised_fen) == (0, 0)

    async def check(self) -> None:
        """The invariants."""
        world = self.world
        await world.check_books()
        await world.check_limits()
        await self._check_loans()

    async def _check_loans(self) -> None:
        for row in await self.world.database.fetch("SELECT loan_id, borrower FROM lending_loan"):
            loan = await self.world.service.loans.get(row["borrower"], row["loan_id"])
            applied = replay(read_terms(loan.record.terms), engine_events(list(loan.events)))
            for event, again in zip(loan.events, applied, strict=True):
                if event.kind == REPAYMENT:
                    parts = (event.fees_part_fen, event.interest_part_fen, event.principal_part_fen)
                    assert parts == tuple(int(part) for part in vars(again.paid).values())
            use = await self.world.database.fetch(
                "SELECT utilised_fen FROM lending_limit_use WHERE reference = $1",
                loan.record.financing_id or loan.record.loan_id,
            )
            assert use[0]["utilised_fen"] == loan.owed.principal_fen

    def _certificate(self) -> str:
        return f"certificate-p{self.random.randrange(PARTS)}"

    def _financing(self) -> str:
        """Mostly one of the newest, so that lives go on; sometimes one that does not exist."""
        return self.random.choice([*self.applied[-4:], *self.applied[-2:], "financing-none"])

    async def _loan(self) -> str:
        loans = await self.world.service.loans.open_of(self.citizen.subject)
        return loans[0].record.loan_id if loans else "none"


@pytest.mark.parametrize("seed", range(2))
async def test_a_random_life(world: LendingWorld, seed: int) -> None:
    life = Life(world, seed)
    await life.begin()
    for _ in range(STEPS):
        await life.step()
        await life.check()
    assert life.done > STEPS // 4
    await life.end()
    await life.check()
