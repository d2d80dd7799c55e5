"""The sandbox population is coherent, valid and the same every time."""

from collections import Counter

from stdnum.cn import ric

from connectors.kit.months import Month
from connectors.kit.sandbox_people import DEMO_PEOPLE, find_person, population


def test_population_is_large_valid_and_repeatable() -> None:
    people = population()
    assert len(people) >= 50
    assert all(ric.is_valid(number) for number in people)
    population.cache_clear()
    assert population() == people


def test_every_hard_case_is_there() -> None:
    kinds = Counter(person.kind for person in population().values())
    assert {"ordinary", "no_account", "gap", "two_employers", "moved_city", "same_name", "representative"} <= set(kinds)


def test_names_are_unique_but_for_one_pair() -> None:
    doubles = [name for name, count in Counter(p.name for p in population().values()).items() if count > 1]
    assert len(doubles) == 1


def test_a_gap_has_months_without_insured_job() -> None:
    gap = next(person for person in population().values() if person.kind == "gap")
    assert gap.insured_job(Month(2025, 8)) is not None
    assert gap.insured_job(Month(2025, 12)) is None
    assert gap.insured_job(Month(2026, 2)) is not None


def test_a_person_is_found_by_name_and_number_together() -> None:
    first, second = DEMO_PEOPLE[:2]
    assert find_person(first.name, first.resident_id) is first
    assert find_person(second.name, first.resident_id) is None
    assert find_person(first.name, "110101199003070000") is None
