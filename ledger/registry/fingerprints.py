"""Fingerprints of a receivable: the same invoice gives the same ones at every bank, and tells nobody else anything.

They are keyed (HMAC with the consortium's key): plain hashes of invoice data could be found by trying.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from datetime import date

from huilian_protocol.canonical import canonicalise

_CONTEXT = "huilian-claim/v1"
# Printed and scanned copies of an electronic invoice often show only the last eight of its twenty digits.
_SHORT_DIGITS = 8
_MIN_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class InvoiceIdentity:
    """What identifies the receivable of an invoice: USCCs of seller and buyer, number, total in fen, day of issue."""

    seller_uscc: str
    buyer_uscc: str
    invoice_number: str
    amount_fen: int
    issue_date: date

    def __post_init__(self) -> None:
        """Bring the texts into their one form; ValueError when something is missing."""
        for name in ("seller_uscc", "buyer_uscc", "invoice_number"):
            object.__setattr__(self, name, _normalise(getattr(self, name)))
            if not getattr(self, name):
                raise ValueError(f"an invoice without {name} has no identity")
        if self.amount_fen <= 0:
            raise ValueError("an invoice's total is positive")


def fingerprints(invoice: InvoiceIdentity, consortium_key: bytes) -> tuple[bytes, ...]:
    """Return the invoice's fingerprints, 32 bytes each; whoever shares any one of them means the same receivable.

    The first covers seller and full number, the second what a copy with a shortened number still shows.
    """
    if len(consortium_key) < _MIN_KEY_BYTES:
        raise ValueError(f"the consortium key has at least {_MIN_KEY_BYTES} bytes")
    number: dict[str, object] = {"kind": "number", "seller": invoice.seller_uscc, "number": invoice.invoice_number}
    copy: dict[str, object] = {
        "kind": "copy",
        "seller": invoice.seller_uscc,
        "buyer": invoice.buyer_uscc,
        "number_end": invoice.invoice_number[-_SHORT_DIGITS:],
        "amount_fen": invoice.amount_fen,
        "issue_date": invoice.issue_date.isoformat(),
    }
    return tuple(_keyed(consortium_key, identity) for identity in (number, copy))


def _keyed(key: bytes, identity: dict[str, object]) -> bytes:
    return hmac.digest(key, canonicalise({"context": _CONTEXT, **identity}), hashlib.sha256)


def _normalise(text: str) -> str:
    """Full-width digits, spaces, hyphens and case are matters of typing, not of identity."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(character for character in folded if character.isalnum())
