"""Random lives of an order loan on both databases: goods come in parts, are cancelled, are financed elsewhere."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from huilian_protocol.errors import HuilianError

from hub.lending.order_rules import ApplicationState
from hub.receivables.service import ReceivableState
from tests.unit.hub.lending.test_order_loans import MOST_FEN, billed, check, paid_out, seen
from tests.unit.hub.lending.world import BUYER, SUPPLIER, LendingWorld
from tests.unit.hub.receivables import trade

STEPS = 25


class Life:
    """One order of 100 kg of steel and 1,000 bolts."""

    def __init__(self, world: LendingWorld, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.number = 0
        self.left = {"steel": Decimal(100), "bolts": Decimal(1000)}
        self.done: list[str] = []

    async def step(self) -> None:
        self.number += 1
        choices = [self.deliver, self.deliver, self.deliver, self.cancel, self.steal, self.repay, self.wait]
        chosen = self.random.choice([*choices, self.world.settle_outbox, self.world.service.tick])
        try:
            await chosen()
            self.done.append(chosen.__name__)
        except HuilianError as refused:
            assert refused.code != "INTERNAL"

    async def deliver(self) -> None:
        item = self.random.choice(list(self.left))
        quantity = Decimal(self.random.randint(1, max(1, int(self.left[item]))))
        if quantity > self.left[item]:
            return
        self.left[item] -= quantity
        await billed(self.world, str(self.number), **{item: str(quantity)})

    async def cancel(self) -> None:
        item = self.random.choice(list(self.left))
        self.left[item] -= self.random.randint(0, int(self.left[item])) // 4
        self.world.trade.erps.put(trade.order(steel=str(self._ordered("steel")), bolts=str(self._ordered("bolts"))))
        await self.world.trade.sync()

    def _ordered(self, item: str) -> Decimal:
        """What was delivered and what is left: a buyer cannot cancel goods that came."""
        came = sum(
            line.quantity
            for change in self.world.trade.erps.changes
            if change.document is not None and change.document_id.startswith("shipment")
            for line in change.document.lines
            if line.order_line_id == {"steel": trade.STEEL, "bolts": trade.BOLTS}[item]
        )
        return max(came + self.left[item], Decimal(1))

    async def steal(self) -> None:
        """Another bank finances the next invoice first."""
        self.world.chain.locked[f"NOINVOICE{self.number + 1}"] = "another bank's claim"

    async def repay(self) -> None:
        loans = await self.world.service.loans.open_of(SUPPLIER)
        if loans:
            loan = self.random.choice(loans)
            owed_fen = int(loan.owed.total_fen)
            await self.world.repay(SUPPLIER, self.random.choice([owed_fen, max(1, owed_fen // 3)]), loan.record.loan_id)

    async def wait(self) -> None:
        self.world.clock.advance(timedelta(days=self.random.randint(0, 3)))

    async def check(self) -> None:
        """Principal is somewhere, once: on goods to come, on receivables, repaid or called in."""
        await check(self.world)
        loan = await seen(self.world)
        for line in loan.lines:
            assert line.open_fen >= 0 and line.remaining_fen >= 0
            assert line.converted_fen + line.called_fen + line.remaining_fen == line.principal_fen
        assert sum(line.principal_fen for line in loan.lines) == MOST_FEN
        assert (loan.application.state is ApplicationState.ENDED) == (loan.outstanding_fen == 0)
        for conversion in loan.conversions:
            secured = await self.world.service.orders.conversions.secured_on(conversion.receivable_id)
            state = (await self.world.trade.service.get_receivable(conversion.receivable_id)).state
            if secured:
                assert state in {ReceivableState.PLEDGED, ReceivableState.OVERDUE}
            elif conversion.state == "REFUSED":
                assert state is not ReceivableState.PLEDGED


@pytest.mark.parametrize("seed", range(3))
async def test_no_fen_is_lost_or_lent_twice(world: LendingWorld, seed: int) -> None:
    await paid_out(world)
    for party in (SUPPLIER, BUYER):
        await world.fund(party, 80_000)
    life = Life(world, seed)
    for _ in range(STEPS):
        await life.step()
        await life.check()
    await world.settle_outbox()
    await life.check()
    assert len(set(life.done)) >= 6, "a history of nothing but refusals shows nothing"
