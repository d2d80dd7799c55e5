"""Background rounds over many items, each in a transaction of its own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")

logger = logging.getLogger(__name__)


async def each(items: Iterable[Item], do: Callable[[Item], Awaitable[None]], name_of: Callable[[Item], str]) -> None:
    """Do it for every item: one that fails is logged and holds up none of the others.

    The first failure is raised once all were tried, so that the round counts as failed and is done again.
    """
    first: Exception | None = None
    for item in items:
        try:
            await do(item)
        except Exception as error:  # noqa: BLE001  raised below, after the others had their turn
            logger.error("lending.item_failed", extra={"item": name_of(item), "error_type": type(error).__name__})
            first = first or error
    if first is not None:
        raise first
