"""Duplicates, exact and near: what each rule catches, and that honest trade is never blocked."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.receivables import fraud_rules
from hub.receivables.fraud_rules import FraudRule, Verdict
from hub.receivables.repeats.rules import Billed, find_duplicates, holds_up, number_key, worth_comparing
from tests.unit.hub.receivables import trade

NUMBER = "26312000000012345678"


def billed(name: str, order: str = "purchase-1", *, number: str = "", note: str = "", **quantities: str) -> Billed:
    """An invoice with its goods receipt."""
    invoice = trade.invoice(f"invoice-{name}", order, **quantities)
    receipt = trade.receipt(f"shipment-{name}", order, **quantities)
    invoice = replace(invoice, number=number or invoice.number)
    return Billed(f"receivable-{name}", invoice, (replace(receipt, number=note or receipt.number),))


def rules(new: Billed, *others: Billed) -> list[FraudRule]:
    return [finding.rule for finding in find_duplicates(new, others)]


def test_the_same_number_again_is_the_same_invoice() -> None:
    assert rules(billed("2", "purchase-2", number=NUMBER, bolts="9"), billed("1", number=NUMBER, steel="4")) == [
        FraudRule.DUPLICATE_INVOICE
    ]


@pytest.mark.parametrize(
    "typed",
    [
        "２６３１２０００００００１２３４５６７８",
        "2631 2000 0000 1234 5678",
        "2631-2000-0000-1234-5678",
        "2631200OOOOO12345678",
        "26312OOOOOO0I2345678",
        "263120000000l2345678",
        "263120/00000012345678",
    ],
)
def test_another_spelling_is_the_same_invoice(typed: str) -> None:
    first, again = billed("1", number=NUMBER, steel="4"), billed("2", "purchase-2", number=typed, bolts="9")
    assert number_key(first.invoice) == number_key(again.invoice)
    assert rules(again, first) == [FraudRule.INVOICE_RETYPED]


def test_leading_zeros_that_a_spreadsheet_dropped_make_no_other_invoice() -> None:
    first, again = billed("1", number="00012345", steel="4"), billed("2", "purchase-2", number="12345", steel="9")
    assert rules(again, first) == [FraudRule.INVOICE_RETYPED]


def test_the_last_eight_digits_with_parties_total_and_day_are_the_same_invoice() -> None:
    first, again = billed("1", number=NUMBER, steel="4"), billed("2", "purchase-2", number=NUMBER[-8:], steel="4")
    assert FraudRule.INVOICE_RETYPED in rules(again, first)


def test_a_receipt_copied_to_another_order_is_billed_once() -> None:
    first = billed("1", note="SH-0001", steel="40")
    again = billed("2", "purchase-2", note="sh-OOO1", steel="7")
    assert rules(again, first) == [FraudRule.GOODS_BILLED_TWICE]


def test_the_same_delivery_note_number_for_other_goods_is_not_a_copy() -> None:
    assert rules(billed("2", "purchase-2", note="1", bolts="40"), billed("1", note="1", steel="40")) == []


def test_the_same_trade_under_another_number_within_days_asks_for_a_look() -> None:
    first, again = billed("1", steel="40"), billed("2", "purchase-2", steel="40")
    assert rules(again, first) == [FraudRule.INVOICE_RENUMBERED]
    later = replace(again, invoice=replace(again.invoice, issue_date=first.invoice.issue_date + dt.timedelta(days=4)))
    assert rules(later, first) == []


def test_splitting_and_merging_ask_for_a_look() -> None:
    whole, part = billed("1", steel="40"), billed("2", "purchase-2", steel="15")
    rest = billed("3", "purchase-3", steel="25")
    assert rules(rest, whole, part) == [FraudRule.INVOICE_SPLIT]
    assert rules(whole, part, rest) == [FraudRule.INVOICES_MERGED]


def test_a_sum_that_fits_by_chance_over_other_goods_is_nothing() -> None:
    # 80 bolts cost 6,400 fen: totals alone prove nothing.
    one, two = billed("2", "purchase-2", bolts="5"), billed("3", "purchase-3", bolts="10")
    whole = billed("1", bolts="15")
    cheaper = replace(whole, invoice=trade.with_line(whole.invoice, 1, item_name="螺母"))
    assert rules(cheaper, one, two) == []


def test_only_large_trades_are_held_up_by_a_weak_sign() -> None:
    first, again = billed("1", steel="40"), billed("2", "purchase-2", steel="40")
    (finding,) = find_duplicates(again, [first])
    assert finding.verdict is Verdict.REVIEW
    assert not holds_up(finding, fraud_rules.REVIEW_FROM_FEN - 1)
    assert holds_up(finding, fraud_rules.REVIEW_FROM_FEN)


QUANTITIES = st.lists(st.integers(1, 5_000).map(lambda n: str(Decimal(n) / 100)), min_size=1, max_size=6)


@given(parts=QUANTITIES, days=st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_honest_partial_deliveries_of_one_order_are_never_found(parts: list[str], days: list[int]) -> None:
    seen: list[Billed] = []
    for place, quantity in enumerate(parts):
        one = billed(str(place), number=str(26312000000000000000 + place), steel=quantity)
        issued = one.invoice.issue_date + dt.timedelta(days=days[place])
        one = replace(one, invoice=replace(one.invoice, issue_date=issued))
        assert find_duplicates(one, seen) == ()
        seen.append(one)


@given(parts=QUANTITIES)
def test_honest_trades_under_orders_of_their_own_are_never_blocked(parts: list[str]) -> None:
    seen: list[Billed] = []
    for place, quantity in enumerate(parts):
        one = billed(str(place), f"purchase-{place}", number=str(26312000000000000000 + place), steel=quantity)
        assert all(finding.verdict is Verdict.REVIEW for finding in find_duplicates(one, seen))
        seen.append(one)


@given(amount=st.integers(1, 40), others=st.lists(st.integers(1, 40), max_size=8))
def test_nothing_that_a_rule_needs_is_left_unread(amount: int, others: list[int]) -> None:
    """Whatever the totals are, the rules find the same among those worth comparing as among all."""

    def of(name: str, quantity: int) -> Billed:
        return billed(name, f"purchase-{name}", bolts=str(quantity))

    new, seen = of("new", amount), [of(str(place), quantity) for place, quantity in enumerate(others)]
    totals = {one.receivable_id: one.invoice.payable_amount_fen for one in seen}
    near = worth_comparing(new.invoice.payable_amount_fen, totals)
    kept = [one for one in seen if one.receivable_id in near]
    assert {found.rule for found in find_duplicates(new, kept)} == {found.rule for found in find_duplicates(new, seen)}


def test_the_page_in_the_documents_is_the_table() -> None:
    page = Path(__file__).parents[4] / "docs" / "fraud-rules.md"
    assert page.read_text("utf-8") == fraud_rules.page()
