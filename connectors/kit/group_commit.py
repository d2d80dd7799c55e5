"""Runs an edge's store on one thread and lets calls that come at the same time share one write to the disk.

Each call is whole or not at all, and returns only when it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

from huilian_protocol.grouping import Grouped

from connectors.kit.store import EdgeStore

P = ParamSpec("P")
T = TypeVar("T")


class GroupCommit:
    """The way to an `EdgeStore` from an event loop."""

    def __init__(self, store: EdgeStore) -> None:
        self._store = store
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="edge-store")
        self._grouped: Grouped[Callable[[], Any], Any] = Grouped(self._together)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call one of the store's methods; raises what it raises."""
        return cast("T", await self._grouped.run(partial(work, *args, **kwargs)))

    async def close(self) -> None:
        """Finish what waits, then close the store."""
        await self._grouped.finish()
        await asyncio.get_running_loop().run_in_executor(self._worker, self._store.close)
        self._worker.shutdown()

    async def _together(self, works: Sequence[Callable[[], Any]]) -> Sequence[Any]:
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._store.together, works)
