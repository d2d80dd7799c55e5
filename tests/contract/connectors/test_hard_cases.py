"""The hard cases of the sandbox population, each seen through the connectors that would stumble over it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from connectors.kit.contract import Presence
from connectors.kit.months import Period
from connectors.kit.sandbox_companies import drawn_companies
from connectors.kit.sandbox_people import Kind, Person, first_of_kind, population
from tests.unit.connectors.gov_data.agencies import NOW, YEAR, read

LEAST_PEOPLE = 1_000
SETTLED = "2026-10"
GOV = "connectors.gov_data"
FUND = (f"{GOV}.housing_fund", "housing_fund.account/v1")
TAX = (f"{GOV}.tax", "tax.personal_income/v1")
INSURANCE = (f"{GOV}.social_insurance", "social_insurance.contribution/v1")
CARD = (f"{GOV}.social_insurance", "social_insurance.card/v1")
POLICE = (f"{GOV}.traffic_police", "traffic_police.violation/v1")
COURT = (f"{GOV}.court_enforcement", "court_enforcement.record/v1")
CREDIT = (f"{GOV}.credit_bureau", "credit_bureau.report/v1")
UTILITIES = (f"{GOV}.utilities", "utilities.bill/v1")
EVERY = (FUND, TAX, INSURANCE, CARD, POLICE, COURT, CREDIT, UTILITIES)


async def of(register: tuple[str, str], person: Person, period: Period = YEAR) -> dict[str, Any]:
    """The person's record in a register, which must have one."""
    record = await read(*register, person, period)
    assert record.presence is Presence.PRESENT, register
    return dict(record.data)


def test_there_are_enough_people_and_enterprises_of_every_kind() -> None:
    kinds = Counter(person.kind for person in population().values())
    assert len(population()) >= LEAST_PEOPLE and len(drawn_companies()) >= LEAST_PEOPLE // 10
    # Children stand beside the population, in the register of families.
    assert (
        set(kinds) == set(Kind.__args__) - {"child"}
        and min(kinds[kind] for kind in kinds if kind != "representative") >= 50
    )


@pytest.mark.parametrize("register", EVERY, ids=lambda register: register[1])
async def test_no_account_is_said_so_everywhere(register: tuple[str, str]) -> None:
    record = await read(*register, first_of_kind("no_account"))
    assert (record.presence, record.data) == (Presence.NO_ACCOUNT, {})


async def test_a_gap_in_contributions_is_a_gap_in_every_register() -> None:
    person = first_of_kind("gap")
    gaps = (await of(INSURANCE, person))["gap_months"]
    assert gaps == ["2025-11", "2025-12", "2026-01"]
    assert (await of(INSURANCE, person))["consecutive_months"] == 9
    assert (await of(TAX, person))["income_months"] == 9


async def test_who_moved_has_accounts_that_were_closed() -> None:
    data = await of(INSURANCE, first_of_kind("moved_city"), Period.parse("2025-03", "2025-08"))
    assert len(data["employers"]) == 2 and data["gap_months"] == []


async def test_a_second_employer_pays_tax_and_insures_nobody() -> None:
    person = first_of_kind("two_employers")
    assert len((await of(TAX, person))["withholding_agents"]) == 2
    assert len((await of(INSURANCE, person))["employers"]) == 1


@pytest.mark.parametrize("register", [FUND, TAX, INSURANCE, CARD], ids=lambda register: register[1])
async def test_people_of_the_same_name_are_told_apart(register: tuple[str, str]) -> None:
    names = Counter(person.name for person in population().values())
    name = next(name for name, count in names.items() if count > 1)
    one, other = (person for person in population().values() if person.name == name)
    assert await of(register, one) != await of(register, other)
    stranger = Person(one.name, other.resident_id[:-1] + "?", one.kind, one.employments)
    assert (await read(*register, stranger)).presence is Presence.NO_ACCOUNT


async def test_arrears_show_in_bills_fines_and_credit() -> None:
    person = first_of_kind("arrears")
    assert (await of(UTILITIES, person))["unpaid_fen"] > 0
    assert (await of(POLICE, person))["unpaid_fen"] > 0


async def test_a_dishonest_debtor_is_listed_and_owes() -> None:
    data = await of(COURT, first_of_kind("dishonest_debtor"), Period.parse("2025-01", "2026-10"))
    assert data["is_dishonest_debtor"] and data["consumption_restricted"] and data["outstanding_fen"] > 0


async def test_a_record_was_corrected_since_yesterday() -> None:
    """Somebody's registers were put right today; somebody else's will be tomorrow."""
    day = NOW.day
    righted, waiting = (
        next(person for person in population().values() if person.corrected_on_day == number)
        for number in (day, day + 1)
    )
    assert (await of(INSURANCE, righted))["gap_months"] == []
    assert (await of(INSURANCE, waiting))["gap_months"] == [SETTLED]
    assert (await read(*COURT, righted)).presence is Presence.NO_ACCOUNT
    assert (await of(COURT, waiting, Period.parse("2025-01", "2026-10")))["is_dishonest_debtor"]
