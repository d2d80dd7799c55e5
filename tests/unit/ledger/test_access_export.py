"""Exports of access records: a complete one passes, and whatever is missing or changed is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.access_export import parse_export, read_chain_link, read_statement
from huilian_protocol.answer_count import CountedAction, CountedAnswer, verify_answer_count
from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks, thumbprint
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.verify import verify_bytes
from tests.unit.ledger.access_world import ACTION, AGENCY, CONSENT, DATASET, EDGE_KEY, Chain, time_of
from tests.unit.ledger.receipt_world import trust
from tests.unit.protocol import world

TRUST = trust()
CHAIN = Chain(6, first=2, last=5)


def failed(data: bytes, pinned: Any = TRUST) -> dict[str, str]:
    verdict = verify_bytes(data, pinned, world.NOW)
    assert verdict.kind == "access export"
    return {check.name: check.reason for check in verdict.checks if not check.ok}


def pinned() -> Any:
    """Trust anchors that pin the edge's key."""
    sealing = {"suite": "x25519", "public_key": b64u_encode(bytes(range(32)))}
    keys = {"sealing_keys": [sealing], "signing_keys": keys_to_jwks([EDGE_KEY.public_key()])}
    return trust(agencies={AGENCY: keys})


@pytest.mark.parametrize("chain", [Chain(1), Chain(6), CHAIN, Chain(6, first=3, last=3), Chain(6, first=6, last=6)])
def test_a_complete_export_passes(chain: Chain) -> None:
    assert failed(chain.export()) == {}


def test_a_period_without_records_is_proven_too() -> None:
    assert failed(Chain(4, first=3, last=2).export()) == {}


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(2, 5), min_size=1))
def test_every_missing_record_is_named(missing: set[int]) -> None:
    left = [CHAIN.exported(number) for number in range(2, 6) if number not in missing]
    reason = failed(CHAIN.export(records=left))["no record missing"]
    told = reason.removeprefix("missing: ")
    named: set[int] = set()
    for part in told.split(", "):
        first, _, last = part.partition("–")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == missing


def test_a_record_that_was_changed_is_named() -> None:
    changed = CHAIN.exported(3)
    content = {**changed.record["content"], "outcome": "REFUSED:CONSENT_REVOKED"}
    changed = replace(changed, record={**changed.record, "content": content})
    records = [CHAIN.exported(2), changed, CHAIN.exported(4), CHAIN.exported(5)]
    faults = failed(CHAIN.export(records=records))
    assert faults["every record commits to the one before"].endswith(": 4")
    assert faults["every record in the log before the statement"].endswith(": 3")


def test_a_record_of_another_log_does_not_pass_with_a_proof_of_its_own() -> None:
    other = Chain(6, first=2, last=5)
    other.leaves[0] = b"\x09" * 32
    records = [CHAIN.exported(2), CHAIN.exported(3), other.exported(4), CHAIN.exported(5)]
    assert failed(CHAIN.export(records=records)) == {
        "every record in the log before the statement": "not in the log before the statement: 4"
    }


def test_a_record_shown_twice_or_from_outside_is_named() -> None:
    twice = [CHAIN.exported(number) for number in (2, 3, 3, 4, 5, 6)]
    reason = failed(CHAIN.export(records=twice))["no record missing"]
    assert reason == "shown twice: 3; not of this period: 6"


@pytest.mark.parametrize(("first", "last"), [(3, 5), (2, 4)])
def test_a_statement_that_cuts_its_period_short_is_caught_by_the_neighbours(first: int, last: int) -> None:
    """The hub signs for a smaller range than the period has."""
    honest = read_statement(CHAIN.statement["content"])
    period = {"from": CHAIN.statement["content"]["period"]["from"], "to": CHAIN.statement["content"]["period"]["to"]}
    lying = Chain(6, first=first, last=last, stated={"period": period})
    faults = failed(lying.export())
    assert "left out of it" in faults["the period was not cut short"] and honest.count == 4
    without = lying.export(neighbours=[])
    assert "the records around the period should be" in failed(without)["the period was not cut short"]


def test_the_statement_is_about_this_person_only() -> None:
    assert failed(CHAIN.export(subject="somebody-else")) == {
        "statement of the period": "the statement is about another person"
    }


def test_a_statement_with_another_count_is_no_statement() -> None:
    assert "form" in failed(Chain(4, stated={"count": 3}).export())


def test_the_statements_own_receipt_is_checked() -> None:
    value = parse_canonical(CHAIN.export())
    value["statement"]["salt"] = b64u_encode(bytes(32))
    faults = failed(canonicalise(value))
    assert set(faults) == {"form"} or any(name.startswith("statement: ") for name in faults)


def test_every_flipped_byte_fails() -> None:
    data = CHAIN.export()
    for place in range(0, len(data), 97):
        flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert not verify_bytes(flipped, TRUST, world.NOW).ok


def test_counts_of_the_edges_that_agree() -> None:
    export = CHAIN.export(edge_counts=[CHAIN.count(*range(1, 7))])
    assert failed(export, pinned()) == {}


def test_a_read_that_the_hub_hides_is_named_by_the_edges_count() -> None:
    hidden = CountedAnswer("request-hidden01", DATASET, time_of(3))
    export = CHAIN.export(edge_counts=[CHAIN.count(*range(1, 7), extra=(hidden,))])
    reason = failed(export, pinned())["counts by the edges"]
    assert "request-hidden01" in reason and reason.startswith(AGENCY)


def test_an_answer_at_the_very_end_or_of_another_time_is_not_held_against_the_hub() -> None:
    late = CountedAnswer("request-late0001", DATASET, time_of(5) + timedelta(seconds=10))
    early = CountedAnswer("request-early001", DATASET, time_of(0))
    export = CHAIN.export(edge_counts=[CHAIN.count(*range(1, 7), extra=(late, early))])
    assert failed(export, pinned()) == {}


def test_a_delivery_that_the_edge_did_not_count_is_named() -> None:
    export = CHAIN.export(edge_counts=[CHAIN.count(1, 2, 4, 5, 6)])
    assert "request-00000003" in failed(export, pinned())["counts by the edges"]


def did(sequence: int, outcome: str = "EXECUTED") -> CountedAction:
    return CountedAction(f"request-{sequence:08d}", ACTION, outcome, time_of(sequence))


def test_actions_are_compared_with_what_became_of_them() -> None:
    chain = Chain(4, acted={2: "EXECUTED", 3: "REJECTED"})
    honest = chain.export(edge_counts=[chain.count(1, 4, actions=(did(2), did(3, "REJECTED")))])
    assert failed(honest, pinned()) == {}
    for actions, told in (
        ((did(2),), "request-00000003 was REJECTED by"),
        ((did(2), did(3)), "of request request-00000003 as EXECUTED"),
    ):
        export = chain.export(edge_counts=[chain.count(1, 4, actions=actions)])
        assert told in failed(export, pinned())["counts by the edges"]


def test_an_action_that_the_hub_hides_or_calls_refused_is_named() -> None:
    hidden = CountedAction("request-hidden01", ACTION, "EXECUTED", time_of(3))
    export = CHAIN.export(edge_counts=[CHAIN.count(*range(1, 7), actions=(hidden,))])
    assert "request-hidden01" in failed(export, pinned())["counts by the edges"]
    refused = Chain(4, acted={2: "REFUSED:CONSENT_REVOKED"})
    export = refused.export(edge_counts=[refused.count(1, 3, 4, actions=(did(2),))])
    assert "settled action" in failed(export, pinned())["counts by the edges"]
    late = CountedAction("request-late0001", ACTION, "EXECUTED", time_of(5) + timedelta(seconds=10))
    assert failed(CHAIN.export(edge_counts=[CHAIN.count(*range(1, 7), actions=(late,))]), pinned()) == {}


def test_a_consent_whose_actions_no_edge_counted_is_named() -> None:
    chain = Chain(3, acted={1: "EXECUTED", 2: "EXECUTED", 3: "EXECUTED"})
    told = {check.name: check.reason for check in verify_bytes(chain.export(), TRUST, world.NOW).checks}
    assert f"none for {CONSENT} at {AGENCY}" in told["counts by the edges"]


def test_a_count_that_the_hub_changed_is_refused() -> None:
    token = CHAIN.count(*range(1, 7))
    head, _, signature = token.split(".")
    other = CHAIN.count(1, 2, 3, 4, 5).split(".")[1]
    export = CHAIN.export(edge_counts=[f"{head}.{other}.{signature}"])
    assert "PROVIDER_FAULT" in failed(export, pinned())["counts by the edges"]


def test_a_count_needs_a_key_of_its_agency() -> None:
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(HuilianError):
        verify_answer_count(CHAIN.count(1), {thumbprint(stranger): stranger})


@pytest.mark.parametrize(
    "link", [{}, {"sequence": 0, "previous": ""}, {"sequence": 2, "previous": ""}, {"sequence": True, "previous": ""}]
)
def test_odd_chain_links_are_refused(link: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_chain_link(link)


def test_a_file_is_read_strictly() -> None:
    value = parse_canonical(CHAIN.export())
    for change in ({"extra": 1}, {"records": {}}, {"type": "huilian-access-export/v2"}, {"edge_counts": [1]}):
        with pytest.raises(HuilianError):
            parse_export(canonicalise({**value, **change}))
