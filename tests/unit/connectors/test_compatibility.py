"""A broken promise of a released schema is noticed, whatever way it is broken; a kept one is not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.compatibility import breaks_of, data_breaks, folder_of, parameter_breaks, release

AGENCIES = [path.parent.name for path in sorted(folder_of("connectors.gov_data").glob("*/manifest.yaml"))]
DATA: dict[str, Any] = json.loads(
    (folder_of("connectors.gov_data.traffic_police") / "schemas" / "violation.v1.json").read_text("utf-8")
)
PARAMETERS: dict[str, Any] = json.loads(
    (folder_of("connectors.gov_data.traffic_police") / "schemas" / "pay_fine.parameters.v1.json").read_text("utf-8")
)


def changed(schema: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The schema with the value at a slashed path replaced, or taken out if it is `...`."""
    whole = copy.deepcopy(schema)
    target: Any = whole
    *parents, last = path.split("/")
    for step in parents:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return whole


ROW = "properties/violations/items"
BROKEN_DATA = [
    ("properties/penalty_points", ..., "penalty_points: removed"),
    ("properties/penalty_points/type", "string", "penalty_points: another type (string)"),
    ("properties/penalty_points/type", ["integer", "null"], "penalty_points: another type (null)"),
    ("properties/penalty_points/type", "number", "penalty_points: another type (number)"),
    ("properties/penalty_points/type", ..., "penalty_points: any type"),
    ("properties/penalty_points/maximum", 10**6, "penalty_points: a higher maximum"),
    ("properties/penalty_points/minimum", ..., "penalty_points: a lower minimum"),
    ("properties/unpaid_fen/x-unit", "count", "unpaid_fen: another x-unit"),
    ("properties/unpaid_fen/x-time", "period", "unpaid_fen: another x-time"),
    ("properties/unpaid_fen/x-class", "C1", "unpaid_fen: a lower class"),
    ("properties/licence_status/enum", ["NORMAL", "LOST"], "licence_status: other values"),
    ("properties/licence_status/enum", ..., "licence_status: other values"),
    ("properties/violations/maxItems", ..., "violations: a higher maxItems"),
    ("properties/violations/items", ..., "violations[]: any item"),
    (f"{ROW}/additionalProperties", True, "violations[]: any member"),
    (f"{ROW}/required", ["month"], "violations[].added_fen: no longer there for certain"),
    (f"{ROW}/properties/place", {"type": "string"}, "violations[].place: unknown to the other side"),
    (f"{ROW}/properties/month/pattern", "^.*$", "violations[].month: another pattern"),
    (f"{ROW}/properties/is_paid/type", "integer", "violations[].is_paid: another type (integer)"),
]


@pytest.mark.parametrize(("path", "value", "reason"), BROKEN_DATA, ids=[reason for _, _, reason in BROKEN_DATA])
def test_a_broken_promise_about_data_is_named(path: str, value: Any, reason: str) -> None:
    assert reason in data_breaks(DATA, changed(DATA, path, value))


KEPT = [
    ("properties/place", {"type": "string", "x-unit": "text", "x-class": "C2", "x-time": "as_of"}),
    ("properties/penalty_points/maximum", 999),
    ("properties/penalty_points/minimum", 1),
    ("properties/unpaid_fen/x-class", "C3"),
    ("properties/licence_status/enum", ["NORMAL"]),
    ("properties/unpaid_fen/title", "另一个标题"),
]


@pytest.mark.parametrize(("path", "value"), KEPT, ids=[path for path, _ in KEPT])
def test_a_kept_promise_is_no_break(path: str, value: Any) -> None:
    assert data_breaks(DATA, changed(DATA, path, value)) == []


BROKEN_PARAMETERS = [
    ("properties/amount_fen/maximum", 100, "parameters.amount_fen: a higher maximum"),
    ("properties/amount_fen/type", "string", "parameters.amount_fen: another type (integer)"),
    ("properties/amount_fen/x-unit", "count", "amount_fen: another x-unit"),
    ("properties/decision_number", ..., "parameters.decision_number: unknown to the other side"),
    ("properties/decision_number/pattern", "^[0-9]{16}$", "parameters.decision_number: another pattern"),
]


@pytest.mark.parametrize(("path", "value", "reason"), BROKEN_PARAMETERS, ids=[r for _, _, r in BROKEN_PARAMETERS])
def test_a_broken_promise_about_parameters_is_named(path: str, value: Any, reason: str) -> None:
    assert reason in parameter_breaks(PARAMETERS, changed(PARAMETERS, path, value))


def test_a_new_parameter_that_must_be_given_is_a_break_and_a_wider_one_is_not() -> None:
    more = changed(PARAMETERS, "required", ["amount_fen", "decision_number", "place"])
    assert parameter_breaks(PARAMETERS, more) == ["parameters.place: no longer there for certain"]
    assert parameter_breaks(PARAMETERS, changed(PARAMETERS, "properties/amount_fen/maximum", 10**12)) == []


@pytest.mark.parametrize("agency", AGENCIES)
def test_every_agency_keeps_its_promises(agency: str) -> None:
    assert breaks_of(folder_of(f"connectors.gov_data.{agency}")) == []


def test_there_are_seven_agencies() -> None:
    assert len(AGENCIES) == 7


def test_releasing_is_once_and_for_ever(tmp_path: Path) -> None:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    (schemas / "a.v1.json").write_text(json.dumps(DATA))
    assert breaks_of(tmp_path) == ["a.v1.json: not released"]
    assert release(tmp_path) == ["a.v1.json"]
    assert breaks_of(tmp_path) == release(tmp_path) == []
    (schemas / "a.v1.json").write_text(json.dumps(changed(DATA, "properties/penalty_points", ...)))
    assert release(tmp_path) == []
    assert breaks_of(tmp_path) == ["a.v1.json: penalty_points: removed"]
    (schemas / "a.v1.json").unlink()
    assert breaks_of(tmp_path) == ["a.v1.json: gone"]
