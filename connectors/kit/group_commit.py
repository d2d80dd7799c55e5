"""Runs an edge's store on one thread and lets calls that come at the same time share one write to the disk.

A durable commit waits for the disk, which serves a few hundred a second; under load many reads wait together, and one
wait is enough for all. Each call is still whole or not at all, and returns only when it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from connectors.kit.store import EdgeStore

MAX_TOGETHER = 64
P = ParamSpec("P")
T = TypeVar("T")
_Waiting = tuple[Callable[[], Any], asyncio.Future[Any]]


class GroupCommit:
    """The way to an `EdgeStore` from an event loop."""

    def __init__(self, store: EdgeStore) -> None:
        self._store = store
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="edge-store")
        self._waiting: list[_Waiting] = []
        self._drain: asyncio.Task[None] | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call one of the store's methods; raises what it raises."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((partial(work, *args, **kwargs), outcome))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._work_off())
        return await outcome

    async def close(self) -> None:
        """Finish what waits, then close the store."""
        if self._drain is not None:
            await self._drain
        await asyncio.get_running_loop().run_in_executor(self._worker, self._store.close)
        self._worker.shutdown()

    async def _work_off(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_TOGETHER], self._waiting[MAX_TOGETHER:]
            try:
                results = await loop.run_in_executor(self._worker, self._store.together, [work for work, _ in batch])
            except Exception as error:  # noqa: BLE001  the disk failed: everybody in the batch must hear of it
                results = [error] * len(batch)
            for (_, outcome), result in zip(batch, results, strict=True):
                _settle(outcome, result)


def _settle(outcome: asyncio.Future[Any], result: Any) -> None:
    if outcome.done():
        return
    if isinstance(result, Exception):
        outcome.set_exception(result)
    else:
        outcome.set_result(result)
