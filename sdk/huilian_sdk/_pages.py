"""Lists that come in pages (AIP-158), read as one async iterator or page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from huilian.common.v1 import common_pb2

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page; ``next_page_token`` is empty on the last."""

    items: list[Item]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Pages(Generic[Item]):
    """``async for item in pages`` reads everything; ``await pages.page(...)`` reads one page."""

    fetch: Callable[[common_pb2.PageRequest], Awaitable[tuple[list[Item], common_pb2.PageResponse]]]

    async def page(self, *, page_token: str = "", page_size: int = 0) -> Page[Item]:
        """The page that ``page_token`` names, the first by default; a size of 0 leaves it to the hub (50, at most
        200).
        """
        items, rest = await self.fetch(common_pb2.PageRequest(page_size=page_size, page_token=page_token))
        return Page(items, rest.next_page_token)

    async def __aiter__(self) -> AsyncIterator[Item]:
        page_token = ""
        while True:
            page = await self.page(page_token=page_token)
            for item in page.items:
                yield item
            page_token = page.next_page_token
            if not page_token:
                return
