"""Invoice verification: nothing is confirmed or financed on an invoice that the tax authority does not know."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from hub.receivables.authenticity.rules import CHECK_LIFE, TaxRecord, TaxState, judge
from hub.receivables.authenticity.store import InvoiceCheckRow
from hub.receivables.fraud_rules import FraudRule
from hub.receivables.model import Receivable
from hub.receivables.states import ReceivableState
from tests.support.breaking import break_at_each_statement
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World, refused, sign

INVOICE = trade.invoice("invoice-1", tax_fen=6, steel="40")
GOOD = TaxRecord(TaxState.NORMAL, trade.SUPPLIER, trade.BUYER, INVOICE.issue_date, INVOICE.payable_amount_fen, 6)


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (GOOD, None),
        (None, FraudRule.INVOICE_UNKNOWN),
        (replace(GOOD, state=TaxState.RED_OFFSET), FraudRule.INVOICE_RED_OFFSET),
        (replace(GOOD, state=TaxState.CANCELLED), FraudRule.INVOICE_CANCELLED),
        (replace(GOOD, seller_uscc=trade.SECOND_TIER), FraudRule.INVOICE_PARTY_DIFFERS),
        (replace(GOOD, buyer_uscc=trade.SECOND_TIER), FraudRule.INVOICE_PARTY_DIFFERS),
        (replace(GOOD, total_fen=GOOD.total_fen - 1), FraudRule.INVOICE_AMOUNT_DIFFERS),
        (replace(GOOD, tax_fen=5), FraudRule.INVOICE_AMOUNT_DIFFERS),
        (replace(GOOD, issue_date=GOOD.issue_date + dt.timedelta(days=1)), FraudRule.INVOICE_DATE_DIFFERS),
    ],
)
def test_every_difference_has_its_rule(record: TaxRecord | None, rule: FraudRule | None) -> None:
    assert judge(INVOICE, record) is rule


async def attempt(world: World, receivable: Receivable) -> Receivable:
    """The buyer's signature without a new question to the tax authority."""
    message = await world.service.confirmations.prepare(trade.BUYER, receivable.receivable_id)
    return await world.run(lambda: world.service.confirmations.confirm(trade.BUYER, message, sign(message)))


async def test_without_an_answer_nothing_is_confirmed(world: World) -> None:
    receivable = await world.matched()
    before = await world.snapshot()
    await refused("PROVIDER_UNAVAILABLE", attempt(world, receivable))
    world.erps.tax.away = True
    await refused("PROVIDER_UNAVAILABLE", world.service.authenticity.check(receivable.receivable_id))
    await refused("PROVIDER_UNAVAILABLE", attempt(world, receivable))
    assert await world.snapshot() == before


async def test_an_answer_is_good_for_minutes(world: World) -> None:
    receivable = await world.matched()
    await world.service.authenticity.check(receivable.receivable_id)
    world.clock.advance(CHECK_LIFE + dt.timedelta(seconds=1))
    await refused("PROVIDER_UNAVAILABLE", attempt(world, receivable))
    await world.service.authenticity.check(receivable.receivable_id)
    assert (await attempt(world, receivable)).state is ReceivableState.CONFIRMED


async def test_an_answer_about_another_version_of_the_invoice_is_none(world: World) -> None:
    receivable = await world.matched()
    await world.service.authenticity.check(receivable.receivable_id)
    world.erps.put(trade.invoice("invoice-1", steel="39"))
    (changed,) = (await world.sync()).receivables
    await refused("PROVIDER_UNAVAILABLE", attempt(world, changed))


async def test_an_unknown_invoice_confirms_nothing_and_the_answer_is_kept(world: World) -> None:
    world.erps.put(trade.order())
    world.erps.put(trade.receipt("shipment-1", steel="40"))
    world.erps.put(trade.invoice("invoice-1", steel="40"), issued=False)
    (receivable,) = (await world.sync()).receivables
    await world.service.authenticity.check(receivable.receivable_id)
    refusal = await refused("INVOICE_REFUSED", attempt(world, receivable))
    assert (refusal.params["reason"], refusal.params["invoice"]) == ("INVOICE_UNKNOWN", "NO-invoice-1")
    (row,) = await InvoiceCheckRow.filter(receivable_id=receivable.receivable_id)
    assert (row.outcome, row.checked_at) == ("INVOICE_UNKNOWN", world.clock.now())


async def test_a_red_letter_after_confirmation_stops_a_financing(world: World) -> None:
    held = await world.held()
    world.erps.tax.end("NO-invoice-1", TaxState.RED_OFFSET)
    await world.service.verify_invoice(held.receivable_id)
    blocking = world.run(lambda: world.service.block_for_financing(held.certificate_id, "financing-1"))
    refusal = await refused("INVOICE_REFUSED", blocking)
    assert refusal.params["reason"] == "INVOICE_RED_OFFSET"


async def test_strangers_have_nothing_looked_up(world: World) -> None:
    receivable = await world.matched()
    await world.service.authenticity.check_for_buyer(trade.SECOND_TIER, receivable.receivable_id)
    assert world.erps.tax.asked == 0


async def test_a_check_is_written_whole_or_not_at_all(world: World) -> None:
    receivable = await world.matched()

    async def check() -> None:
        await world.service.authenticity.check(receivable.receivable_id)

    async for _ in break_at_each_statement(world.database, check):
        assert await InvoiceCheckRow.all().count() == 0
    assert await InvoiceCheckRow.all().count() == 1


async def test_a_weak_sign_on_a_large_trade_waits_for_the_bank(world: World) -> None:
    for name in ("1", "2"):
        world.erps.put(trade.order("9000", document_id=f"purchase-{name}"))
        world.erps.put(trade.receipt(f"shipment-{name}", f"purchase-{name}", steel="8000"))
        world.erps.put(trade.invoice(f"invoice-{name}", f"purchase-{name}", steel="8000"))
    second = [one for one in (await world.sync()).receivables if one.invoice_number == "NO-invoice-2"][-1]
    message = await world.service.confirmations.prepare(trade.BUYER, second.receivable_id)
    confirmed = await world.confirm(message)
    certificates, amount = world.service.certificates, confirmed.amount_fen
    await world.run(lambda: certificates.issue(trade.BUYER, "certificate-2", second.receivable_id, amount))
    await world.run(lambda: certificates.accept(trade.SUPPLIER, "certificate-2"))

    async def block() -> object:
        return await world.run(lambda: world.service.block_for_financing("certificate-2", "financing-1"))

    assert (await refused("INVOICE_REFUSED", block())).params["reason"] == "INVOICE_RENUMBERED"
    release = world.service.repeats.release
    await refused("NOT_FOUND", world.run(lambda: release(second.receivable_id, "INVOICE_SPLIT", "no such finding")))
    await world.run(lambda: release(second.receivable_id, "INVOICE_RENUMBERED", "two plants, two deliveries"))
    await block()
    (finding,) = (await world.service.repeats.page(10, "")).items
    assert (finding.is_open, finding.note) == (False, "two plants, two deliveries")
