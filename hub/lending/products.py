"""Products are data: one JSON file each, read strictly. A loan keeps a copy of the terms it was signed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from huilian_loans import Bucket, Rounding
from huilian_loans.documents import read_terms
from huilian_protocol.canonical import parse_json

FOLDER = Path(__file__).parent / "products"
RECEIVABLE_LOAN, ORDER_LOAN, FLASH_LOAN = "receivable-loan", "order-loan", "flash-loan"
_KEYS = frozenset(
    {
        "product_id",
        "version",
        "name_zh",
        "name_en",
        "revolving",
        "advance_rate",
        "fee_rate",
        "least_amount_fen",
        "most_amount_fen",
        "least_term_days",
        "most_term_days",
        "offer_minutes",
        "party_limit_fen",
        "decision_table",
        "terms",
    }
)
_TERM_KEYS = frozenset(["day_count", "interval", "rounding_quantum_fen", "waterfall", "penalty_multiplier"])


@dataclass(frozen=True)
class Product:
    """One product. Amounts in fen, rates as fractions.

    `advance_rate` is the most that is lent of what secures the loan; `fee_rate` of the principal is withheld when it is
    paid out; `party_limit_fen` is the limit of a core enterprise (0: the decision sets one for the borrower). What a
    loan costs comes from `decision_table`.
    """

    product_id: str
    version: int
    name_zh: str
    name_en: str
    revolving: bool
    advance_rate: Decimal
    fee_rate: Decimal
    least_amount_fen: int
    most_amount_fen: int
    least_term_days: int
    most_term_days: int
    offer_minutes: int
    party_limit_fen: int
    decision_table: str
    terms: Mapping[str, Any]

    def terms_of(self, annual_rate: Decimal, maturity: date) -> dict[str, Any]:
        """The terms of one loan as JSON, to be signed and kept with it."""
        rate = {"annual_rate": format(annual_rate, "f"), "maturity": maturity.isoformat()}
        return {"product_id": self.product_id, "product_version": self.version, **rate, **self.terms}

    def fee_fen(self, principal_fen: int) -> int:
        """The fee for a principal, rounded as the product rounds."""
        return int(_rounding(self.terms).round(self.fee_rate * principal_fen))


def load_products(folder: Path = FOLDER) -> dict[str, Product]:
    """Every product of the folder by its id. Raises ValueError naming the file and what is wrong with it."""
    products = {}
    for path in sorted(folder.glob("*.json")):
        product = _product(path.name, parse_json(path.read_bytes()))
        products[product.product_id] = product
    return products


def _product(name: str, raw: Mapping[str, Any]) -> Product:
    if set(raw) != _KEYS or set(raw["terms"]) != _TERM_KEYS:
        raise ValueError(f"{name}: fields missing or unknown: {sorted(set(raw) ^ _KEYS)}")
    exact = {key: Decimal(raw[key]) for key in ("advance_rate", "fee_rate")}
    product = Product(**{**raw, **exact})
    _check(name, product)
    return product


def _check(name: str, product: Product) -> None:
    try:
        read_terms(product.terms_of(Decimal("0.05"), date(2026, 1, 1)))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if product.fee_rate and product.terms["waterfall"][0] != Bucket.FEES:
        raise ValueError(f"{name}: a withheld fee is the first thing that is paid")
    if product.terms["rounding_quantum_fen"] != "1":
        raise ValueError(f"{name}: the books are kept in whole fen, so a product rounds to the fen")
    if not 0 < product.advance_rate <= 1 or not 0 <= product.fee_rate < Decimal("0.1"):
        raise ValueError(f"{name}: a rate is out of range")
    if not 0 < product.least_amount_fen <= product.most_amount_fen:
        raise ValueError(f"{name}: the amounts are out of order")
    if not 0 < product.least_term_days <= product.most_term_days:
        raise ValueError(f"{name}: the terms are out of order")


def _rounding(terms: Mapping[str, Any]) -> Rounding:
    return Rounding(Decimal(terms["rounding_quantum_fen"]))
