"""The sandbox population is large, coherent, valid and the same every time."""

import time
from collections import Counter
from datetime import date, timedelta
from typing import get_args

from stdnum.cn import ric

from connectors.kit.months import Month
from connectors.kit.sandbox_companies import company_by_uscc, drawn_companies
from connectors.kit.sandbox_people import (
    DEMO_BORROWER,
    DEMO_PEOPLE,
    Kind,
    find_person,
    people_of_every_kind,
    population,
)


def test_population_is_large_valid_and_repeatable() -> None:
    people = population()
    assert len(people) >= 2_000
    assert all(ric.is_valid(number) for number in people)
    population.cache_clear()
    assert population() == people
    assert population(seed=1) != people


def test_drawing_everybody_takes_less_than_a_few_seconds() -> None:
    population.cache_clear()
    drawn_companies.cache_clear()
    started = time.process_time()
    population()
    assert time.process_time() - started < 3.0


def test_every_hard_case_is_there_many_times() -> None:
    kinds = Counter(person.kind for person in population().values())
    # Children stand beside the population, in the register of families.
    assert set(kinds) == set(get_args(Kind)) - {"child"}
    assert all(count >= 50 for kind, count in kinds.items() if kind != "representative")


def test_same_names_come_in_pairs_and_some_share_the_birthday() -> None:
    people = list(population().values())
    names = Counter(person.name for person in people)
    doubles = {name for name, count in names.items() if count > 1}
    assert doubles == {person.name for person in people if person.kind == "same_name"}
    assert set(names.values()) == {1, 2}
    birthdays = Counter((person.name, person.resident_id[6:14]) for person in people)
    assert 1 < list(birthdays.values()).count(2) < len(doubles)


def test_a_gap_has_months_without_insured_job() -> None:
    gap = next(person for person in population().values() if person.kind == "gap")
    assert gap.insured_job(Month(2025, 8)) is not None
    assert gap.insured_job(Month(2025, 12)) is None
    assert gap.insured_job(Month(2026, 2)) is not None


def test_whatever_the_date_somebody_was_corrected_since_yesterday() -> None:
    late = [person for person in population().values() if person.kind == "corrected"]
    for day in range(28):
        today = date(2026, 11, 1) + timedelta(days=day)
        corrected = [
            person
            for person in late
            if person.is_put_right(today) and (day == 0 or not person.is_put_right(today - timedelta(days=1)))
        ]
        assert corrected


def test_a_late_declaration_is_missing_until_its_day() -> None:
    late = next(person for person in population().values() if person.corrected_on_day == 15)
    before, after = late.insured_history(date(2026, 11, 14)), late.insured_history(date(2026, 11, 15))
    assert set(after) - set(before) == {Month(2026, 10)}
    assert DEMO_BORROWER.insured_history(date(2026, 11, 1))[Month(2026, 10)]


def test_every_company_has_one_representative_whom_it_employs() -> None:
    represented = Counter(person.represents for person in population().values() if person.represents)
    assert set(represented.values()) == {1}
    assert set(drawn_companies()) <= set(represented)
    for person in population().values():
        if person.represents and person not in DEMO_PEOPLE:
            company = company_by_uscc(person.represents)
            assert company is not None and person.employments[0].employer == company.name_zh


def test_a_slice_holds_every_kind() -> None:
    kinds = Counter(person.kind for person in people_of_every_kind(3))
    # Children have a register of their own, with their parents.
    assert set(kinds) == set(get_args(Kind)) - {"child"}
    assert set(DEMO_PEOPLE) <= set(people_of_every_kind(3))
    assert kinds["corrected"] == 3


def test_a_person_is_found_by_name_and_number_together() -> None:
    first, second = DEMO_PEOPLE[:2]
    assert find_person(first.name, first.resident_id) is first
    assert find_person(second.name, first.resident_id) is None
    assert find_person(first.name, "110101199003070000") is None
