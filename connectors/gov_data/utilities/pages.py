"""Reads every page of an answer and makes sure that together they are one whole.

A list that is paged can change between two pages, lose a page, give one twice or never end. Each is noticed: a
missing bill could be the unpaid one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from connectors.gov_data.utilities.wire import PAGE_SIZE
from connectors.kit.contract import UpstreamMalformed, UpstreamUnavailable

MAX_PAGES = 50
Page = Mapping[str, Any]
GetPage = Callable[[int], Awaitable[Page]]


async def all_bills(first: Page, get_page: GetPage) -> list[Mapping[str, Any]]:
    """The bills of `first` and of every further page; raises UpstreamMalformed or UpstreamUnavailable (try again)."""
    total, bills = _total(first), _bills(first, 1)
    number = 1
    while len(bills) < total:
        number += 1
        page = await get_page(number)
        if _total(page) != total:
            raise UpstreamUnavailable("the bills changed while they were paged")
        more = _bills(page, number)
        if not more:
            raise UpstreamMalformed("a page is missing")
        bills += more
    if len(bills) != total or len({bill.get("billNo") for bill in bills}) != total:
        raise UpstreamMalformed("the pages hold a bill twice or one too many")
    return bills


def _total(page: Page) -> int:
    total = page.get("total")
    if type(total) is not int or not 0 <= total <= MAX_PAGES * PAGE_SIZE:
        raise UpstreamMalformed("the number of bills is none")
    return total


def _bills(page: Page, number: int) -> list[Mapping[str, Any]]:
    bills = page.get("bills")
    if page.get("page") != number:
        raise UpstreamMalformed("another page than asked for")
    if not isinstance(bills, list) or len(bills) > PAGE_SIZE or not all(isinstance(bill, dict) for bill in bills):
        raise UpstreamMalformed("the bills are no list of one page")
    return list(bills)
