"""What a history knows of its trade by itself: ordered, received, sent back, billed and credited, item by item."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

ITEMS = ("steel", "bolts")


@dataclass
class Invoice:
    """What an invoice bills, and what of it was credited at the agreed price."""

    order_id: str
    billed: Counter[str]
    credited: Counter[str] = field(default_factory=Counter)

    def left(self, item: str) -> int:
        """What is billed and not credited."""
        return self.billed[item] - self.credited[item]


@dataclass
class Order:
    """Goods of an order, by item."""

    ordered: Counter[str]
    received: Counter[str] = field(default_factory=Counter)
    returned: Counter[str] = field(default_factory=Counter)
    cancelled: bool = False

    def kept(self, item: str) -> int:
        """What came and stayed."""
        return self.received[item] - self.returned[item]

    def to_come(self, item: str) -> int:
        """What may still be delivered."""
        return 0 if self.cancelled else self.ordered[item] - self.kept(item)


class Goods:
    """All orders and invoices of a history. `synced` is False while the hub has not been told of the last document."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.invoices: dict[str, Invoice] = {}
        self.synced = True

    def unbilled(self, order_id: str, item: str) -> int:
        """What came, stayed, and no invoice is over."""
        billed = sum(one.left(item) for one in self.invoices.values() if one.order_id == order_id)
        return self.orders[order_id].kept(item) - billed

    def billed_within_received(self, invoice_id: str, counting: set[str]) -> bool:
        """Whether an invoice and the others that count bill no more of its order than came and stayed."""
        order_id = self.invoices[invoice_id].order_id
        billed: Counter[str] = Counter()
        for other_id in counting:
            if self.invoices[other_id].order_id == order_id:
                for item in ITEMS:
                    billed[item] += self.invoices[other_id].left(item)
        bills = [item for item in ITEMS if self.invoices[invoice_id].billed[item]]
        return all(billed[item] <= self.orders[order_id].kept(item) for item in bills)
