"""A loop's clock that runs only while the loop has nothing to do: time limits measure the agency, not the machine.

Sandbox, connector and edge of an acceptance run share one event loop. When that loop waits in vain, somebody is silent,
and that is what a time limit is for; when it computes, or the machine leaves it no processor, nobody is late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _IdleClock:
    """Seconds that the loop has waited in vain, on top of the time at which it was put in."""

    def __init__(self, loop: Any) -> None:
        self._now_s = loop.time()
        self._wait = loop._selector.select

    def time(self) -> float:
        return float(self._now_s)

    def select(self, timeout: float | None = None) -> Any:
        happened = self._wait(timeout)
        if not happened and timeout is not None and timeout > 0:
            self._now_s += timeout
        return happened


@contextmanager
def idle_clock() -> Iterator[None]:
    """Time only silence on the running loop (asyncio's own) within the block; inside another such block, no change."""
    loop: Any = asyncio.get_running_loop()
    if "time" in vars(loop):
        yield
        return
    clock = _IdleClock(loop)
    loop.time, loop._selector.select = clock.time, clock.select
    try:
        yield
    finally:
        # Timers that outlive the block were set by the slower clock: they come due early, never late.
        del loop.time, loop._selector.select
