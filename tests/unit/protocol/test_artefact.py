"""The consent artefact: strict reading and the questions that hub and edge ask of it."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from huilian_protocol.artefact import EvidenceLevel, Period, parse_artefact
from huilian_protocol.canonical import canonicalise
from huilian_protocol.clock import parse_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import key_id
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol.world import RECIPIENT_PUBLIC, artefact, artefact_dict

KEY_ID = key_id(RECIPIENT_PUBLIC)
YEAR = Period("2025-03", "2026-02")


def refused(value: Any, code: str = "ARTEFACT_INVALID") -> str:
    with pytest.raises(HuilianError) as caught:
        parse_artefact(value)
    assert caught.value.code == code
    return caught.value.detail


def code_of(call: Any, *args: Any) -> str:
    with pytest.raises(HuilianError) as caught:
        call(*args)
    return caught.value.code


def at(path: str, value: Any) -> dict[str, Any]:
    """The usual artefact with the value at a dotted path replaced, or taken out if it is ``...``."""
    whole = copy.deepcopy(artefact_dict())
    target: Any = whole
    *parents, last = path.split(".")
    for step in parents:
        target = target[int(step)] if isinstance(target, list) else target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return whole


def test_an_artefact_reads_back_from_its_bytes_and_its_object() -> None:
    assert parse_artefact(artefact().canonical()) == artefact() == parse_artefact(artefact().to_dict())
    assert artefact().to_dict() == artefact_dict()


@pytest.mark.parametrize("path", [*artefact_dict(), "recipient.id", "purpose.text", "frequency.max_reads"])
def test_every_key_is_needed(path: str) -> None:
    assert "missing keys" in refused(at(path, ...))


@pytest.mark.parametrize(
    "path", ["x", "recipient.x", "purpose.x", "frequency.x", "datasets.0.x", "datasets.0.period.x"]
)
def test_an_unknown_key_is_refused(path: str) -> None:
    assert "unknown" in refused(at(path, 1))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "huilian-consent/v2"),
        ("version", 2),
        ("version", True),
        ("id", ""),
        ("id", "a b"),
        ("id", "x" * 200),
        ("subject", 7),
        ("recipient", "bank.lending"),
        ("recipient.suite", "rot13"),
        ("recipient.sealing_key_id", ""),
        ("purpose.text", ""),
        ("purpose.text", "字" * 501),
        ("purpose.code", "a\n"),
        ("datasets", []),
        ("datasets", {}),
        ("datasets", [artefact_dict()["datasets"][0]] * 2),
        ("datasets.0.fields", []),
        ("datasets.0.fields", ["b", "a"]),
        ("datasets.0.fields", ["a", "a"]),
        ("datasets.0.fields", [1]),
        ("datasets.0.fields", ["a b"]),
        ("datasets.0.fields", [f"f{number:03d}" for number in range(65)]),
        ("datasets.0.period.from", "2026-13"),
        ("datasets.0.period.from", "2026-1"),
        ("datasets.0.period.from", "2026-03"),
        ("frequency.max_reads", 0),
        ("frequency.max_reads", 1.0),
        ("frequency.max_reads", True),
        ("data_life_days", 0),
        ("data_life_days", 10**6),
        ("valid_from", "2026-03-01"),
        ("valid_from", "2026-04-01T00:00:00Z"),
        ("valid_until", "2026-02-31T00:00:00Z"),
        ("legal_basis", ""),
        ("evidence_level", "HEARSAY"),
    ],
)
def test_odd_values_are_refused(path: str, value: Any) -> None:
    refused(at(path, value))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b'"x"', artefact().canonical() + b" ", b"{}" + bytes(70_000)])
def test_other_bytes_are_refused(data: bytes) -> None:
    refused(data)


@given(st.data())
def test_every_changed_byte_is_refused_or_changes_the_hash(data: st.DataObject) -> None:
    content = bytearray(artefact().canonical())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        altered = parse_artefact(bytes(content))
    except HuilianError as error:
        assert error.code == "ARTEFACT_INVALID"
    else:
        assert altered.sha256 != artefact().sha256


def test_key_order_does_not_matter_for_an_object() -> None:
    backwards = dict(reversed(artefact_dict().items()))
    assert parse_artefact(backwards).canonical() == canonicalise(artefact_dict())


def test_validity_is_half_open() -> None:
    held = artefact()
    held.check_valid_at(parse_time("2026-03-01T00:00:00Z"))
    held.check_valid_at(parse_time("2026-03-31T23:59:59Z"))
    assert code_of(held.check_valid_at, parse_time("2026-02-28T23:59:59Z")) == "CONSENT_NOT_YET_VALID"
    assert code_of(held.check_valid_at, parse_time("2026-04-01T00:00:00Z")) == "CONSENT_EXPIRED"
    assert code_of(held.check_valid_at, datetime(2026, 4, 1, tzinfo=UTC)) == "CONSENT_EXPIRED"


def test_only_the_named_recipient_and_key() -> None:
    artefact().check_recipient("bank.lending", KEY_ID)
    assert code_of(artefact().check_recipient, "bank.lending", "other") == "RECIPIENT_KEY_MISMATCH"
    assert code_of(artefact().check_recipient, "bank.other", KEY_ID) == "RECIPIENT_KEY_MISMATCH"


def test_only_granted_fields_and_months() -> None:
    check = artefact().check_read
    assert check("housing_fund.account/v1", ["balance_fen"], YEAR).id == "housing_fund.account/v1"
    assert code_of(check, "housing_fund.account/v1", ["balance_fen", "id"], YEAR) == "FIELD_NOT_GRANTED"
    assert code_of(check, "social_insurance/v1", ["x"], YEAR) == "FIELD_NOT_GRANTED"
    for wrong in (Period("2025-02", "2026-02"), Period("2025-03", "2026-03"), Period("2026-02", "2025-03")):
        assert code_of(check, "housing_fund.account/v1", ["balance_fen"], wrong) == "PERIOD_NOT_GRANTED"


months = st.builds("{:04d}-{:02d}".format, st.integers(2020, 2030), st.integers(1, 12))


@given(months, months, months)
def test_a_period_covers_exactly_the_months_between(first: str, last: str, month: str) -> None:
    assert Period(first, last).covers(Period(month, month)) == (first <= month <= last)


def test_evidence_levels_are_ordered() -> None:
    signed, attested = artefact(), artefact(evidence_level="CHANNEL_ATTESTED")
    signed.check_evidence(EvidenceLevel.DEVICE_SIGNED, "d")
    signed.check_evidence(EvidenceLevel.CHANNEL_ATTESTED, "d")
    attested.check_evidence(EvidenceLevel.CHANNEL_ATTESTED, "d")
    assert code_of(attested.check_evidence, EvidenceLevel.DEVICE_SIGNED, "d") == "EVIDENCE_LEVEL_TOO_LOW"
