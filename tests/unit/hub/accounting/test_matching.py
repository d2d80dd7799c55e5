"""Matching, without a database: what is one thing is matched, whatever may be two is left to people."""

from __future__ import annotations

import random
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.accounting.matching import Booking, Entry, Outcome, Reason, match, missing, statement_reference

DAY = date(2026, 2, 2)
amounts = st.integers(-5, 5).filter(bool)
bookings = st.lists(st.tuples(st.integers(0, 6), amounts), max_size=8).map(
    lambda made: [Booking(f"j{number}", DAY + timedelta(days=day), fen) for number, (day, fen) in enumerate(made)]
)


def entry(name: str, fen: int, day: int = 0, reference: str = "") -> Entry:
    return Entry(name, DAY + timedelta(days=day), fen, reference)


def test_a_reference_goes_before_amount_and_day() -> None:
    ours = [Booking("a", DAY, 5), Booking("b", DAY, 5)]
    found = match([entry("1", 5, 9, statement_reference("b")), entry("2", 5)], ours)
    assert [(one.outcome, one.journal_ids) for one in found] == [
        (Outcome.MATCHED, ("b",)),
        (Outcome.MATCHED, ("a",)),
    ]


def test_two_that_fit_are_ambiguous() -> None:
    ours = [Booking("a", DAY, 5), Booking("b", DAY + timedelta(days=1), 5)]
    found = match([entry("1", 5)], ours)
    assert [(one.outcome, one.reason, one.journal_ids) for one in found] == [
        (Outcome.AMBIGUOUS, Reason.SEVERAL_FIT, ("a", "b"))
    ]
    both = match([entry("1", 5), entry("2", 5)], ours[:1])
    assert {one.outcome for one in both} == {Outcome.AMBIGUOUS}


def test_a_foreign_reference_counts_as_none_and_an_unknown_one_of_ours_does_not() -> None:
    ours = [Booking("a", DAY, 5)]
    assert match([entry("1", 5, reference="NOTPROVIDED")], ours)[0].outcome is Outcome.MATCHED
    unknown = match([entry("1", 5, reference=statement_reference("x"))], ours)[0]
    assert (unknown.outcome, unknown.reason) == (Outcome.AMBIGUOUS, Reason.REFERENCE_UNKNOWN)
    lost = match([entry("1", 6, reference=statement_reference("x"))], ours)[0]
    assert (lost.outcome, lost.reason) == (Outcome.UNKNOWN_ENTRY, Reason.REFERENCE_UNKNOWN)


def test_another_amount_and_a_second_time_are_named() -> None:
    named = statement_reference("a")
    differs = match([entry("1", 6, reference=named)], [Booking("a", DAY, 5)])[0]
    assert (differs.outcome, differs.reason, differs.journal_ids) == (
        *(Outcome.AMBIGUOUS, Reason.AMOUNT_DIFFERS),
        ("a",),
    )
    twice = match([entry("1", 5, reference=named), entry("2", 5, reference=named)], [Booking("a", DAY, 5)])
    assert [one.reason for one in twice] == [None, Reason.BOOKED_TWICE]
    assert match([entry("1", 5, reference=named)], [], {named})[0].reason is Reason.BOOKED_TWICE


def test_missing_only_after_the_window() -> None:
    ours = [Booking("a", DAY, 5), Booking("b", DAY, 6)]
    assert missing(ours, DAY + timedelta(days=2), ()) == []
    assert missing(ours, DAY + timedelta(days=3), ["b"]) == ours[:1]


@given(bookings, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_references_alone_settle_everything(ours: list[Booking], order: random.Random) -> None:
    """Equal amounts, whatever the days: with references nothing is left to people."""
    entries = [Entry(one.journal_id, DAY + timedelta(days=99), one.amount_fen, one.reference) for one in ours]
    order.shuffle(entries)
    found = match(entries, ours)
    assert all(one.outcome is Outcome.MATCHED and one.journal_ids == (one.entry.entry_id,) for one in found)


@given(bookings, st.lists(st.tuples(st.integers(0, 8), amounts), max_size=8))
@settings(max_examples=60)
def test_no_booking_is_given_twice_and_no_match_is_a_guess(ours: list[Booking], given: list[tuple[int, int]]) -> None:
    entries = [entry(f"e{number}", fen, day) for number, (day, fen) in enumerate(given)]
    found = match(entries, ours)
    taken = [name for one in found if one.outcome is Outcome.MATCHED for name in one.journal_ids]
    assert len(taken) == len(set(taken))
    by_id = {one.journal_id: one for one in ours}
    for one in found:
        fits = [
            booking
            for booking in ours
            if booking.amount_fen == one.entry.amount_fen and abs((booking.value_date - one.entry.booked_on).days) <= 3
        ]
        assert (one.outcome is Outcome.UNKNOWN_ENTRY) == (not fits)
        if one.outcome is Outcome.MATCHED:
            assert [by_id[name] for name in one.journal_ids] == fits
