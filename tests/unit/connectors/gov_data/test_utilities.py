"""The utilities platform's pages and what the connector makes of them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.gov_data.utilities.connector import DATASET
from connectors.gov_data.utilities.mapping import map_bills
from connectors.gov_data.utilities.pages import MAX_PAGES, all_bills
from connectors.gov_data.utilities.sandbox_bills import bills_of
from connectors.gov_data.utilities.wire import PAGE_SIZE
from connectors.kit.contract import NO_ACCOUNT, Presence, Record, UpstreamError, UpstreamMalformed, UpstreamUnavailable
from connectors.kit.manifest import load_manifest
from connectors.kit.months import Month, Period
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT, population
from connectors.kit.schema import PayloadSchemas
from tests.unit.connectors.gov_data.agencies import YEAR, first_of_kind, read

PACKAGE = "connectors.gov_data.utilities"
BILL = {"billNo": "E0000000010202601", "kind": "E", "month": "2026-01", "amount": "81.20", "state": 1}
ACCOUNTS = [{"accountNo": "E0000000010", "kind": "E", "closed": False}]


async def test_every_page_is_read() -> None:
    person, period = DEMO_BORROWER, Period.parse("2023-11", "2026-10")
    record = await read(PACKAGE, DATASET, person, period)
    truth = [bill for bill in bills_of(person, Month(2026, 10)) if bill.month in period]
    assert len(truth) == 108 > 5 * PAGE_SIZE
    assert record.data["paid_fen"] == sum(bill.amount_fen for bill in truth)
    assert record.data["unpaid_bills"] == 0


async def test_arrears_and_late_months() -> None:
    record = await read(PACKAGE, DATASET, first_of_kind("arrears"))
    assert record.data["unpaid_bills"] == 12
    assert record.data["late_months"] == ["2026-07", "2026-08", "2026-09"]


async def test_who_moved_has_closed_accounts_too() -> None:
    record = await read(PACKAGE, DATASET, first_of_kind("moved_city"))
    assert record.data["accounts"] == 3


async def test_no_customer_is_said_so() -> None:
    assert await read(PACKAGE, DATASET, DEMO_NO_ACCOUNT) == NO_ACCOUNT


def test_bill_numbers_are_nobody_elses() -> None:
    numbers = [bill.number for person in population().values() for bill in bills_of(person, Month(2023, 2))]
    assert len(set(numbers)) == len(numbers) > 10_000


def pages(total: int, *lengths: int) -> list[dict[str, Any]]:
    """Pages of bills with these lengths."""
    numbers = iter(range(10_000))
    return [
        {"total": total, "page": page, "bills": [{"billNo": next(numbers)} for _ in range(length)]}
        for page, length in enumerate(lengths, start=1)
    ]


async def collect(given_pages: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    async def get(number: int) -> Mapping[str, Any]:
        return given_pages[number - 1]

    return await all_bills(given_pages[0], get)


@pytest.mark.parametrize("lengths", [(), (1,), (20,), (20, 1), (20, 20, 20), (7, 20, 3)])
async def test_pages_that_are_whole(lengths: tuple[int, ...]) -> None:
    bills = await collect(pages(sum(lengths), *(lengths or (0,))))
    assert [bill["billNo"] for bill in bills] == list(range(sum(lengths)))


LIES: list[tuple[str, list[dict[str, Any]], type[UpstreamError]]] = [
    ("too few", pages(21, 20, 0), UpstreamMalformed),
    ("too many", pages(3, 4), UpstreamMalformed),
    ("the total grows", [pages(40, 20)[0], pages(41, 20, 20)[1]], UpstreamUnavailable),
    ("page one again", [pages(40, 20)[0], pages(40, 20)[0]], UpstreamMalformed),
    ("the same bills", [pages(40, 20)[0], {**pages(40, 20)[0], "page": 2}], UpstreamMalformed),
    ("a page too long", pages(21, 21), UpstreamMalformed),
    ("no end", pages(MAX_PAGES * PAGE_SIZE + 1, 20), UpstreamMalformed),
    ("no total", [{"page": 1, "bills": []}], UpstreamMalformed),
    ("a total in words", [{"page": 1, "bills": [], "total": True}], UpstreamMalformed),
    ("no bills", [{"page": 1, "total": 0}], UpstreamMalformed),
]


@pytest.mark.parametrize(("given_pages", "error"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
async def test_pages_that_are_no_whole(given_pages: list[dict[str, Any]], error: type[UpstreamError]) -> None:
    with pytest.raises(error):
        await collect(given_pages)


texts = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(BILL)), texts, st.one_of(texts, st.just(ACCOUNTS)))
def test_the_platform_lies(name: str, value: object, accounts: object) -> None:
    schemas = PayloadSchemas(load_manifest(PACKAGE))
    with contextlib.suppress(UpstreamMalformed):
        schemas.check(DATASET, Record(Presence.PRESENT, map_bills(accounts, [{**BILL, name: value}], YEAR)))


def test_the_honest_answer_fits() -> None:
    record = Record(Presence.PRESENT, map_bills(ACCOUNTS, [BILL], YEAR))
    PayloadSchemas(load_manifest(PACKAGE)).check(DATASET, record)
    assert record.data["paid_fen"] == 8_120
