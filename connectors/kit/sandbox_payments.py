"""A sandbox agency's cash book: what was paid by which order. Nothing is taken twice; a paid order says so again."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from huilian_protocol.canonical import parse_json

from connectors.kit.sandbox_server import SandboxContext


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment. `order_id` is the payer's, `target` is what was paid; `paid_at` as the agency writes times."""

    order_id: str
    target: str
    amount_fen: int
    receipt_number: str
    paid_at: str


class AlreadyPaid(Exception):
    """Another order paid for this before."""


class OrderReused(Exception):
    """The same order number came with something else in it."""


class PaymentBook:
    """Payments by order. Kept in the sandbox's folder when it has one, so that it still knows them after a restart."""

    def __init__(self, context: SandboxContext, receipt_prefix: str) -> None:
        self._faults = context.faults
        self._path: Path | None = context.folder / "payments.jsonl" if context.folder is not None else None
        self._prefix = receipt_prefix
        self._payments: dict[str, Payment] = {}
        if self._path is not None and self._path.exists():
            entries = (Payment(**parse_json(line)) for line in self._path.read_bytes().splitlines())
            self._payments = {payment.order_id: payment for payment in entries}

    def paid(self, target: str) -> Payment | None:
        """The payment for this, if there was one."""
        return next((payment for payment in self._payments.values() if payment.target == target), None)

    def order(self, order_id: str) -> Payment | None:
        """What this order paid, if it did."""
        return self._payments.get(order_id)

    def pay(self, order_id: str, target: str, amount_fen: int, paid_at: str) -> Payment:
        """Take a payment, or tell again what this very order paid; raises AlreadyPaid or OrderReused."""
        earlier = self._payments.get(order_id)
        if earlier is not None:
            if (earlier.target, earlier.amount_fen) != (target, amount_fen):
                raise OrderReused
            return earlier
        if self.paid(target) is not None and not self._faults.takes_twice:
            raise AlreadyPaid
        receipt_number = f"{self._prefix}{len(self._payments) + 1:08d}"
        return self._keep(Payment(order_id, target, amount_fen, receipt_number, paid_at))

    def _keep(self, payment: Payment) -> Payment:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(payment)) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self._payments[payment.order_id] = payment
        self._faults.acts += 1
        return payment
