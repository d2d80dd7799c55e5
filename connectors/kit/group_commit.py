"""Runs an edge's store and lets calls that come at the same time share one write to the disk.

Each call is whole or not at all, and returns only when it is durable.

What a read needs of the store runs at once, on the event loop: microseconds each, where a thread would wait for the
interpreter's lock after every statement, up to 5 ms each time while the loop is busy. What may wait, for the disk or
for another process, and what may take long runs on a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

from huilian_protocol.grouping import Grouped

from connectors.kit.store import EdgeStore, outcomes_of

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Work:
    call: Callable[[], Any]
    is_long: bool = False


class GroupCommit:
    """The way to an `EdgeStore` from an event loop."""

    def __init__(self, store: EdgeStore, under_way: Callable[[], int] = lambda: 0) -> None:
        """`under_way` is how many reads there are between their beginning and their end."""
        self._store = store
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="edge-store")
        self._grouped: Grouped[_Work, Any] = Grouped(self._together, under_way=under_way)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call one of the store's methods that touch a few rows; raises what it raises."""
        return cast("T", await self._grouped.run(_Work(partial(work, *args, **kwargs))))

    async def run_long(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for methods that may touch many rows: the event loop goes on meanwhile."""
        return cast("T", await self._grouped.run(_Work(partial(work, *args, **kwargs), is_long=True)))

    async def close(self) -> None:
        """Finish what waits, then close the store."""
        await self._grouped.finish()
        await self._on_thread(self._store.close)
        self._worker.shutdown()

    async def _together(self, works: Sequence[_Work]) -> Sequence[Any]:
        calls = [work.call for work in works]
        if any(work.is_long for work in works) or not self._store.begin_at_once():
            return await self._on_thread(self._store.together, calls)
        try:
            outcomes = outcomes_of(calls)
        except BaseException:
            self._store.roll_back()
            raise
        await self._on_thread(self._store.commit)
        return outcomes

    async def _on_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, partial(call, *args, **kwargs))
