"""Steps of trade: orders, deliveries, returns, invoices, credit notes, what the buyer signs and what it disputes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hub.receivables.disputes.desk import Ground
from hub.receivables.trade.model import TradeDocument
from tests.soak.histories.goods import ITEMS, Invoice, Order
from tests.soak.histories.life import Act, Do, Life, Plan, Row, one_of, refused_by
from tests.unit.hub.lending.world import BUYER, SUPPLIER
from tests.unit.hub.receivables import trade

MOST_OPEN = 3
LATE = 0.15
"""How often the hub is told of a document only with the next one."""


def _told(life: Life, rng: random.Random, document: TradeDocument, erp_state: str = "posted") -> Act:
    """The ERP has the document now; the hub pulls it at once, or later."""
    life.world.trade.erps.put(document, erp_state)
    life.goods.synced = False
    return _nothing() if rng.random() < LATE else _sync(life)


def _nothing() -> Act:
    async def nothing() -> None:
        pass

    return Act(nothing)


def _sync(life: Life) -> Act:
    async def sync() -> None:
        before = {row["invoice_document_id"] for row in await _receivables(life, "MATCHED")}
        taken = await life.world.trade.sync()
        life.goods.synced = True
        assert not taken.rejected, taken.rejected
        counting = await _counting(life)
        for row in await _receivables(life, "MATCHED"):
            if row["invoice_document_id"] not in before:
                assert life.goods.billed_within_received(row["invoice_document_id"], counting), "more than received"

    return Act(sync)


async def _receivables(life: Life, *states: str) -> list[Row]:
    wanted = ", ".join(f"'{state}'" for state in states)
    return await life.rows(
        "SELECT receivable_id, invoice_document_id, state FROM receivables_receivable"
        f" WHERE state IN ({wanted}) ORDER BY receivable_id"
    )


async def _counting(life: Life) -> set[str]:
    """The invoices that bill goods: all but drafts and what was given up."""
    sql = "SELECT invoice_document_id AS id FROM receivables_receivable WHERE state NOT IN ('DRAFT', 'VOID')"
    return {row["id"] for row in await life.rows(sql)}


def _texts(quantities: Mapping[str, int]) -> dict[str, Any]:
    return {item: str(quantity) for item, quantity in quantities.items() if quantity > 0}


def _part(rng: random.Random, most: Mapping[str, int], whole: float = 0.5) -> Counter[str]:
    """All, or any part of it."""
    there = {item: quantity for item, quantity in most.items() if quantity > 0}
    if not there or rng.random() < whole:
        return Counter(there)
    item = rng.choice(list(there))
    return Counter({item: rng.randint(1, there[item])})


async def order(life: Life, rng: random.Random) -> Act | None:
    """The buyer orders."""
    if sum(any(map(one.to_come, ITEMS)) for one in life.goods.orders.values()) >= MOST_OPEN:
        return None
    wanted = Counter(steel=rng.randint(20, 100), bolts=rng.randint(100, 1000))
    order_id = life.name("purchase")
    life.goods.orders[order_id] = Order(wanted)
    return _told(life, rng, trade.order(str(wanted["steel"]), str(wanted["bolts"]), order_id))


async def change_order(life: Life, rng: random.Random) -> Act | None:
    """The buyer cancels a part of what is to come, or all of it."""
    found = [(name, one) for name, one in life.goods.orders.items() if any(map(one.to_come, ITEMS))]
    if not found:
        return None
    order_id, one = rng.choice(found)
    if rng.random() < 0.2:
        one.cancelled = True
        state = "cancelled"
    else:
        item, state = rng.choice(ITEMS), "posted"
        one.ordered[item] = max(1, one.ordered[item] - rng.randint(0, one.to_come(item)))
    return _told(life, rng, trade.order(str(one.ordered["steel"]), str(one.ordered["bolts"]), order_id), state)


async def deliver(life: Life, rng: random.Random) -> Act | None:
    """Goods come, in parts."""
    found = [(name, one) for name, one in life.goods.orders.items() if any(map(one.to_come, ITEMS))]
    if not found:
        return None
    order_id, one = rng.choice(found)
    came = _part(rng, {item: one.to_come(item) for item in ITEMS}, 0.2)
    one.received += came
    return _told(life, rng, trade.receipt(life.name("shipment"), order_id, **_texts(came)))


async def send_back(life: Life, rng: random.Random) -> Act | None:
    """Goods go back, billed or not, before the confirmation and after it."""
    found = [(name, one) for name, one in life.goods.orders.items() if any(map(one.kept, ITEMS))]
    if not found:
        return None
    order_id, one = rng.choice(found)
    back = _part(rng, {item: min(20, one.kept(item)) for item in ITEMS}, 0.0)
    one.returned += back
    return _told(life, rng, trade.returned(life.name("return"), order_id, **_texts(back)))


async def bill(life: Life, rng: random.Random) -> Act | None:
    """The supplier invoices what came."""
    found = {name: {item: life.goods.unbilled(name, item) for item in ITEMS} for name in life.goods.orders}
    open_orders = [name for name, quantities in found.items() if max(quantities.values()) > 0]
    if not open_orders:
        return None
    order_id = rng.choice(open_orders)
    return _invoiced(life, rng, order_id, _part(rng, found[order_id], 0.7))


async def overbill(life: Life, rng: random.Random) -> Act | None:
    """An invoice for more than came; `billed_within_received` says that it matches only once there is enough."""
    if not life.goods.orders:
        return None
    order_id, item = rng.choice(list(life.goods.orders)), rng.choice(ITEMS)
    return _invoiced(life, rng, order_id, Counter({item: max(0, life.goods.unbilled(order_id, item)) + 1}))


def _invoiced(life: Life, rng: random.Random, order_id: str, quantities: Counter[str]) -> Act:
    invoice_id = life.name("invoice")
    life.goods.invoices[invoice_id] = Invoice(order_id, quantities)
    invoice = trade.invoice(invoice_id, order_id, **_texts(quantities))
    due = life.today + timedelta(days=rng.choice([rng.randint(3, 20), rng.randint(30, 120), rng.randint(60, 180)]))
    return _told(life, rng, replace(invoice, issue_date=life.today, due_date=due))


async def withdraw_invoice(life: Life, rng: random.Random) -> Act | None:
    """The supplier takes back an invoice that nobody signed."""
    row = one_of(rng, await _receivables(life, "DRAFT", "MATCHED")) if life.goods.synced else None
    if row is None:
        return None
    known = [change.document for change in life.world.trade.erps.changes]
    invoice = [one for one in known if one is not None and one.document_id == row["invoice_document_id"]][-1]
    mine = life.goods.invoices[invoice.document_id]
    mine.credited = Counter(mine.billed)
    return _told(life, rng, invoice, "cancelled")


async def credit(life: Life, rng: random.Random) -> Act | None:
    """A credit note on a part of an invoice, before it is signed or after."""
    invoices = life.goods.invoices
    found = [name for name, one in invoices.items() if sum(map(one.left, ITEMS)) > 1]
    if not found:
        return None
    invoice_id = rng.choice(found)
    one = invoices[invoice_id]
    if rng.random() < 0.2:
        item = rng.choice([item for item in ITEMS if one.left(item) > 0])
        note = trade.allowance(life.name("credit"), invoice_id, item, "1", "10")
    else:
        off = _part(rng, {item: min(30, one.left(item)) for item in ITEMS}, 0.0)
        one.credited += off
        note = trade.credit(life.name("credit"), invoice_id, **_texts(off))
    return _told(life, rng, replace(note, issue_date=life.today, order_document_ids=(one.order_id,)))


async def pull(life: Life, rng: random.Random) -> Act | None:
    """The hub pulls what is new, or everything from the start, so that it gets documents again."""
    if rng.random() < 0.5:
        return _sync(life)

    async def again() -> None:
        pulled = await life.receivables.trade.pull(BUYER, from_start=True)
        await life.run(lambda: life.receivables.trade.take_in(pulled))
        life.goods.synced = True

    return Act(again)


async def confirm(life: Life, rng: random.Random) -> Act | None:
    """The buyer signs what matched; what does not match is not signed."""
    drafts = rng.random() < 0.05
    row = one_of(rng, await _receivables(life, "DRAFT" if drafts else "MATCHED"))
    if row is None:
        return None
    name = row["receivable_id"]

    async def sign() -> None:
        await life.world.trade.confirm(await life.receivables.confirmations.prepare(BUYER, name))

    if drafts:
        return Act(sign, refused_by("MATCH_FAILED"), certain=True)
    # Frozen while it secured a loan: it cannot be pledged anew. The tax authority may be away.
    return Act(sign, refused_by("STATE_CONFLICT", "PROVIDER_UNAVAILABLE"))


async def dispute(life: Life, rng: random.Random) -> Act | None:
    """The buyer disputes; over certificates it may not."""
    row = one_of(rng, await _receivables(life, "MATCHED", "CONFIRMED", "PLEDGED", "CERTIFICATED"))
    if row is None:
        return None
    name, ground = row["receivable_id"], rng.choice([Ground.QUALITY, Ground.PRICE])
    is_promised = row["state"] == "CERTIFICATED"
    return Act(
        lambda: life.run(lambda: life.receivables.disputes.dispute(BUYER, name, ground, "")),
        refused_by("STATE_CONFLICT") if is_promised else refused_by(),
        certain=is_promised,
    )


async def reinstate(life: Life, rng: random.Random) -> Act | None:
    """The parties come to terms; not over what a court froze."""
    row = one_of(rng, await _receivables(life, "DISPUTED", "DILUTED"))
    if row is None:
        return None
    name, party = row["receivable_id"], rng.choice([BUYER, SUPPLIER])
    return await _unless_frozen(life, name, lambda: life.receivables.disputes.reinstate(party, name))


async def give_up(life: Life, rng: random.Random) -> Act | None:
    """The supplier gives a disputed receivable up; not what a court froze."""
    row = one_of(rng, await _receivables(life, "DISPUTED", "DILUTED"))
    if row is None:
        return None
    name = row["receivable_id"]
    return await _unless_frozen(life, name, lambda: life.receivables.disputes.give_up(SUPPLIER, name))


async def _unless_frozen(life: Life, name: str, use_case: Do) -> Act:
    sql = "SELECT 1 FROM receivables_freeze WHERE object_id = $1 AND lifted_at IS NULL"
    frozen = bool(await life.rows(sql, name))
    codes = refused_by("STATE_CONFLICT") if frozen else refused_by()
    return Act(lambda: life.run(use_case), codes, certain=frozen)


STEPS: dict[str, tuple[int, Plan]] = {
    "order": (6, order),
    "change order": (1, change_order),
    "deliver": (14, deliver),
    "send back": (3, send_back),
    "bill": (16, bill),
    "overbill": (1, overbill),
    "withdraw invoice": (1, withdraw_invoice),
    "credit": (4, credit),
    "pull": (1, pull),
    "confirm": (40, confirm),
    "dispute": (2, dispute),
    "reinstate": (6, reinstate),
    "give up": (1, give_up),
}
