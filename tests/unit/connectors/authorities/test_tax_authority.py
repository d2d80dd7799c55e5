"""The tax authority's register: numbers of its own, ends for good, the same answer to the same request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from huilian_protocol.errors import HuilianError

from connectors.authorities.tax_authority.register import InvoiceRegister, InvoiceState, NewInvoice
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SUPPLIER

WANTED = NewInvoice("request-0001", SUPPLIER.uscc, CORE_ENTERPRISE.uscc, date(2026, 3, 2), 113_00, 13_00)
OLDER = replace(WANTED, request_id="request-0002", number="04400190011112345678")


@pytest.fixture
def register(tmp_path: Path) -> Iterator[InvoiceRegister]:
    made = InvoiceRegister(tmp_path / "invoices.sqlite3")
    yield made
    made.close()


def refused(code: str, attempt: NewInvoice, register: InvoiceRegister) -> None:
    with pytest.raises(HuilianError) as refusal:
        register.issue(attempt)
    assert refusal.value.code == code


def test_a_digital_invoice_gets_twenty_digits_and_is_found(register: InvoiceRegister) -> None:
    issued = register.issue(WANTED)
    assert (len(issued.invoice_number), issued.invoice_number[:5]) == (20, "26991")
    assert register.look_up(issued.invoice_number) == issued
    assert register.look_up("26991000000000009999") is None


def test_the_same_request_is_issued_once_also_after_a_restart(register: InvoiceRegister, tmp_path: Path) -> None:
    issued = register.issue(WANTED)
    again = InvoiceRegister(tmp_path / "invoices.sqlite3")
    assert again.issue(WANTED) == issued
    refused("REQUEST_ID_REUSED", replace(WANTED, total_fen=1, tax_fen=0), again)
    assert again.issue(replace(WANTED, request_id="request-0003")).invoice_number != issued.invoice_number
    again.close()


def test_an_older_invoice_keeps_its_number_and_nobody_uses_it_twice(register: InvoiceRegister) -> None:
    assert register.issue(OLDER).invoice_number == OLDER.number
    refused("ALREADY_EXISTS", replace(OLDER, request_id="request-0004"), register)


@pytest.mark.parametrize("state", [InvoiceState.RED_OFFSET, InvoiceState.CANCELLED])
def test_an_invoice_ends_once_and_by_its_seller_only(register: InvoiceRegister, state: InvoiceState) -> None:
    number = register.issue(WANTED).invoice_number
    with pytest.raises(HuilianError, match="NOT_FOUND"):
        register.end(number, CORE_ENTERPRISE.uscc, state)
    assert register.end(number, SUPPLIER.uscc, state).state is state
    assert register.end(number, SUPPLIER.uscc, state).state is state
    other = InvoiceState.CANCELLED if state is InvoiceState.RED_OFFSET else InvoiceState.RED_OFFSET
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        register.end(number, SUPPLIER.uscc, other)


def test_senseless_invoices_are_refused(register: InvoiceRegister) -> None:
    refused("USCC_MALFORMED", replace(WANTED, seller_uscc="91449900MA0H00010X"), register)
    refused("INVALID_ARGUMENT", replace(WANTED, buyer_uscc=SUPPLIER.uscc), register)
    refused("INVALID_ARGUMENT", replace(WANTED, tax_fen=WANTED.total_fen + 1), register)
