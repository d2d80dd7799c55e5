"""What attackers do. Each deed goes through the services' public calls until it is refused, or fails to be.

A deed raises the refusal, or answers the financing that ended without money. `blocker` writes either as one text: the
code and what names the reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from huilian_protocol.confirmation import ReceivableConfirmation
from huilian_protocol.errors import HuilianError

from hub.lending.financings.stored import Financing
from hub.receivables.authenticity.rules import TaxState
from hub.receivables.disputes.desk import Ground
from hub.receivables.model import Receivable
from hub.receivables.trade.model import TradeDocument
from tests.unit.hub.lending import test_order_loans as orders
from tests.unit.hub.lending.world import LendingWorld
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import sign

BUYER, SUPPLIER, SECOND_TIER, STRANGER = trade.BUYER, trade.SUPPLIER, trade.SECOND_TIER, trade.DEALER
Deed = Callable[[LendingWorld], Awaitable[object]]
NAMING = ("reason", "field", "state", "resource", "provider")


async def blocker(world: LendingWorld, deed: Deed) -> str:
    """What stopped a deed: "CODE" or "CODE:reason"; "NOTHING" if nothing did."""
    try:
        outcome = await deed(world)
    except HuilianError as refusal:
        named = [refusal.params[name] for name in NAMING if name in refusal.params]
        return ":".join((refusal.code, *named[:1]))
    if isinstance(outcome, Financing) and outcome.loan_id is None:
        return f"{outcome.state}:{outcome.reasons[-1].code}"
    return "NOTHING"


# --- documents


async def put(world: LendingWorld, *documents: TradeDocument, issued: bool = True) -> Receivable:
    """Documents reach the ERP and are pulled; the receivable of the last of them."""
    for document in documents:
        world.trade.erps.put(document, issued=issued)
    taken = await world.trade.sync()
    return next(one for one in taken.receivables if one.invoice_document_id == documents[-1].document_id)


async def confirm(world: LendingWorld, receivable: Receivable) -> Receivable:
    """The buyer, who colludes or was fooled, signs whatever it is shown."""
    prepare = world.trade.service.confirmations.prepare
    return await world.trade.confirm(await prepare(BUYER, receivable.receivable_id))


def documents(**quantities: str) -> tuple[TradeDocument, TradeDocument, TradeDocument]:
    """An order, its goods receipt and the invoice over it."""
    return trade.order(), trade.receipt("shipment-1", **quantities), trade.invoice("invoice-1", **quantities)


def billing(invoice: TradeDocument, *before: TradeDocument, issued: bool = True) -> Deed:
    """The invoice, after these documents, is to be confirmed."""

    async def deed(world: LendingWorld) -> object:
        return await confirm(world, await put(world, *before, invoice, issued=issued))

    return deed


def second_billing(first: TradeDocument, *again: TradeDocument, receipt: TradeDocument | None = None) -> Deed:
    """An honest trade is confirmed, then the same is to be confirmed in another guise."""

    async def deed(world: LendingWorld) -> object:
        await confirm(world, await put(world, trade.order(), receipt or trade.receipt("shipment-1", steel="40"), first))
        return await confirm(world, await put(world, *again))

    return deed


# --- the tax authority


def recorded_otherwise(**changes: Any) -> Deed:
    """The ERP shows another invoice than the one that was issued."""

    async def deed(world: LendingWorld) -> object:
        receivable = await put(world, *documents(steel="40"))
        tax = world.trade.erps.tax
        tax.records["NO-invoice-1"] = replace(tax.records["NO-invoice-1"], **changes)
        return await confirm(world, receivable)

    return deed


def ended_before(moment: str, state: TaxState) -> Deed:
    """The invoice is offset or cancelled at some moment before the money goes out."""

    async def deed(world: LendingWorld) -> object:
        tax = world.trade.erps.tax
        if moment == "confirmation":
            receivable = await put(world, *documents(steel="40"))
            tax.end("NO-invoice-1", state)
            return await confirm(world, receivable)
        held = await world.held()
        if moment == "application":
            tax.end("NO-invoice-1", state)
            await world.trade.service.verify_invoice(held.receivable_id)
        await world.offered()
        if moment == "signature":
            tax.end("NO-invoice-1", state)
        await world.signed()
        if moment == "payment":
            tax.end("NO-invoice-1", state)
        await world.settle_outbox()
        return await world.financing()

    return deed


async def tax_authority_away(world: LendingWorld) -> object:
    receivable = await put(world, *documents(steel="40"))
    world.trade.erps.tax.away = True
    return await confirm(world, receivable)


# --- confirmations


def confirming(
    change: Callable[[ReceivableConfirmation], ReceivableConfirmation] = lambda message: message,
    signer: int | None = None,
    caller: str = BUYER,
    mangle: Callable[[bytes], bytes] = lambda signature: signature,
    later: dt.timedelta = dt.timedelta(0),
) -> Deed:
    """A confirmation that is forged, altered, kept or handed in by another."""

    async def deed(world: LendingWorld) -> object:
        receivable = await put(world, *documents(steel="40"))
        confirmations = world.trade.service.confirmations
        message = change(await confirmations.prepare(BUYER, receivable.receivable_id))
        signature = mangle(sign(message, signer) if signer else sign(message))
        world.clock.advance(later)
        await world.trade.service.authenticity.check(receivable.receivable_id)
        return await world.run(lambda: confirmations.confirm(caller, message, signature))

    return deed


async def confirmed_again(world: LendingWorld) -> object:
    receivable = await put(world, *documents(steel="40"))
    message = await world.trade.service.confirmations.prepare(BUYER, receivable.receivable_id)
    await world.trade.confirm(message)
    return await world.trade.confirm(message)


async def confirmed_for_another(world: LendingWorld) -> object:
    """A signature over one receivable is handed in for another one."""
    first = await world.trade.matched("1", "40")
    second = await world.trade.matched("2", "41")
    prepare, confirm_ = world.trade.service.confirmations.prepare, world.trade.service.confirmations.confirm
    signature = sign(await prepare(BUYER, first.receivable_id))
    message = await prepare(BUYER, second.receivable_id)
    await world.trade.service.authenticity.check(second.receivable_id)
    return await world.run(lambda: confirm_(BUYER, message, signature))


# --- certificates


def on_certificate(act: Callable[[LendingWorld], Awaitable[object]], before: Deed | None = None) -> Deed:
    """An act on the supplier's certificate of 50,000 fen, after something else happened to it."""

    async def deed(world: LendingWorld) -> object:
        await world.held()
        if before is not None:
            await before(world)
        return await act(world)

    return deed


def issue(amount_fen: int, caller: str = BUYER, times: int = 1, certificate_id: str = "root") -> Deed:
    """Certificates over the one confirmed receivable of 50,020 fen."""

    async def deed(world: LendingWorld) -> object:
        receivable = await world.trade.confirmed()
        certificates = world.trade.service.certificates
        for number in range(times):
            name = f"{certificate_id}-{number}"
            await world.run(lambda name=name: certificates.issue(caller, name, receivable.receivable_id, amount_fen))
        return None

    return deed


def split(caller: str = SUPPLIER, *amounts: int, source: str = "certificate-1") -> Deed:
    async def deed(world: LendingWorld) -> object:
        parts = [(f"part-{source}-{place}", amount) for place, amount in enumerate(amounts)]
        return await world.run(lambda: world.trade.service.certificates.split(caller, source, parts))

    return deed


def transfer(
    caller: str = SUPPLIER, receiver: str = SECOND_TIER, new: str = "passed-1", source: str = "certificate-1"
) -> Deed:
    async def deed(world: LendingWorld) -> object:
        return await world.run(lambda: world.trade.service.certificates.transfer(caller, source, new, receiver))

    return deed


def accept(caller: str, certificate_id: str = "passed-1") -> Deed:
    async def deed(world: LendingWorld) -> object:
        return await world.run(lambda: world.trade.service.certificates.accept(caller, certificate_id))

    return deed


def refuse(caller: str, certificate_id: str = "passed-1") -> Deed:
    async def deed(world: LendingWorld) -> object:
        return await world.run(lambda: world.trade.service.certificates.refuse(caller, certificate_id))

    return deed


def apply(
    caller: str = SUPPLIER, certificate_id: str = "certificate-1", amount_fen: int = 0, name: str = "financing-1"
) -> Deed:
    async def deed(world: LendingWorld) -> object:
        return await world.run(lambda: world.service.financings.apply(caller, name, certificate_id, amount_fen))

    return deed


async def disburse(world: LendingWorld) -> object:
    """The certificate's holder applies, signs and is paid."""
    await world.offered()
    await world.signed()
    await world.settle_outbox()
    return await world.financing()


def then(*deeds: Deed) -> Deed:
    """One after the other; the last is the attack."""

    async def deed(world: LendingWorld) -> object:
        outcome: object = None
        for one in deeds:
            outcome = await one(world)
        return outcome

    return deed


async def financed_elsewhere(world: LendingWorld) -> object:
    """Another bank locked the same invoice on the chain first."""
    await world.held()
    world.chain.locked["NOINVOICE1"] = "another-bank"
    await disburse(world)
    return await world.financing()


def dispute(ground: Ground, caller: str = BUYER, certificated: bool = False) -> Deed:
    """Who confirmed disputes away what others rely on."""

    async def deed(world: LendingWorld) -> object:
        if certificated:
            receivable_id = (await world.held()).receivable_id
        else:
            receivable_id = (await world.trade.matched()).receivable_id
        act = world.trade.service.disputes.dispute
        return await world.run(lambda: act(caller, receivable_id, ground, ""))

    return deed


async def issue_on_disputed(world: LendingWorld) -> object:
    receivable = await world.trade.confirmed()
    act, certificates = world.trade.service.disputes.dispute, world.trade.service.certificates
    await world.run(lambda: act(BUYER, receivable.receivable_id, Ground.QUALITY, ""))
    return await world.run(lambda: certificates.issue(BUYER, "root-1", receivable.receivable_id, 100))


# --- orders


async def order_twice(world: LendingWorld) -> object:
    """A second loan on an order that is lent on already."""
    await orders.paid_out(world)
    return await world.run(lambda: world.service.orders.apply(SUPPLIER, "loan-again", BUYER, orders.ORDER, 0, 60))


async def order_and_invoice(world: LendingWorld) -> object:
    """The order is pledged; its invoice is to be made a certificate as well."""
    await orders.paid_out(world)
    receivable = await orders.billed(world, steel="40")
    certificates = world.trade.service.certificates
    return await world.run(lambda: certificates.issue(BUYER, "root-1", receivable.receivable_id, 100))


# --- large trades that repeat others


def repeated(*names_and_quantities: tuple[str, str]) -> Deed:
    """Large trades under orders of their own, the last of which is to be financed."""

    async def deed(world: LendingWorld) -> object:
        receivable: Receivable | None = None
        for name, steel in names_and_quantities:
            order_id = f"purchase-{name}"
            receivable = await put(
                world,
                trade.order("100000", document_id=order_id),
                trade.receipt(f"shipment-{name}", order_id, steel=steel),
                trade.invoice(f"invoice-{name}", order_id, steel=steel),
            )
        assert receivable is not None
        confirmed = await confirm(world, receivable)
        certificates, amount = world.trade.service.certificates, confirmed.amount_fen
        await world.run(lambda: certificates.issue(BUYER, "large-1", confirmed.receivable_id, amount))
        await world.run(lambda: certificates.accept(SUPPLIER, "large-1"))
        return await apply(certificate_id="large-1", amount_fen=100_000)(world)

    return deed
