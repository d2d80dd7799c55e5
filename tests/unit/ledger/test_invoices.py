"""One invoice, however it was typed, has one identity; another invoice has another."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.registry.invoices import InvoiceIdentity, identifiers, parse_amount_fen, parse_issue_date

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/registry/invoice_identifiers.json").read_text("utf-8"))
SELLER, BUYER = "91310000MA1FL2LE0X", "91440300MA5DC2LE1Y"


def _identity(raw: dict[str, Any]) -> InvoiceIdentity:
    """An invoice as somebody wrote it down."""
    return InvoiceIdentity(
        raw["seller"],
        raw["buyer"],
        raw["number"],
        parse_amount_fen(raw["amount"]),
        parse_issue_date(raw["date"]),
        raw.get("code", ""),
        raw.get("check_code", ""),
    )


@pytest.mark.parametrize("case", GOLDEN["invoices"], ids=lambda case: case["name"])
def test_every_way_of_writing_gives_the_frozen_identifiers(case: dict[str, Any]) -> None:
    frozen = [text.encode() for text in case["identifiers"]]
    for written in case["written"]:
        assert list(identifiers(_identity(written))) == frozen


def test_no_two_invoices_share_an_identifier() -> None:
    seen = [identifier for case in GOLDEN["invoices"] for identifier in case["identifiers"]]
    assert len(set(seen)) == len(seen)


digits = st.text("0123456789", min_size=1, max_size=20).filter(lambda text: text.strip("0") != "")
days = st.dates(date(2015, 1, 1), date(2035, 12, 31))
uscc = st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=18, max_size=18)


@st.composite
def invoices(draw: st.DrawFn) -> InvoiceIdentity:
    number = draw(
        st.one_of(st.text("0123456789", min_size=8, max_size=8), st.text("123456789", min_size=20, max_size=20))
    )
    code = draw(st.sampled_from(["", "3100184130", "031001900104"])) if len(number) == 8 else ""
    check = draw(st.sampled_from(["", "51234567890123456789"]))
    number = number if number.strip("0") else "00000001"
    return InvoiceIdentity(draw(uscc), draw(uscc), number, draw(st.integers(1, 10**13)), draw(days), code, check)


def _wide(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


@st.composite
def retyped(draw: st.DrawFn, text: str) -> str:
    """The same text with spaces, hyphens, full-width characters or small letters."""
    for change in draw(st.lists(st.sampled_from("wsch"), max_size=3)):
        at = draw(st.integers(0, len(text)))
        text = {
            "w": _wide(text),
            "s": text[:at] + draw(st.sampled_from([" ", "\u3000", "\t", "\u200b"])) + text[at:],
            "c": text.lower(),
            "h": text[:at] + draw(st.sampled_from(["-", "－", "—", "/", "."])) + text[at:],
        }[change]
    return text


@given(invoice=invoices(), data=st.data())
def test_retyping_changes_nothing(invoice: InvoiceIdentity, data: st.DataObject) -> None:
    again = InvoiceIdentity(
        data.draw(retyped(invoice.seller_uscc)).replace("0", data.draw(st.sampled_from("0Oo"))),
        data.draw(retyped(invoice.buyer_uscc)).replace("1", data.draw(st.sampled_from("1Ii"))),
        data.draw(retyped(invoice.invoice_number)),
        invoice.amount_fen,
        invoice.issue_date,
        "",
        data.draw(retyped(invoice.check_code)),
    )
    assert again == invoice
    assert identifiers(again) == identifiers(invoice)


@given(invoice=invoices(), other=invoices())
def test_different_invoices_share_nothing(invoice: InvoiceIdentity, other: InvoiceIdentity) -> None:
    if (invoice.seller_uscc, invoice.invoice_number) == (other.seller_uscc, other.invoice_number):
        return
    shared = set(identifiers(invoice)) & set(identifiers(other))
    # The check code alone ties two spellings of one seller's invoice together; anything else would be a false alarm.
    assert all(b'"kind":"check"' in identifier for identifier in shared)


@given(invoices(), st.sampled_from(["amount_fen", "issue_date", "buyer_uscc", "invoice_number", "seller_uscc"]))
def test_every_part_counts(invoice: InvoiceIdentity, part: str) -> None:
    changes: dict[str, Any] = {
        "amount_fen": invoice.amount_fen + 1,
        "issue_date": date(2001, 1, 1),
        "buyer_uscc": "9" * 18,
        "invoice_number": invoice.invoice_number[:-1] + str((int(invoice.invoice_number[-1]) + 1) % 10),
        "seller_uscc": "9" * 18,
    }
    if set(changes["invoice_number"]) == {"0"} or getattr(invoice, part) == changes[part]:
        return
    other = dataclasses.replace(invoice, **{part: changes[part]})
    assert identifiers(other)[1] != identifiers(invoice)[1]
    assert (identifiers(other)[0] == identifiers(invoice)[0]) == (part not in {"invoice_number", "seller_uscc"})


@given(digits)
def test_leading_zeros_of_a_short_number_do_not_matter(number: str) -> None:
    plain = number.lstrip("0")[:8]
    invoices = {InvoiceIdentity(SELLER, BUYER, "0" * zeros + plain, 1, date(2026, 3, 2)) for zeros in range(4)}
    assert len(invoices) == 1


@given(st.text("123456789", min_size=20, max_size=20))
def test_a_digital_invoice_split_into_code_and_number_is_the_same(number: str) -> None:
    whole = InvoiceIdentity(SELLER, BUYER, number, 1, date(2026, 3, 2))
    assert InvoiceIdentity(SELLER, BUYER, number[12:], 1, date(2026, 3, 2), number[:12]) == whole
    assert InvoiceIdentity(SELLER, BUYER, number, 1, date(2026, 3, 2), number[:12]) == whole
    short = identifiers(InvoiceIdentity(SELLER, BUYER, number[12:], 1, date(2026, 3, 2)))
    assert set(short) & set(identifiers(whole))


@pytest.mark.parametrize(
    "changes", [{"invoice_number": " - "}, {"amount_fen": 0}, {"seller_uscc": ""}, {"invoice_number": "000"}]
)
def test_an_invoice_without_identity_is_refused(changes: dict[str, Any]) -> None:
    invoice = InvoiceIdentity(SELLER, BUYER, "12345678", 1, date(2026, 3, 2))
    with pytest.raises(ValueError, match="an invoice"):
        dataclasses.replace(invoice, **changes)


@given(days)
def test_days_are_read_as_people_write_them(day: date) -> None:
    for text in (
        day.isoformat(),
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y%m%d}",
        unicodedata.normalize("NFKC", _wide(day.isoformat())),
        f" {_wide(day.isoformat())} ",
    ):
        assert parse_issue_date(text) == day


@pytest.mark.parametrize("text", ["", "2026-13-01", "02/03/2026", "2026-02-30", "x2026-02-01", "2026-02-01x9"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_issue_date(text)


@given(st.integers(0, 10**13))
def test_amounts_are_read_as_people_write_them(fen: int) -> None:
    yuan = f"{fen // 100:,}.{fen % 100:02d}"
    for text in (yuan, f"¥{yuan}", f"￥ {yuan}", f"{yuan}元", yuan.replace(",", ""), _wide(yuan)):
        assert parse_amount_fen(text) == fen


@pytest.mark.parametrize("text", ["", "-1", "1.234", "1e3", "一百", "1.2.3"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_amount_fen(text)
