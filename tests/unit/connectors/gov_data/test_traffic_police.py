"""The traffic police's forms and what the connector makes of them."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.gov_data.traffic_police import wire
from connectors.gov_data.traffic_police.connector import DATASET
from connectors.gov_data.traffic_police.mapping import map_violations
from connectors.gov_data.traffic_police.sandbox_register import Decision, added_fen, decisions_of
from connectors.kit.contract import NO_ACCOUNT, Presence, Record, UpstreamMalformed
from connectors.kit.manifest import load_manifest
from connectors.kit.months import Period
from connectors.kit.sandbox_people import DEMO_NO_ACCOUNT, population
from connectors.kit.schema import PayloadSchemas
from tests.unit.connectors.gov_data.agencies import NOW, YEAR, first_of_kind, read

PACKAGE = "connectors.gov_data.traffic_police"
ROW = wire.Violation("449900000000100", "20260115", "1301", "200.00", "200.00", "3", "0")
HONEST = {"jszzt": "A", "ljjf": "3", "wjbs": "1", "wjje": "400.00", "wfxx": wire.write_rows([ROW])}


async def test_unpaid_fines_with_what_is_added_for_delay() -> None:
    person = first_of_kind("arrears")
    decisions = decisions_of(person)
    assert decisions
    record = await read(PACKAGE, DATASET, person, Period.parse("2024-01", "2026-11"))
    assert record.data["unpaid_fines"] == len(decisions)
    owed = sum(decision.fine_fen + added_fen(decision, NOW.date()) for decision in decisions)
    assert record.data["unpaid_fen"] == owed
    violations = record.data["violations"]
    assert isinstance(violations, list) and len(violations) == len(decisions)


async def test_nobody_without_a_licence_has_a_record() -> None:
    assert await read(PACKAGE, DATASET, DEMO_NO_ACCOUNT) == NO_ACCOUNT


def test_delay_adds_three_percent_a_day_after_fifteen_days_and_never_more_than_the_fine() -> None:
    decision = Decision("449900000000100", date(2026, 1, 1), "1301", 20_000, 3, False)
    assert [added_fen(decision, date(2026, 1, day)) for day in (1, 16, 17, 18)] == [0, 0, 600, 1_200]
    assert added_fen(decision, date(2026, 12, 31)) == 20_000


def test_decision_numbers_are_nobody_elses() -> None:
    numbers = [decision.number for person in population().values() for decision in decisions_of(person) or ()]
    assert len(set(numbers)) == len(numbers) > 2_000


def test_the_signature_is_the_gateways() -> None:
    # MD5 of "a=1&b=中&key=k" in GB18030, computed with coreutils: printf 'a=1&b=\xd6\xd0&key=k' | md5sum
    signed = wire.sign("k", {"b": "中", "a": "1", "empty": "", "sign": "ignored"})
    assert signed == "98AAE27F6E4DE18A0FF25F70E7AF22E9"


def test_forms_survive_rare_characters() -> None:
    parameters = {"xm": "𠮷㐂", "wfxx": "a|b^c", "x": "&=%+ "}
    read_back = wire.read(wire.write("k", parameters))
    assert read_back.pop("sign") == wire.sign("k", parameters)
    assert read_back == parameters


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"a=%FF%FF%FF", b"\xff=1", b"novalue", b"&".join([b"a%d=1" % n for n in range(99)])]
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"no form|twice"):
        wire.read(body)


@pytest.mark.parametrize(
    "row",
    [
        ROW._replace(day="20200115"),
        ROW._replace(day="2026011"),
        ROW._replace(fine="200"),
        ROW._replace(points="-1"),
        ROW._replace(points="٣"),
        ROW._replace(paid="2"),
    ],
)
def test_rows_that_break_the_protocol_are_the_gateways_fault(row: wire.Violation) -> None:
    with pytest.raises(UpstreamMalformed):
        map_violations({**HONEST, "wfxx": wire.write_rows([row])}, YEAR)


def test_a_decision_twice_is_the_gateways_fault() -> None:
    with pytest.raises(UpstreamMalformed):
        map_violations({**HONEST, "wfxx": wire.write_rows([ROW, ROW])}, YEAR)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_traffic_police_lie(data: st.DataObject) -> None:
    texts = st.one_of(st.text(max_size=8), st.sampled_from(["", "1.00", "-1", "99999999999", "a|b^c"]))
    answer, row = dict(HONEST), ROW
    if data.draw(st.booleans()):
        row = ROW._replace(**{data.draw(st.sampled_from(ROW._fields)): data.draw(texts)})
        answer["wfxx"] = wire.write_rows([row])
    else:
        answer[data.draw(st.sampled_from(sorted(HONEST)))] = data.draw(texts)
    schemas = PayloadSchemas(load_manifest(PACKAGE))
    with contextlib.suppress(UpstreamMalformed):
        schemas.check(DATASET, Record(Presence.PRESENT, map_violations(answer, YEAR)))


def test_the_honest_answer_fits() -> None:
    record = Record(Presence.PRESENT, map_violations(HONEST, YEAR))
    PayloadSchemas(load_manifest(PACKAGE)).check(DATASET, record)
    assert record.data["unpaid_fen"] == 40_000
