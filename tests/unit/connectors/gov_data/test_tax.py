"""The tax bureau's documents and what its connector makes of them."""

import pytest
from huilian_protocol.clock import FixedClock

from connectors.gov_data.tax import wire
from connectors.gov_data.tax.mapping import map_personal_income
from connectors.kit.acceptance.upstream import running_upstream
from connectors.kit.contract import NO_ACCOUNT, Query, Record, Subject, UpstreamMalformed
from connectors.kit.months import Period
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, DEALER, SandboxCompany
from connectors.kit.sandbox_people import (
    DEMO_BORROWER,
    DEMO_NO_ACCOUNT,
    DEMO_REPRESENTATIVES,
    DEMO_TWO_EMPLOYERS,
)
from connectors.kit.sandbox_server import Fault
from tests.unit.connectors.gov_data.agencies import NOW, YEAR, read

PACKAGE = "connectors.gov_data.tax"


async def test_income_and_tax_of_a_year() -> None:
    record = await read(PACKAGE, "tax.personal_income/v1", DEMO_BORROWER, Period.parse("2025-01", "2025-12"))
    assert record.data["annual_income_fen"] == 1_850_000 * 12
    assert record.data["income_months"] == 12
    # Taxable a month: 18,500 - 5,000 - 10.5 % insurance - 12 % fund = 9,337.50; a year 112,050 at 10 % less 2,520.
    assert record.data["tax_paid_fen"] == 868_500
    assert record.data["years"] == [
        {"year": 2025, "months": 12, "income_fen": 22_200_000, "tax_paid_fen": 868_500},
    ]


async def test_two_employers_are_both_named() -> None:
    record = await read(PACKAGE, "tax.personal_income/v1", DEMO_TWO_EMPLOYERS)
    agents = record.data["withholding_agents"]
    assert isinstance(agents, list) and len(agents) == 2
    assert record.data["annual_income_fen"] == (2_613_457 + 403_291) * 12


async def test_no_record_is_said_so() -> None:
    assert await read(PACKAGE, "tax.personal_income/v1", DEMO_NO_ACCOUNT) == NO_ACCOUNT
    assert await read(PACKAGE, "tax.enterprise/v1", DEMO_BORROWER) == NO_ACCOUNT


async def test_the_enterprise_of_its_legal_representative() -> None:
    record = await read(PACKAGE, "tax.enterprise/v1", DEMO_REPRESENTATIVES[0])
    assert record.data["uscc"] == CORE_ENTERPRISE.uscc
    assert record.data["credit_grade"] == "A"
    assert record.data["declared_months"] == 12


def test_documents_survive_rare_characters() -> None:
    document = wire.Document({"a": "𠮷㐂"}, {"b": "<&>"}, ({"c": "林"},))
    assert wire.read(wire.write(document)) == document
    assert wire.write(document).startswith(b'<?xml version="1.0" encoding="GB18030"?>')


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<service/>",
        '<?xml version="1.0" encoding="GB18030"?><!DOCTYPE x [<!ENTITY a "b">]><service/>'.encode("gb18030"),
        '<?xml version="1.0" encoding="GB18030"?><service><head><a/><a/></head><body/></service>'.encode("gb18030"),
        '<?xml version="1.0" encoding="GB18030"?><service><head>'.encode("gb18030"),
        b"\x81",
    ],
)
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        wire.read(content)


@pytest.mark.parametrize(
    "row",
    [
        {"skssq": "2020-01", "kjywrmc": "x", "sre": "1.00", "ybtse": "0.00"},
        {"skssq": "2026-01", "kjywrmc": "x", "sre": "1", "ybtse": "0.00"},
        {"skssq": "2026-01", "kjywrmc": "x", "sre": "1.00", "ybtse": "-0.01"},
        {"kjywrmc": "x", "sre": "1.00", "ybtse": "0.00"},
    ],
)
def test_rows_that_break_the_protocol_are_the_bureaus_fault(row: dict[str, str]) -> None:
    with pytest.raises(UpstreamMalformed):
        map_personal_income([row], YEAR)


def test_a_month_twice_is_the_bureaus_fault() -> None:
    row = {"skssq": "2026-01", "kjywrmc": "x", "sre": "1.00", "ybtse": "0.00"}
    with pytest.raises(UpstreamMalformed):
        map_personal_income([row, row], YEAR)


@pytest.mark.parametrize("company", [CORE_ENTERPRISE, DEALER])
async def test_an_enterprise_is_asked_about_by_its_own_name_and_code(company: SandboxCompany) -> None:
    async with running_upstream(PACKAGE, FixedClock(NOW)) as upstream:

        async def asked(name: str, faulty: Fault | None = None) -> Record:
            upstream.faults.active = faulty
            subject = Subject(name, company.uscc, "enterprise")
            return await upstream.connector.read(Query("tax.enterprise/v1", subject, YEAR, NOW))

        record = await asked(company.name_zh)
        assert (record.data["uscc"], record.data["enterprise_name"]) == (company.uscc, company.name_zh)
        assert await asked("沙盒另一家有限公司") == NO_ACCOUNT
        with pytest.raises(UpstreamMalformed):
            await asked(company.name_zh, Fault.WRONG_PERSON)
