"""The fixed companies are what the other sandboxes take them for."""

import pytest
from stdnum.cn import uscc

from connectors.kit.sandbox_companies import COMPANIES, company_by_key, company_by_uscc


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
