"""The one form of an invoice's identity: however a bank, a scanner or an ERP wrote it, the same bytes come out.

Fully digital e-invoices (数电票) have a number of 20 digits and no code; printed copies show it as a code of 12 and a
number of 8, or only its last 8. Older VAT invoices have a code of 10 or 12 digits and a number of 8. Spreadsheets drop
leading zeros, scanners and input methods bring full-width digits, spaces and hyphens.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from huilian_protocol.canonical import canonicalise

_CONTEXT = "huilian-claim/v2"
# Printed and scanned copies of an electronic invoice often show only the last eight of its twenty digits.
_SHORT_DIGITS, _FULL_DIGITS, _OLD_CODE_DIGITS = 8, 20, 12
_DATE = re.compile(r"([0-9]{4})\D?([0-9]{1,2})\D?([0-9]{1,2})\D?\Z", re.ASCII)
_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]{1,2})?\Z", re.ASCII)
# A USCC has neither of these letters (GB 32100-2015); whoever typed one meant the digit.
_MISREAD = str.maketrans("OI", "01")


@dataclass(frozen=True, slots=True)
class InvoiceIdentity:
    """What identifies the receivable of an invoice: USCCs of seller and buyer, number, total in fen, day of issue.

    `invoice_code` (发票代码) and `check_code` (校验码, the tax control code) are empty where an invoice has none or the
    source does not say. The texts are brought into their one form; ValueError when something is missing.
    """

    seller_uscc: str
    buyer_uscc: str
    invoice_number: str
    amount_fen: int
    issue_date: date
    invoice_code: str = ""
    check_code: str = ""

    def __post_init__(self) -> None:
        """Normalise."""
        for name in ("seller_uscc", "buyer_uscc"):
            object.__setattr__(self, name, _plain(getattr(self, name)).translate(_MISREAD))
        object.__setattr__(self, "invoice_number", _serial(_plain(self.invoice_code), _plain(self.invoice_number)))
        # The code is part of the number now: whether it came apart or joined must make no difference.
        object.__setattr__(self, "invoice_code", "")
        object.__setattr__(self, "check_code", _plain(self.check_code))
        for name in ("seller_uscc", "buyer_uscc", "invoice_number"):
            if not getattr(self, name):
                raise ValueError(f"an invoice without {name} has no identity")
        if self.amount_fen <= 0:
            raise ValueError("an invoice's total is positive")


def identifiers(invoice: InvoiceIdentity) -> tuple[bytes, ...]:
    """Return the invoice's canonical identifiers; whoever shares any one of them means the same receivable.

    The first covers seller and full number; the second what a copy with a shortened number still shows: both parties,
    total, day and the number's end; the third, where the check code is known, seller and check code. Parties, total and
    day alone identify nothing: one delivery above a taxpayer's limit is invoiced as several equal invoices of one day.
    """
    number: dict[str, object] = {"kind": "number", "seller": invoice.seller_uscc, "number": invoice.invoice_number}
    copy: dict[str, object] = {
        "kind": "copy",
        "seller": invoice.seller_uscc,
        "buyer": invoice.buyer_uscc,
        "number_end": invoice.invoice_number[-_SHORT_DIGITS:],
        "amount_fen": invoice.amount_fen,
        "issue_date": invoice.issue_date.isoformat(),
    }
    found = [number, copy]
    if invoice.check_code:
        found.append({"kind": "check", "seller": invoice.seller_uscc, "check_code": invoice.check_code})
    return tuple(canonicalise({"context": _CONTEXT, **identity}) for identity in found)


def parse_issue_date(text: str) -> date:
    """Read 2026-03-02, 2026/3/2, 2026年3月2日 or 20260302, full-width or not. Raises ValueError for anything else."""
    found = _DATE.match(unicodedata.normalize("NFKC", text).strip())
    if not found:
        raise ValueError("not a day of issue")
    return date(*(int(part) for part in found.groups()))


def parse_amount_fen(text: str) -> int:
    """Read an amount in yuan such as ¥11,300.00 as fen. Raises ValueError for anything else, also for half a fen."""
    plain = unicodedata.normalize("NFKC", text).strip().lstrip("¥").removesuffix("元").replace(",", "").replace(" ", "")
    if not _AMOUNT.match(plain):
        raise ValueError("not an amount in yuan")
    try:
        return int(Decimal(plain) * 100)
    except InvalidOperation as error:
        raise ValueError("not an amount in yuan") from error


def _serial(code: str, number: str) -> str:
    """Code and number as one number, as fully digital invoices have it anyway."""
    number = _padded(number)
    if not code or len(number) >= _FULL_DIGITS or not number.isdecimal():
        return number
    code = code.lstrip("0") if code.isdecimal() else code
    # Codes of 10 digits begin with a province, which never begins with 0; those of 12 may.
    return (code.zfill(_OLD_CODE_DIGITS) if len(code) == _OLD_CODE_DIGITS - 1 else code) + number


def _padded(number: str) -> str:
    """A number with the leading zeros that a spreadsheet dropped."""
    if not number.isdecimal():
        return number
    number = number.lstrip("0")
    if not number:
        return ""
    return number.zfill(_FULL_DIGITS if len(number) == _FULL_DIGITS - 1 else _SHORT_DIGITS)


def _plain(text: str) -> str:
    """Full-width digits, spaces, hyphens and case are matters of typing, not of identity."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(_digit(character) for character in folded if character.isalnum())


def _digit(character: str) -> str:
    """A decimal digit of any script as the ASCII digit."""
    return str(unicodedata.decimal(character)) if character.isdecimal() else character
