"""Terms, amounts, dates and evidence."""

from __future__ import annotations

import datetime as dt

import pytest
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.receivables import rules

NOW = dt.datetime(2026, 3, 2, 2, 0, tzinfo=dt.UTC)
ISSUE = dt.date(2026, 3, 2)


@pytest.mark.parametrize("due", [dt.date(2026, 3, 3), dt.date(2026, 9, 2)])
def test_up_to_six_months_passes_without_a_word(due: dt.date) -> None:
    assert rules.check_certificate_term(ISSUE, due) is None


@pytest.mark.parametrize("due", [dt.date(2026, 9, 3), dt.date(2027, 3, 2)])
def test_above_six_months_is_warned_of(due: dt.date) -> None:
    assert rules.check_certificate_term(ISSUE, due) == rules.TermWarning(dt.date(2026, 9, 2))


def test_above_one_year_is_refused() -> None:
    with pytest.raises(HuilianError) as refusal:
        rules.check_certificate_term(ISSUE, dt.date(2027, 3, 3))
    assert (refusal.value.code, refusal.value.params["latest"]) == ("TERM_TOO_LONG", "2027-03-02")


@pytest.mark.parametrize("due", [ISSUE, ISSUE - dt.timedelta(days=1)])
def test_no_certificate_is_born_due(due: dt.date) -> None:
    with pytest.raises(HuilianError, match="STATE_CONFLICT"):
        rules.check_certificate_term(ISSUE, due)


@pytest.mark.parametrize(
    ("date", "months", "expected"),
    [
        (dt.date(2025, 8, 31), 6, dt.date(2026, 2, 28)),
        (dt.date(2023, 8, 31), 6, dt.date(2024, 2, 29)),
        (dt.date(2024, 2, 29), 12, dt.date(2025, 2, 28)),
        (dt.date(2025, 12, 31), 12, dt.date(2026, 12, 31)),
        (dt.date(2025, 11, 30), 1, dt.date(2025, 12, 30)),
    ],
)
def test_months_end_where_the_day_does_not_exist(date: dt.date, months: int, expected: dt.date) -> None:
    assert rules.add_months(date, months) == expected


def test_the_last_fen_may_be_issued_and_no_more() -> None:
    rules.check_issue_amount(40, 100, 60)
    with pytest.raises(HuilianError) as refusal:
        rules.check_issue_amount(41, 100, 60)
    assert (refusal.value.code, refusal.value.params["available_fen"]) == ("AMOUNT_EXCEEDS_RECEIVABLE", "40")


@given(st.lists(st.integers(1, 10**12), min_size=2, max_size=50))
def test_parts_that_make_the_whole_pass(parts: list[int]) -> None:
    rules.check_split(sum(parts), parts)


@given(st.lists(st.integers(1, 10**12), min_size=2, max_size=50), st.integers(-1_000, 1_000).filter(bool))
def test_parts_that_do_not_make_the_whole_are_refused(parts: list[int], off: int) -> None:
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        rules.check_split(sum(parts) + off, parts)


@pytest.mark.parametrize("parts", [[], [100], [100, 0], [101, -1]])
def test_a_split_has_two_parts_above_zero(parts: list[int]) -> None:
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        rules.check_split(100, parts)


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (86_400, True), (86_401, False), (-300, True), (-301, False)])
def test_a_signature_must_be_recent(age: int, accepted: bool) -> None:
    signed_at = int(NOW.timestamp()) - age
    if accepted:
        rules.check_confirmation_time(signed_at, NOW)
        return
    with pytest.raises(HuilianError) as refusal:
        rules.check_confirmation_time(signed_at, NOW)
    assert refusal.value.code == "CONFIRMATION_MISMATCH"


def test_evidence_does_not_depend_on_the_order_of_its_documents() -> None:
    assert rules.evidence_content("a", ["c", "b"], ["e", "d"]) == rules.evidence_content("a", ["b", "c"], ["d", "e"])
