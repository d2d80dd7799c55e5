"""Products are data: one JSON file per version, read strictly. A loan keeps a copy of the terms it was signed with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from huilian_loans import Bucket, Kind, Rounding
from huilian_loans.documents import read_terms
from huilian_loans.schedule import add_months
from huilian_protocol.canonical import parse_json

FOLDER = Path(__file__).parent
RECEIVABLE_LOAN, ORDER_LOAN, FLASH_LOAN = "receivable-loan", "order-loan", "flash-loan"
DEALER_LOAN = "dealer-loan"
EXITS = frozenset({"RECOURSE", "BUY_BACK", "RESTRUCTURE", "CHARGE_OFF"})
_KEYS = frozenset(
    {
        "product_id",
        "version",
        "name_zh",
        "name_en",
        "text_zh",
        "text_en",
        "revolving",
        "advance_rate",
        "fee_rate",
        "periodic_fee_rate",
        "least_amount_fen",
        "most_amount_fen",
        "least_term_days",
        "most_term_days",
        "offer_minutes",
        "party_limit_fen",
        "four_eyes_from_fen",
        "decision_table",
        "exits",
        "terms",
    }
)
_RATES = ("advance_rate", "fee_rate", "periodic_fee_rate")
_TERM_KEYS = frozenset(
    ["day_count", "interval", "rounding_quantum_fen", "waterfall", "penalty_multiplier", "repayment"]
)
_REPAYMENT_KEYS = frozenset(["kind", "every_months", "prepayment", "grace_days"])


@dataclass(frozen=True)
class Product:
    """One version of one product. Amounts in fen, rates as fractions.

    `advance_rate` is the most that is lent of what secures the loan; `fee_rate` of the principal is withheld when it is
    paid out, `periodic_fee_rate` of the principal then owed falls due on each due date; `party_limit_fen` is the limit
    of a core enterprise (0: the decision sets one for the borrower). What a loan costs comes from `decision_table`;
    what it leaves to a person two decide from `four_eyes_from_fen` on.
    `exits` are what may be done to a loan that does not run its course: recourse and buy-back need a buyer or a
    receivable behind it.
    `terms["repayment"]` says how it is repaid: kind, months between due dates, what a prepayment does, days of grace.
    """

    product_id: str
    version: int
    name_zh: str
    name_en: str
    text_zh: str
    text_en: str
    revolving: bool
    advance_rate: Decimal
    fee_rate: Decimal
    periodic_fee_rate: Decimal
    least_amount_fen: int
    most_amount_fen: int
    least_term_days: int
    most_term_days: int
    offer_minutes: int
    party_limit_fen: int
    four_eyes_from_fen: int
    decision_table: str
    exits: tuple[str, ...]
    terms: Mapping[str, Any]

    def terms_of(self, annual_rate: Decimal, value_date: date, maturity: date) -> dict[str, Any]:
        """The terms of one loan as JSON, to be signed and kept with it."""
        named: dict[str, Any] = {"product_id": self.product_id, "product_version": self.version}
        if self.periodic_fee_rate:
            named["periodic_fee_rate"] = format(self.periodic_fee_rate, "f")
        rate = {"annual_rate": format(annual_rate, "f"), "maturity": maturity.isoformat()}
        return {**named, **rate, **self.terms, "repayment": self._repayment(value_date)}

    def _repayment(self, value_date: date) -> dict[str, Any]:
        """The plan of repayment with the day it starts; a period longer than the loan ends with it."""
        plan = dict(self.terms["repayment"])
        months = plan.pop("every_months")
        if plan["kind"] == Kind.BULLET:
            return plan
        return {**plan, "every_months": months, "first_due_date": add_months(value_date, months).isoformat()}

    def fee_fen(self, principal_fen: int) -> int:
        """The withheld fee for a principal, rounded as the product rounds."""
        return int(_rounding(self.terms).round(self.fee_rate * principal_fen))


def load_products(folder: Path = FOLDER) -> dict[str, Product]:
    """The newest version of every product by its id. Raises ValueError naming the file and what is wrong with it."""
    return newest_of(load_versions(folder))


def newest_of(versions: Iterable[Product]) -> dict[str, Product]:
    """The newest of each product's versions, which come in ascending order: what new applications get."""
    return {product.product_id: product for product in versions}


def load_versions(folder: Path = FOLDER) -> list[Product]:
    """Every version of every product, by id and number. Raises ValueError as `load_products`."""
    products = [_product(path.name, parse_json(path.read_bytes())) for path in sorted(folder.glob("*.json"))]
    versions = sorted(products, key=lambda product: (product.product_id, product.version))
    if len({(product.product_id, product.version) for product in versions}) < len(versions):
        raise ValueError("a version of a product stands once")
    return versions


def _product(name: str, raw: Mapping[str, Any]) -> Product:
    wrong = set(raw) ^ _KEYS or set(raw["terms"]) ^ _TERM_KEYS or set(raw["terms"]["repayment"]) ^ _REPAYMENT_KEYS
    if wrong:
        raise ValueError(f"{name}: fields missing or unknown: {sorted(wrong)}")
    exact = {key: Decimal(raw[key]) for key in _RATES}
    product = Product(**{**raw, **exact, "exits": tuple(raw["exits"])})
    _check(name, product)
    return product


def _check(name: str, product: Product) -> None:
    try:
        read_terms(product.terms_of(Decimal("0.05"), date(2026, 1, 1), date(2026, 12, 31)))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    fees = product.fee_rate or product.periodic_fee_rate
    if fees and product.terms["waterfall"][0] != Bucket.FEES:
        raise ValueError(f"{name}: a fee is the first thing that is paid")
    if product.terms["rounding_quantum_fen"] != "1":
        raise ValueError(f"{name}: the books are kept in whole fen, so a product rounds to the fen")
    if not set(product.exits) <= EXITS:
        raise ValueError(f"{name}: an exit that there is not")
    if not 0 < product.advance_rate <= 1 or not 0 <= product.fee_rate < Decimal("0.1"):
        raise ValueError(f"{name}: a rate is out of range")
    if not 0 <= product.periodic_fee_rate < Decimal("0.01"):
        raise ValueError(f"{name}: the periodic fee is out of range")
    if not 0 < product.least_amount_fen <= product.most_amount_fen:
        raise ValueError(f"{name}: the amounts are out of order")
    if not 0 < product.least_term_days <= product.most_term_days:
        raise ValueError(f"{name}: the terms are out of order")


def _rounding(terms: Mapping[str, Any]) -> Rounding:
    return Rounding(Decimal(terms["rounding_quantum_fen"]))
