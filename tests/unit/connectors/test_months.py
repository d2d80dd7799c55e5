"""Months and periods."""

import pytest

from connectors.kit.months import Month, Period


def test_a_month_moves_over_the_year_end() -> None:
    assert Month(2025, 11).plus(3) == Month(2026, 2)
    assert Month(2025, 1).plus(-1) == Month(2024, 12)


@pytest.mark.parametrize("text", ["2025-13", "2025-1", "202501", "2025-00", "2025-01-01", "２０２５-01", "2025-01\n"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Month.parse(text)


def test_a_period_includes_both_ends() -> None:
    period = Period.parse("2025-11", "2026-02")
    assert [str(month) for month in period] == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert len(period) == 4
    assert Month(2026, 2) in period
    assert Month(2026, 3) not in period


def test_containment() -> None:
    year = Period.parse("2025-01", "2025-12")
    assert year.contains(Period.parse("2025-01", "2025-12"))
    assert not year.contains(Period.parse("2024-12", "2025-12"))
    assert not year.contains(Period.parse("2025-06", "2026-01"))


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(ValueError):
        Period.parse("2025-02", "2025-01")
