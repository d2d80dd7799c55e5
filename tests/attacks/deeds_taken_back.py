"""What attackers do with returns, credit notes and courts' orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from huilian_protocol.errors import HuilianError

from hub.receivables.disputes.desk import Ground
from hub.receivables.service import FrozenKind
from hub.receivables.trade.model import TradeDocument
from tests.attacks import deeds
from tests.attacks.deeds import BUYER, SUPPLIER, Deed
from tests.unit.hub.lending import test_order_loans as orders
from tests.unit.hub.lending.world import LendingWorld
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import sign

COURT = "沙盒市中级人民法院"
Act = Callable[[LendingWorld, str], Awaitable[object]]
"""Something done with the receivable of this id."""


async def news(world: LendingWorld, *documents: TradeDocument, erp_state: str = "posted") -> None:
    """Documents reach the ERP and are pulled; one that was left out is refused by what is wrong with it."""
    for document in documents:
        world.trade.erps.put(document, erp_state)
    taken = await world.trade.sync()
    if taken.rejected:
        raise HuilianError("PROVIDER_FAULT", provider="ERP", reason=taken.rejected[0].fault.split(": ")[-1])


def before_signing(*documents: TradeDocument) -> Deed:
    """40 kg are billed, these documents come, and the buyer signs all the same."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.matched(steel="40")
        await news(world, *documents)
        return await deeds.confirm(world, receivable)

    return deed


def while_signing(*documents: TradeDocument) -> Deed:
    """The buyer signs the whole, these documents come, the signature is handed in."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.matched(steel="40")
        message = await world.trade.service.confirmations.prepare(BUYER, receivable.receivable_id)
        signature = sign(message)
        await news(world, *documents)
        return await world.trade.confirm(message, signature)

    return deed


def after_signing(act: Act, *documents: TradeDocument, certificated_fen: int = 0) -> Deed:
    """40 kg are billed and confirmed, a part is certificated, these documents come, and then somebody acts."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.confirmed(steel="40")
        if certificated_fen:
            await issue(certificated_fen, "first-1")(world, receivable.receivable_id)
        await news(world, *documents)
        return await act(world, receivable.receivable_id)

    return deed


def hidden_and_back(act: Act) -> Deed:
    """A credit note is withdrawn for the signature and comes back after it."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.matched(steel="40")
        note = trade.credit("credit-1", "invoice-1", steel="10")
        await news(world, note)
        await news(world, note, erp_state="cancelled")
        await deeds.confirm(world, receivable)
        await news(world, note)
        return await act(world, receivable.receivable_id)

    return deed


def withdrawn_after(act: Act) -> Deed:
    """A credit note that diluted is withdrawn, and somebody acts as if nothing had been."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.confirmed(steel="40")
        note = trade.credit("credit-1", "invoice-1", steel="10")
        await news(world, note)
        await news(world, note, erp_state="cancelled")
        return await act(world, receivable.receivable_id)

    return deed


def older_version_again(act: Act) -> Deed:
    """A credit note grew; its first version is sent again to make it small."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.matched(steel="40")
        await news(world, trade.credit("credit-1", "invoice-1", steel="1"))
        await news(world, trade.credit("credit-1", "invoice-1", steel="30"))
        world.trade.erps.put(trade.credit("credit-1", "invoice-1", steel="1"), version=1)
        await world.trade.sync()
        await deeds.confirm(world, receivable)
        return await act(world, receivable.receivable_id)

    return deed


def second_invoice(steel: str, *between: TradeDocument, confirmed: bool = False) -> Deed:
    """40 of 40 kg are billed, these documents come, and the same goods are billed again."""

    async def deed(world: LendingWorld) -> object:
        first = await world.trade.matched(steel="40")
        if confirmed:
            await deeds.confirm(world, first)
        await news(world, *between)
        return await deeds.confirm(world, await deeds.put(world, trade.invoice("invoice-2", steel=steel)))

    return deed


def credited_and_renumbered(steel: str) -> Deed:
    """A large trade, made a little smaller by a credit note, is repeated whole under another order and number."""

    async def deed(world: LendingWorld) -> object:
        await _large(world, "1", steel)
        await news(world, trade.credit("credit-1", "invoice-1", order_id="purchase-1", steel="1"))
        return await deeds.repeated(("2", steel))(world)

    return deed


async def returned_under_a_loan(world: LendingWorld) -> object:
    """An order is lent on, its goods are billed, confirmed, lent on and sent back; then they are certificated."""
    await orders.paid_out(world)
    receivable = await orders.delivered(world, steel="40")
    await news(world, trade.returned("return-1", orders.ORDER, steel="10"))
    return await issue(100)(world, receivable.receivable_id)


def issue(amount_fen: int, certificate_id: str = "root-1") -> Act:
    """A certificate over the receivable."""

    async def act(world: LendingWorld, receivable_id: str) -> object:
        certificates = world.trade.service.certificates
        return await world.run(lambda: certificates.issue(BUYER, certificate_id, receivable_id, amount_fen))

    return act


async def pledge(world: LendingWorld, receivable_id: str) -> object:
    return await world.run(lambda: world.trade.service.pledge(receivable_id, "loan-0001"))


async def refuse_and_pledge(world: LendingWorld, receivable_id: str) -> object:
    """The supplier hands the only certificate back, so that the whole receivable can be pledged."""
    await world.run(lambda: world.trade.service.certificates.refuse(SUPPLIER, "first-1"))
    return await pledge(world, receivable_id)


# --- courts


def frozen(act: Deed, object_id: str = "certificate-1", before: Deed | None = None) -> Deed:
    """A court freezes the supplier's certificate, and then somebody acts."""

    async def deed(world: LendingWorld) -> object:
        await world.held()
        if before is not None:
            await before(world)
        await _freeze(world, FrozenKind.CERTIFICATE, object_id)
        return await act(world)

    return deed


def frozen_receivable(act: Act, *documents: TradeDocument) -> Deed:
    """A court freezes a confirmed receivable, these documents come, and then somebody acts."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.confirmed(steel="40")
        await _freeze(world, FrozenKind.RECEIVABLE, receivable.receivable_id)
        await news(world, *documents)
        return await act(world, receivable.receivable_id)

    return deed


async def freeze_again(world: LendingWorld) -> object:
    """One order of a court is entered twice."""
    return await _freeze(world, FrozenKind.CERTIFICATE, "certificate-1")


async def lift_twice(world: LendingWorld) -> object:
    """An order that lifted one freeze is to lift it again."""
    unfreeze = world.trade.service.freezes.unfreeze
    await world.run(lambda: unfreeze("freeze-1", "之一"))
    return await world.run(lambda: unfreeze("freeze-1", "之二"))


async def give_up(world: LendingWorld, receivable_id: str) -> object:
    return await world.run(lambda: world.trade.service.disputes.give_up(SUPPLIER, receivable_id))


def frozen_in_dispute(act: Act, *documents: TradeDocument, first: bool) -> Deed:
    """The buyer disputes, or these documents dilute, before or after the court comes; then somebody acts."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.confirmed(steel="40")
        identity = receivable.receivable_id
        if not first:
            await _freeze(world, FrozenKind.RECEIVABLE, identity)
        if documents:
            await news(world, *documents)
        else:
            dispute = world.trade.service.disputes.dispute
            await world.run(lambda: dispute(BUYER, identity, Ground.PRICE, ""))
        if first:
            await _freeze(world, FrozenKind.RECEIVABLE, identity)
        return await act(world, identity)

    return deed


async def reinstate(world: LendingWorld, receivable_id: str) -> object:
    return await world.run(lambda: world.trade.service.disputes.reinstate(BUYER, receivable_id))


async def _freeze(world: LendingWorld, kind: FrozenKind, object_id: str) -> object:
    freeze = world.trade.service.freezes.freeze
    return await world.run(lambda: freeze("freeze-1", kind, object_id, "(2026)沪01执1号", COURT))


async def _large(world: LendingWorld, name: str, steel: str) -> None:
    order_id = f"purchase-{name}"
    await deeds.put(
        world,
        trade.order("100000", document_id=order_id),
        trade.receipt(f"shipment-{name}", order_id, steel=steel),
        trade.invoice(f"invoice-{name}", order_id, steel=steel),
    )
