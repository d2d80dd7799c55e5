"""Lets calls that come at the same time share one step, such as one durable write.

A durable commit waits for the disk, which serves a few hundred a second; under load many calls wait together, and one
wait is enough for all. While a step runs the next group gathers, so a lone call never waits for company. Only where so
many are under way that nobody is alone (:data:`MANY`) a group waits a moment for the next ones: most of a step's CPU is
the step's, not its calls'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

__all__ = ["GATHER_S", "MANY", "MAX_TOGETHER", "Grouped"]

MAX_TOGETHER = 64
MANY = 24
"""From so many under way on a group gathers first: at half of what a process can serve there are some ten."""
GATHER_S = 0.005
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Grouped(Generic[Item, Outcome]):
    """Calls of one event loop, gathered into groups of at most ``most``.

    ``step`` is given a group in the order of the calls and answers an outcome for each, or the exception that its call
    shall raise. What ``step`` itself raises is raised by every call of the group. Steps never overlap. ``under_way``
    says how many there are whose calls come here, at work elsewhere or waiting.
    """

    def __init__(
        self,
        step: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome | Exception]]],
        most: int = MAX_TOGETHER,
        under_way: Callable[[], int] = lambda: 0,
    ) -> None:
        self._step, self._most, self._under_way = step, most, under_way
        self._waiting: list[tuple[Item, asyncio.Future[Outcome]]] = []
        self._drain: asyncio.Task[None] | None = None

    async def run(self, item: Item) -> Outcome:
        """The outcome of one call. A call that is cancelled before its group began has no effect."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, outcome))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._work_off())
        return await outcome

    async def finish(self) -> None:
        """Wait until nothing waits any more."""
        while self._drain is not None and not self._drain.done():
            await self._drain

    async def _work_off(self) -> None:
        while self._waiting:
            if len(self._waiting) < self._most and self._under_way() >= MANY:
                await asyncio.sleep(GATHER_S)
            taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            group = [(item, outcome) for item, outcome in taken if not outcome.done()]
            if group:
                await self._do(group)

    async def _do(self, group: Sequence[tuple[Item, asyncio.Future[Outcome]]]) -> None:
        results: Sequence[Outcome | Exception]
        try:
            results = await self._step([item for item, _ in group])
        except Exception as error:  # noqa: BLE001  everybody in the group must hear of it
            results = [error] * len(group)
        for (_, outcome), result in zip(group, results, strict=True):
            if outcome.done():
                continue
            if isinstance(result, Exception):
                outcome.set_exception(result)
            else:
                outcome.set_result(result)
