"""The pure rules: products, decision tables, states, quotes, facts."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.lending.decisions.tables import FOLDER as TABLES_FOLDER
from hub.lending.decisions.tables import DecisionFault, DecisionTable, DecisionTables, load_tables
from hub.lending.flash.evidence import NO_ACCOUNT, EvidenceItem
from hub.lending.flash.rules import HOUSING, SOCIAL, TAX, facts, spread_percent
from hub.lending.products.definitions import FLASH_LOAN, FOLDER, ORDER_LOAN, RECEIVABLE_LOAN, load_products
from hub.lending.rules import (
    TRANSITIONS,
    FinancingState,
    check_term,
    check_transition,
    flash_limit_fen,
    principal_on_certificate,
    quote,
)
from tests.unit.hub.lending.world import GOOD_INCOME

PRODUCTS, TABLES = load_products(), load_tables()
RECEIVABLE = PRODUCTS[RECEIVABLE_LOAN]
FACTS = {
    "amount_fen": 45_000,
    "certificate_fen": 50_000,
    "term_days": 90,
    "applicant_overdue_loans": 0,
    "buyer_overdue_receivables": 0,
    "red_warnings": 0,
    "red_warning_rules": "",
}


# --- products ---------------------------------------------------------------------------------------------------------


def changed(folder: Path, **changes: Any) -> None:
    raw = json.loads((FOLDER / "receivable-loan.json").read_text(encoding="utf-8"))
    for name, value in changes.items():
        (raw["terms"] if name in raw["terms"] else raw)[name] = value
    (folder / "product.json").write_text(json.dumps(raw), encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"advance_rate": "1.01"},
        {"advance_rate": "0"},
        {"fee_rate": "0.1"},
        {"fee_rate": "-0.1"},
        {"least_amount_fen": 0},
        {"most_amount_fen": 1},
        {"least_term_days": 0},
        {"most_term_days": 0},
        {"day_count": "ACT/364"},
        {"interval": "[start, end]"},
        {"rounding_quantum_fen": "100"},
        {"waterfall": ["fees", "interest"]},
        {"waterfall": ["principal", "interest", "fees"]},
        {"unknown": 1},
    ],
)
def test_a_product_file_that_makes_no_sense_stops_the_start(tmp_path: Path, changes: dict[str, Any]) -> None:
    changed(tmp_path, **changes)
    with pytest.raises(ValueError, match=r"product\.json|is not a valid"):
        load_products(tmp_path)


def test_the_shipped_products_load() -> None:
    assert {RECEIVABLE_LOAN, ORDER_LOAN, FLASH_LOAN} <= set(PRODUCTS)


# --- decision tables --------------------------------------------------------------------------------------------------


def test_prices_by_term() -> None:
    table = TABLES.newest("receivable-loan")
    rates = {days: table.decide({**FACTS, "term_days": days}).offer["annual_rate"] for days in (1, 90, 91, 184, 185)}
    assert rates == {1: "0.0385", 90: "0.0385", 91: "0.0435", 184: "0.0435", 185: "0.0480"}


def test_a_long_term_is_priced_and_said() -> None:
    decision = TABLES.newest("receivable-loan").decide({**FACTS, "term_days": 200})
    assert decision.approved
    assert [reason.code for reason in decision.reasons] == ["TERM_ABOVE_SIX_MONTHS"]


@pytest.mark.parametrize("missing", sorted(FACTS.keys() - {"red_warning_rules"}))
def test_a_missing_fact_is_never_taken_for_a_good_one(missing: str) -> None:
    table = TABLES.newest("receivable-loan")
    with pytest.raises(DecisionFault):
        table.decide({name: value for name, value in FACTS.items() if name != missing})
    with pytest.raises(DecisionFault):
        table.decide({**FACTS, missing: None})
    with pytest.raises(DecisionFault):
        table.decide({**FACTS, missing: "1"})
    with pytest.raises(DecisionFault):
        table.decide({**FACTS, missing: True})


def test_an_unknown_fact_is_refused() -> None:
    with pytest.raises(DecisionFault):
        TABLES.newest("receivable-loan").decide({**FACTS, "shoe_size": 42})


def raw_table(name: str = "receivable-loan.3") -> dict[str, Any]:
    read: dict[str, Any] = json.loads((TABLES_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read


def test_the_newest_version_decides_and_the_old_one_replays() -> None:
    newer = {**raw_table(), "version": 4}
    tables = DecisionTables([DecisionTable(newer), DecisionTable(raw_table())])
    assert tables.newest("receivable-loan").version == 4
    assert tables.version("receivable-loan", 3).version == 3
    assert tables.newest("receivable-loan").sha256 != tables.version("receivable-loan", 3).sha256
    with pytest.raises(DecisionFault):
        tables.newest("nothing")
    with pytest.raises(DecisionFault):
        tables.version("receivable-loan", 5)


@pytest.mark.parametrize("name", ["receivable-loan", "flash-loan"])
def test_every_code_of_a_table_is_explained_in_both_languages(name: str) -> None:
    raw = raw_table(name)
    table = DecisionTable(raw)
    nodes = [node["content"] for node in raw["graph"]["nodes"] if "content" in node]
    cells = {cell.strip("'") for node in nodes for rule in node["rules"] for cell in rule.values()}
    used = {cell for cell in cells if cell.isupper() and "_" in cell and not cell.startswith(("I0", "O0"))}
    assert used
    assert all(table.reason(code).text_zh and table.reason(code).text_en for code in used)


def test_a_table_without_a_price_for_its_facts_is_a_fault() -> None:
    raw = raw_table()
    pricing = next(node for node in raw["graph"]["nodes"] if node["id"] == "pricing")
    pricing["content"]["rules"] = pricing["content"]["rules"][:1]
    with pytest.raises(DecisionFault, match="no price"):
        DecisionTable(raw).decide({**FACTS, "term_days": 300})


def test_a_table_file_with_unknown_keys_is_a_fault() -> None:
    with pytest.raises(DecisionFault):
        DecisionTable({**raw_table(), "comment": "?"})


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", FinancingState)
@pytest.mark.parametrize("target", FinancingState)
def test_only_the_table_of_states_moves_a_financing(state: FinancingState, target: FinancingState) -> None:
    if target in TRANSITIONS[state]:
        check_transition(state, target)
        return
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        check_transition(state, target)


def test_exits_end_a_financing() -> None:
    ends = {state for state, targets in TRANSITIONS.items() if not targets}
    assert ends == {
        FinancingState.DISBURSED,
        FinancingState.REJECTED,
        FinancingState.EXPIRED,
        FinancingState.WITHDRAWN,
    }


# --- quotes -----------------------------------------------------------------------------------------------------------


@given(
    principal_fen=st.integers(10_000, 10**11),
    rate=st.decimals("0.001", "0.36", places=4),
    days=st.integers(1, 365),
)
def test_a_quote_adds_up(principal_fen: int, rate: Decimal, days: int) -> None:
    start = date(2026, 3, 2)
    made = quote(RECEIVABLE, principal_fen, rate, start, date.fromordinal(start.toordinal() + days))
    assert made.cost_fen == made.interest_fen + made.fee_fen
    assert made.due_fen == principal_fen + made.interest_fen
    # With the fee on top, and compounded, a loan never costs less a year than its nominal rate on 365 days.
    assert made.apr >= rate - Decimal("0.0005")


@pytest.mark.parametrize("wanted", [1, 9_999])
def test_less_than_the_product_lends(wanted: int) -> None:
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        principal_on_certificate(RECEIVABLE, wanted, 50_000)


def test_the_advance_is_rounded_down() -> None:
    assert principal_on_certificate(RECEIVABLE, 0, 33_333) == 29_999


def test_terms_outside_the_product() -> None:
    start = date(2026, 3, 2)
    assert check_term(RECEIVABLE, start, date(2027, 3, 2)) == 365
    with pytest.raises(HuilianError, match="TERM_TOO_LONG") as refused:
        check_term(RECEIVABLE, start, date(2027, 3, 3))
    assert refused.value.params["latest"] == "2027-03-02"
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        check_term(RECEIVABLE, start, start)


@pytest.mark.parametrize(
    ("income_fen", "multiple", "limit_fen"),
    [
        (300_000, "5", 1_500_000),
        (300_999, "5", 1_500_000),
        (303_000, "5", 1_510_000),
        (10**8, "10", 30_000_000),
        (0, "5", 0),
    ],
)
def test_a_persons_limit_in_steps_of_100_yuan(income_fen: int, multiple: str, limit_fen: int) -> None:
    assert flash_limit_fen(PRODUCTS[FLASH_LOAN], income_fen, Decimal(multiple)) == limit_fen


# --- facts of the flash loan ------------------------------------------------------------------------------------------


def items(**replaced: EvidenceItem) -> list[EvidenceItem]:
    by_name = {"housing": HOUSING, "tax": TAX, "social": SOCIAL}
    return [
        replaced.get(name, EvidenceItem(dataset, "present", GOOD_INCOME[dataset])) for name, dataset in by_name.items()
    ]


def asked(found: list[EvidenceItem]) -> dict[str, int | str]:
    return facts(found, amount_fen=1, term_days=1, live_loans=0, overdue_loans=0)


def test_facts_are_what_the_table_declares() -> None:
    assert TABLES.newest("flash-loan").decide(asked(items())).approved


def test_income_is_the_lowest_of_the_sources_and_they_are_compared() -> None:
    known = asked(items())
    assert (known["monthly_income_fen"], known["income_spread_percent"]) == (1_800_000, 2)


def test_income_of_a_person_who_started_in_july_is_not_halved() -> None:
    tax = EvidenceItem(TAX, "present", {"annual_income_fen": 11_100_000, "income_months": 6})
    assert asked(items(tax=tax))["tax_monthly_income_fen"] == 1_850_000


def test_no_account_is_a_fact_and_not_missing_data() -> None:
    known = asked(items(housing=EvidenceItem(HOUSING, NO_ACCOUNT, {})))
    assert (known["housing_status"], known["housing_base_fen"]) == ("no_account", 0)
    assert known["monthly_income_fen"] == 1_800_000


def test_every_missing_source_is_named() -> None:
    with pytest.raises(HuilianError) as refused:
        asked([EvidenceItem(TAX, "unavailable", {}, "PROVIDER_TIMEOUT"), *items()[2:]])
    assert refused.value.code == "DECISION_DATA_MISSING"
    assert refused.value.params["datasets"] == f"{HOUSING}, {TAX}"


@given(st.lists(st.integers(0, 10**9), max_size=3))
def test_spread_is_a_percentage(incomes: list[int]) -> None:
    assert 0 <= spread_percent(incomes) <= 100


def test_evidence_shows_no_data_in_a_traceback() -> None:
    assert "1850000" not in repr(items()[0])
