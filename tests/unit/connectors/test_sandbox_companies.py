"""The sandbox companies are what the other sandboxes take them for."""

from collections import Counter
from typing import get_args

import pytest
from stdnum.cn import uscc

from connectors.kit.sandbox_companies import (
    COMPANIES,
    Standing,
    company_by_key,
    company_by_uscc,
    drawn_companies,
    organisation_check,
)


def test_codes_are_valid_and_distinct() -> None:
    assert all(uscc.is_valid(company.uscc) for company in COMPANIES)
    assert len({company.uscc for company in COMPANIES}) == len(COMPANIES)


def test_look_up_by_code_and_key() -> None:
    for company in COMPANIES:
        assert company_by_uscc(company.uscc) is company
        assert company_by_key(company.key) is company
    assert company_by_uscc("91449900MA0H00099X") is None
    with pytest.raises(KeyError):
        company_by_key("nobody")


def test_drawn_companies_are_many_valid_and_of_every_standing() -> None:
    drawn = drawn_companies()
    assert len(drawn) >= 1_000
    assert all(uscc.is_valid(code) for code in drawn)
    assert len({company.name_zh for company in drawn.values()} | {c.name_zh for c in COMPANIES}) == len(drawn) + 4
    standings = Counter(company.standing for company in drawn.values())
    assert set(standings) == set(get_args(Standing)) and min(standings.values()) >= 30
    code = next(iter(drawn))
    assert company_by_uscc(code) is drawn[code]


def test_the_check_digits_are_those_of_the_fixed_companies() -> None:
    # The fixed codes were made by the same rules: organisation code MA0H0001 has the check digit 0, MA0H0002 has 9.
    assert [company.uscc[16] for company in COMPANIES[:2]] == ["0", "9"]
    assert [organisation_check("MA0H0001"), organisation_check("MA0H0002")] == ["0", "9"]
