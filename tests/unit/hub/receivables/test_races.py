"""Many at once: exactly one wins, and the sums stay whole. Sixteen tasks over one service, as in one hub process."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Awaitable, Callable

from huilian_protocol.errors import HuilianError

from hub.receivables.certificates.store import CertificateRow
from hub.receivables.states import UNSPENT_STATES, CertificateState
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, sign

RACERS = 16


async def race(world: World, racer: Callable[[int], Awaitable[object]]) -> Counter[str]:
    """How each of the racers ended: "won" or the code of the refusal."""

    async def run(number: int) -> str:
        try:
            await world.run(lambda: racer(number))
        except HuilianError as error:
            return error.code
        return "won"

    return Counter(await asyncio.gather(*(run(number) for number in range(RACERS))))


async def unspent_fen(receivable_id: str) -> int:
    rows = await CertificateRow.filter(receivable_id=receivable_id)
    return sum(row.amount_fen for row in rows if CertificateState(row.state) in UNSPENT_STATES)


async def test_one_certificate_is_transferred_once(world: World) -> None:
    certificate = await world.held()
    transfer = world.service.certificates.transfer
    outcome = await race(
        world, lambda n: transfer(trade.SUPPLIER, "certificate-1", f"certificate-new-{n}", trade.SECOND_TIER)
    )
    assert outcome == {"won": 1, "STATE_CONFLICT": RACERS - 1}
    assert await unspent_fen(certificate.receivable_id) == 50_000


async def test_one_certificate_is_spent_in_one_way(world: World) -> None:
    certificate = await world.held(amount_fen=100)
    certificates = world.service.certificates

    def spend(number: int) -> Awaitable[object]:
        if number % 3 == 0:
            new_id = f"certificate-new-{number}"
            return certificates.transfer(trade.SUPPLIER, "certificate-1", new_id, trade.SECOND_TIER)
        if number % 3 == 1:
            parts = [(f"certificate-a-{number}", 60), (f"certificate-b-{number}", 40)]
            return certificates.split(trade.SUPPLIER, "certificate-1", parts)
        return world.service.block_for_financing("certificate-1", f"financing-{number}")

    outcome = await race(world, spend)
    assert outcome == {"won": 1, "STATE_CONFLICT": RACERS - 1}
    assert await unspent_fen(certificate.receivable_id) == 100


async def test_one_receivable_is_never_issued_over_its_amount(world: World) -> None:
    receivable = await world.confirmed()
    issue = world.service.certificates.issue
    outcome = await race(world, lambda n: issue(trade.BUYER, f"certificate-{n}-new", receivable.receivable_id, 10_000))
    assert outcome == {"won": 5, "AMOUNT_EXCEEDS_RECEIVABLE": RACERS - 5}
    after = await world.service.get_receivable(receivable.receivable_id)
    assert after.issued_fen == await unspent_fen(receivable.receivable_id) == 50_000


async def test_one_id_names_one_certificate(world: World) -> None:
    receivable = await world.confirmed()
    issue = world.service.certificates.issue
    outcome = await race(world, lambda n: issue(trade.BUYER, "certificate-1", receivable.receivable_id, 1))
    assert outcome == {"won": 1, "ALREADY_EXISTS": RACERS - 1}
    assert (await world.service.get_receivable(receivable.receivable_id)).issued_fen == 1


async def test_one_receivable_is_confirmed_once(world: World) -> None:
    receivable = await world.matched()
    message = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    await world.service.authenticity.check(receivable.receivable_id)
    confirm = world.service.confirmations.confirm
    outcome = await race(world, lambda n: confirm(trade.BUYER, message, sign(message)))
    assert outcome == {"won": 1, "STATE_CONFLICT": RACERS - 1}


async def test_one_offer_is_taken_or_refused(world: World) -> None:
    receivable = await world.confirmed()
    certificates = world.service.certificates
    await world.run(lambda: certificates.issue(trade.BUYER, "certificate-1", receivable.receivable_id, 100))

    def answer(number: int) -> Awaitable[object]:
        decide = certificates.accept if number % 2 else certificates.refuse
        return decide(trade.SUPPLIER, "certificate-1")

    assert await race(world, answer) == {"won": 1, "STATE_CONFLICT": RACERS - 1}
    after = await world.service.get_receivable(receivable.receivable_id)
    assert after.issued_fen == await unspent_fen(receivable.receivable_id)


async def test_one_pull_is_taken_in_once(world: World) -> None:
    world.erps.put(trade.order())
    world.erps.put(trade.receipt("shipment-1", steel="40"))
    world.erps.put(trade.invoice("invoice-1", steel="40"))
    pulled = await world.service.trade.pull(trade.BUYER)
    assert await race(world, lambda n: world.service.trade.take_in(pulled)) == {"won": RACERS}
    assert len((await world.service.list_own(trade.BUYER, 50, "")).items) == 1


async def test_redeeming_counts_once(world: World) -> None:

    certificate = await world.held()
    world.clock.advance(dt.timedelta(days=40))
    await world.run(lambda: world.service.fall_due(certificate.receivable_id))
    assert await race(world, lambda n: world.service.redeem("certificate-1")) == {"won": RACERS}
    assert (await world.service.get_receivable(certificate.receivable_id)).redeemed_fen == 50_000
