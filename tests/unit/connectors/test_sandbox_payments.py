"""A sandbox's cash book takes nothing twice and remembers over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from huilian_protocol.clock import FixedClock

from connectors.kit.acceptance.world import NOW
from connectors.kit.credentials import Credentials
from connectors.kit.sandbox_payments import AlreadyPaid, OrderReused, PaymentBook
from connectors.kit.sandbox_server import SandboxContext


def book(folder: Path | None = None) -> PaymentBook:
    return PaymentBook(SandboxContext(Credentials({}), FixedClock(NOW), folder=folder), "R")


def test_an_order_is_told_again_and_nothing_is_taken_twice() -> None:
    cash = book()
    first = cash.pay("order-1", "fine-1", 200, "now")
    assert cash.pay("order-1", "fine-1", 200, "later") == first == cash.paid("fine-1") == cash.order("order-1")
    with pytest.raises(AlreadyPaid):
        cash.pay("order-2", "fine-1", 200, "now")
    with pytest.raises(OrderReused):
        cash.pay("order-1", "fine-2", 200, "now")
    assert cash.pay("order-2", "fine-2", 200, "now").receipt_number != first.receipt_number
    assert cash._faults.acts == 2


def test_it_remembers_over_a_restart(tmp_path: Path) -> None:
    first = book(tmp_path).pay("order-1", "fine-1", 200, "now")
    again = book(tmp_path)
    assert again.pay("order-1", "fine-1", 200, "later") == first
    with pytest.raises(AlreadyPaid):
        again.pay("order-2", "fine-1", 200, "now")
    assert len((tmp_path / "payments.jsonl").read_text().splitlines()) == 1


def test_an_agency_that_minds_order_numbers_only_takes_twice() -> None:
    cash = book()
    cash._faults.takes_twice = True
    cash.pay("order-1", "fine-1", 200, "now")
    assert cash.pay("order-2", "fine-1", 200, "now").order_id == "order-2"
