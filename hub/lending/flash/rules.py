"""From evidence to the facts of the flash loan's decision table, and from its decision to a contract. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.errors import HuilianError

from hub.lending.flash.evidence import NO_ACCOUNT, PRESENT, EvidenceItem
from hub.lending.products.definitions import Product
from hub.lending.rules import Quote

CONTRACT_TYPE = "huilian-flash-loan-contract/v1"
MONTHS_PER_YEAR = 12
HOUSING, TAX, SOCIAL = "housing_fund.account/v1", "tax.personal_income/v1", "social_insurance.contribution/v1"
NEEDED_FIELDS: Mapping[str, Mapping[str, type]] = {
    HOUSING: {"account_status": str, "base_fen": int, "deposit_months": int},
    TAX: {"annual_income_fen": int, "income_months": int},
    SOCIAL: {"participation_status": str, "base_fen": int, "consecutive_months": int},
}


def facts(
    items: Iterable[EvidenceItem], *, amount_fen: int, term_days: int, live_loans: int, overdue_loans: int
) -> dict[str, int | str]:
    """What the decision table is asked about.

    Raises DECISION_DATA_MISSING naming every source that is away, not granted, or without a usable needed field. A
    person without an account at a source is not missing data: the table has its own reason for that.
    """
    known = {item.dataset_id: item for item in items}
    missing = [dataset for dataset in NEEDED_FIELDS if not _is_complete(dataset, known.get(dataset))]
    if missing:
        raise HuilianError("DECISION_DATA_MISSING", datasets=", ".join(missing))
    housing, tax, social = (known[dataset] for dataset in (HOUSING, TAX, SOCIAL))
    incomes = [fen for fen in (_base(housing), _monthly_income(tax), _base(social)) if fen is not None]
    return {
        "amount_fen": amount_fen,
        "term_days": term_days,
        "housing_status": housing.status,
        "housing_account_status": str(housing.data.get("account_status", "")),
        "housing_base_fen": _base(housing) or 0,
        "housing_deposit_months": int(housing.data.get("deposit_months", 0)),
        "tax_status": tax.status,
        "tax_monthly_income_fen": _monthly_income(tax) or 0,
        "tax_income_months": int(tax.data.get("income_months", 0)),
        "social_status": social.status,
        "social_participation_status": str(social.data.get("participation_status", "")),
        "social_base_fen": _base(social) or 0,
        "social_consecutive_months": int(social.data.get("consecutive_months", 0)),
        "monthly_income_fen": min(incomes, default=0),
        "income_spread_percent": spread_percent(incomes),
        "live_loans": live_loans,
        "overdue_loans": overdue_loans,
    }


def spread_percent(incomes: Sequence[int]) -> int:
    """How far apart the sources are: (most - least) in percent of the most, rounded down."""
    most, least = max(incomes, default=0), min(incomes, default=0)
    return (most - least) * 100 // most if most else 0


def _is_complete(dataset: str, item: EvidenceItem | None) -> bool:
    if item is None or item.status not in {PRESENT, NO_ACCOUNT}:
        return False
    wanted = NEEDED_FIELDS[dataset].items()
    return item.status == NO_ACCOUNT or all(_is_figure(item.data.get(name), kind) for name, kind in wanted)


def _is_figure(value: Any, kind: type) -> bool:
    """Whether a value can be decided on: of its kind (a boolean is no integer), and no figure below zero."""
    return type(value) is kind and not (isinstance(value, int) and value < 0)


def _base(item: EvidenceItem) -> int | None:
    return int(item.data["base_fen"]) if item.status == PRESENT else None


def _monthly_income(tax: EvidenceItem) -> int | None:
    """Income of the months that had some: a person who started in July earned nothing before, not half."""
    if tax.status != PRESENT:
        return None
    months = min(int(tax.data["income_months"]), MONTHS_PER_YEAR)
    return int(tax.data["annual_income_fen"]) // months if months else 0


def contract(
    product: Product, application_id: str, subject: str, priced: Quote, limit_fen: int, rule_version: str
) -> bytes:
    """The canonical text that the person signs: everything the loan costs and may do, and the table that decided."""
    return canonicalise(
        {
            "type": CONTRACT_TYPE,
            "application_id": application_id,
            "borrower": subject,
            "product": {"name_zh": product.name_zh, "name_en": product.name_en},
            "limit_fen": limit_fen,
            "principal_fen": priced.principal_fen,
            "fee_fen": priced.fee_fen,
            "currency": "CNY",
            "value_date": priced.value_date.isoformat(),
            "terms": product.terms_of(priced.annual_rate, priced.value_date, priced.due_date),
            "apr": format(priced.apr, "f"),
            "interest_if_not_prepaid_fen": priced.interest_fen,
            "total_cost_fen": priced.cost_fen,
            "prepayment_zh": "可随时部分或全部提前还款，按实际用款天数计息，不收取违约金。",
            "prepayment_en": "You may repay any part on any day; interest counts the days used; there is no charge.",
            "rule_version": rule_version,
        }
    )


def read_contract(text: bytes) -> dict[str, Any]:
    """A contract as an object."""
    read: dict[str, Any] = parse_json(text)
    return read
