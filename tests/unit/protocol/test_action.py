"""Actions in an artefact, what commits to their parameters, and the edge's signature on a result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from huilian_protocol.action import (
    MAX_PARAMETERS_BYTES,
    ActionParameters,
    commit_parameters,
    sign_result,
    verify_result,
)
from huilian_protocol.artefact import TYPE, TYPE_WITH_ACTIONS, ActionGrant, Artefact, parse_artefact
from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.freeze import FOLDER
from tests.unit.protocol import world

PARAMETERS = ActionParameters({"amount_fen": 20_000, "decision_number": "449900000000100"}, bytes(range(32)))
COMMITMENT = commit_parameters(PARAMETERS)
FINE = ActionGrant("traffic_police.pay_fine/v1", 1, 20_000, COMMITMENT)
BILLS = ActionGrant("utilities.pay_bill/v1", 12, 30_000)


def with_actions(*actions: ActionGrant, **changes: Any) -> Artefact:
    return replace(world.artefact(), actions=actions, **changes)


def code_of(call: Any, *args: Any) -> str:
    with pytest.raises(HuilianError) as caught:
        call(*args)
    return caught.value.code


def test_an_artefact_without_actions_is_byte_for_byte_the_old_one() -> None:
    assert world.artefact().to_dict()["type"] == TYPE
    assert with_actions().canonical() == world.artefact().canonical() == (FOLDER / "artefact.json").read_bytes()


def test_an_artefact_with_actions_is_another_type_and_reads_back() -> None:
    artefact = with_actions(FINE, BILLS)
    assert artefact.to_dict()["type"] == TYPE_WITH_ACTIONS
    assert parse_artefact(artefact.canonical()) == artefact
    assert artefact.sha256 != world.artefact().sha256


def test_whoever_acts_need_not_read() -> None:
    only_acts = with_actions(FINE, datasets=())
    assert parse_artefact(only_acts.canonical()) == only_acts
    assert code_of(parse_artefact, {**world.artefact_dict(), "datasets": []}) == "ARTEFACT_INVALID"


SPOILED: list[tuple[str, Any]] = [
    ("no actions", []),
    ("nothing", None),
    ("twice", [FINE, FINE]),
    ("too many", [replace(BILLS, id=f"a.b/v{number}") for number in range(9)]),
    ("unknown member", [{"note": "x"}]),
    ("zero uses", [replace(FINE, max_uses=0)]),
    ("negative amount", [replace(FINE, max_amount_fen=-1)]),
    ("amount in yuan", [{"max_amount_fen": 200.0}]),
    ("amount in words", [{"max_amount_fen": "20000"}]),
    ("short commitment", [replace(FINE, parameters_commitment="AAAA")]),
    ("padded commitment", [replace(FINE, parameters_commitment=COMMITMENT + "=")]),
    ("no commitment key", [{"parameters_commitment": ...}]),
    ("a name with spaces", [replace(FINE, id="pay fine")]),
]


@pytest.mark.parametrize("actions", [spoiled for _, spoiled in SPOILED], ids=[name for name, _ in SPOILED])
def test_malformed_actions_are_refused(actions: Any) -> None:
    value = with_actions(FINE).to_dict()
    if actions is None:
        del value["actions"]
    else:
        honest = value["actions"][0]
        value["actions"] = [
            {k: v for k, v in {**honest, **action}.items() if v is not ...}
            if isinstance(action, dict)
            else with_actions(action).to_dict()["actions"][0]
            for action in actions
        ]
    assert code_of(parse_artefact, value) == "ARTEFACT_INVALID"


def test_actions_under_the_old_type_are_refused_and_so_is_the_new_type_without() -> None:
    value = with_actions(FINE).to_dict()
    assert code_of(parse_artefact, {**value, "type": TYPE}) == "ARTEFACT_INVALID"
    assert code_of(parse_artefact, {**world.artefact_dict(), "type": TYPE_WITH_ACTIONS}) == "ARTEFACT_INVALID"


def test_an_action_is_judged_by_what_was_signed() -> None:
    artefact = with_actions(FINE, BILLS)
    other = commit_parameters(ActionParameters({"amount_fen": 1}, bytes(32)))
    assert artefact.check_action(FINE.id, 20_000, COMMITMENT) == FINE
    assert artefact.check_action(BILLS.id, 30_000, other) == BILLS
    assert code_of(artefact.check_action, FINE.id, 20_000, other) == "ACTION_NOT_GRANTED"
    assert code_of(artefact.check_action, "tax.pay/v1", 1, COMMITMENT) == "ACTION_NOT_GRANTED"
    assert code_of(artefact.check_action, FINE.id, 20_001, COMMITMENT) == "LIMIT_EXCEEDED"
    assert code_of(world.artefact().check_action, FINE.id, 1, COMMITMENT) == "ACTION_NOT_GRANTED"


def test_the_commitment_hides_and_binds() -> None:
    assert commit_parameters(replace(PARAMETERS, salt=bytes(32))) != COMMITMENT
    assert commit_parameters(replace(PARAMETERS, values={**PARAMETERS.values, "amount_fen": 20_001})) != COMMITMENT
    assert ActionParameters.from_bytes(PARAMETERS.to_bytes()) == PARAMETERS
    assert "449900000000100" not in repr(PARAMETERS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        canonicalise({"parameters": {}}),
        canonicalise({"parameters": [], "salt": b64u_encode(bytes(32))}),
        canonicalise({"parameters": {}, "salt": b64u_encode(bytes(31))}),
        canonicalise({"more": 1, "parameters": {}, "salt": b64u_encode(bytes(32))}),
        canonicalise({"parameters": {"x": "y" * MAX_PARAMETERS_BYTES}, "salt": b64u_encode(bytes(32))}),
        PARAMETERS.to_bytes() + b" ",
    ],
)
def test_malformed_parameters_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        ActionParameters.from_bytes(data)


CLAIMS = {"request_id": "req-00000001", "consent_sha256": bytes(32), "action": FINE.id, "envelope": b"sealed"}


@given(st.sampled_from(sorted(CLAIMS)))
def test_a_result_is_signed_for_one_request_only(name: str) -> None:
    key = world.STRANGER
    keys = {thumbprint(key.public_key()): key.public_key()}
    token = sign_result(key, **CLAIMS)  # type: ignore[arg-type]
    verify_result(token, keys, **CLAIMS)  # type: ignore[arg-type]
    other: Any = CLAIMS[name]
    changed = {**CLAIMS, name: other + (b"x" if isinstance(other, bytes) else "x")}
    assert code_of(lambda: verify_result(token, keys, **changed)) == "PROVIDER_FAULT"
    assert code_of(lambda: verify_result(token, {}, **CLAIMS)) == "PROVIDER_FAULT"  # type: ignore[arg-type]


def test_the_frozen_artefact_with_actions_reads_back() -> None:
    frozen = (FOLDER / "artefact.actions.json").read_bytes()
    assert parse_artefact(frozen).actions[0].parameters_commitment == COMMITMENT_OF_GOLDEN
    assert parse_canonical(frozen)["type"] == TYPE_WITH_ACTIONS


COMMITMENT_OF_GOLDEN = (FOLDER / "action.parameters.commitment").read_text().strip()
