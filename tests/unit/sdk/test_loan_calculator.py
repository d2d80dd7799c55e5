"""`huilian loan project`, as a customer calls it."""

import json
from pathlib import Path
from typing import Any

import pytest
from huilian_loans.documents import read_events, read_terms
from huilian_sdk.cli import main

TERMS: dict[str, Any] = {
    "annual_rate": "0.049",
    "day_count": "30E/360",
    "maturity": "2027-01-01",
    "penalty_multiplier": "1.5",
    "repayment": {"kind": "equal_instalment", "first_due_date": "2026-02-01", "every_months": 1},
}
EVENTS: list[dict[str, Any]] = [{"kind": "DRAW", "value_date": "2026-01-01", "amount_fen": 100_000_000}]


def run(folder: Path, as_of: str, *flags: str, terms: object = None, events: object = None) -> int:
    (folder / "terms.json").write_text(json.dumps(TERMS if terms is None else terms))
    (folder / "events.json").write_text(json.dumps(EVENTS if events is None else events))
    files = ["--terms", str(folder / "terms.json"), "--events", str(folder / "events.json")]
    return main(["loan", "project", *files, "--as-of", as_of, *flags])


def test_a_plan_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1,000,000 yuan over a year at 4.9 %: 85,561.66 a month, the last with what rounding left."""
    assert run(tmp_path, "2026-01-01", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [period["due_fen"] for period in answer["periods"]] == [8_556_166] * 11 + [8_556_169]
    assert answer["periods"][0]["interest_fen"] == 408_333
    assert answer["periods"][-1]["closing_principal_fen"] == 0
    assert answer["payoff"]["total_fen"] == 100_000_000
    assert all(period["projected"] for period in answer["periods"])


def test_what_happened_and_what_follows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paid = {"kind": "REPAYMENT", "value_date": "2026-02-01", "amount_fen": 8_556_166}
    fee = {"kind": "FEE", "value_date": "2026-02-10", "amount_fen": 5_000}
    later = {"kind": "REPAYMENT", "value_date": "2026-06-01", "amount_fen": 1}
    assert run(tmp_path, "2026-02-15", "--json", events=[*EVENTS, paid, fee, later]) == 0
    answer = json.loads(capsys.readouterr().out)
    first, second = answer["periods"][:2]
    assert (first["paid_fen"], first["closing_principal_fen"], first["projected"]) == (8_556_166, 91_852_167, False)
    assert (second["fees_fen"], second["due_fen"], second["projected"]) == (5_000, 8_561_166, True)
    assert answer["periods"][4]["paid_fen"] == 8_556_166, "a repayment after the day is left out"


def test_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "2026-01-01") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 14 and "应还 due" in lines[0] and "85561.66" in lines[1]
    assert lines[-1] == "2026-01-01 结清金额 payoff (CNY): 1000000.00"


def test_a_signed_contract_of_the_bank_is_read_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Terms as the bank keeps them: with the product's name, and everything due at maturity."""
    terms = {
        "product_id": "receivable-loan",
        "product_version": 1,
        "annual_rate": "0.0435",
        "day_count": "ACT/360",
        "interval": "[start, end)",
        "maturity": "2026-04-01",
        "rounding_quantum_fen": "1",
        "waterfall": ["fees", "interest", "principal"],
        "penalty_multiplier": "1.5",
    }
    assert run(tmp_path, "2026-01-01", "--json", terms=terms) == 0
    (period,) = json.loads(capsys.readouterr().out)["periods"]
    assert (period["interest_fen"], period["due_fen"]) == (1_087_500, 101_087_500)


def test_an_unpaid_loan_goes_on_after_its_last_due_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terms = {"annual_rate": "0.036", "day_count": "ACT/360", "maturity": "2026-04-01", "penalty_multiplier": "1.5"}
    assert run(tmp_path, "2026-04-11", "--json", terms=terms) == 0
    answer = json.loads(capsys.readouterr().out)
    late = answer["periods"][-1]
    assert (late["end"], late["interest_fen"], late["penalty_fen"]) == ("2026-04-11", 0, 150_000)
    assert late["due_fen"] == answer["payoff"]["total_fen"] == 100_000_000 + 900_000 + 150_000


def test_what_the_loan_cannot_take_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    too_much = {"kind": "REPAYMENT", "value_date": "2026-01-02", "amount_fen": 200_000_000}
    assert run(tmp_path, "2026-02-01", events=[*EVENTS, too_much]) == 1
    assert "REPAYMENT_EXCEEDS_PAYOFF" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annual_rate": 0.049}, "annual_rate"),
        ({"annual_rate": "NaN"}, "annual_rate"),
        ({"day_count": "ACT/364"}, "day_count"),
        ({"maturity": "2027-13-01"}, "maturity"),
        ({"maturity": "20270101"}, "maturity"),
        ({"interest": "0.05"}, "interest"),
        ({"waterfall": ["fees"]}, "waterfall"),
        ({"repayment": {"kind": "balloon"}}, "kind"),
        ({"repayment": {"kind": "equal_principal"}}, "first_due_date"),
        ({"repayment": {"kind": "bullet", "every_months": 1}}, "bullet"),
    ],
)
def test_malformed_terms_name_the_key(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_terms({**TERMS, **changes})


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "GIFT", "value_date": "2026-01-01"},
        {"kind": "DRAW", "value_date": "2026-01-01"},
        {"kind": "DRAW", "value_date": "2026-01-01", "amount_fen": 0},
        {"kind": "DRAW", "value_date": "2026-01-01", "amount_fen": 1.5},
        {"kind": "DRAW", "value_date": "2026-01-01", "amount_fen": True},
        {"kind": "REVERSAL", "value_date": "2026-01-01", "reversed_sequence": -1},
        {"kind": "CAPITALISATION", "value_date": "2026-01-01", "amount_fen": 1},
        "DRAW",
    ],
)
def test_malformed_events_are_refused(event: object) -> None:
    with pytest.raises(ValueError, match=r"event 0|amount_fen|whole number"):
        read_events([event])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="each sequence"):
        read_events([{**EVENTS[0], "sequence": 1}, {**EVENTS[0], "sequence": 1}])


def test_every_kind_of_event_is_read() -> None:
    plan = {"annual_rate": "0.03", "maturity": "2027-01-01", "repayment": {"kind": "bullet"}}
    kinds: list[dict[str, Any]] = [
        *EVENTS,
        {"kind": "RATE_CHANGE", "value_date": "2026-01-02", "annual_rate": "0.05"},
        {"kind": "CAPITALISATION", "value_date": "2026-01-03"},
        {"kind": "RESTRUCTURE", "value_date": "2026-01-04", **plan},
        {"kind": "CHARGE_OFF", "value_date": "2026-01-05"},
        {"kind": "RECOVERY", "value_date": "2026-01-06", "amount_fen": 5},
        {"kind": "REVERSAL", "value_date": "2026-01-07", "reversed_sequence": 5},
    ]
    assert [type(event).__name__ for event in read_events(kinds)] == [
        "Draw",
        "RateChange",
        "Capitalise",
        "Restructure",
        "ChargeOff",
        "Recover",
        "Reverse",
    ]
