"""Worker processes of `make soak`: each plays one case at a time and keeps what cases share, as a database server."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager

import uvloop

from tests.soak.campaign import Campaign, Hand, Tally, play
from tests.soak.campaigns import CAMPAIGNS

KEPT_BYTES = 1 << 28
"""What a worker keeps of freed memory. glibc gives the top of the heap back with every large statement of SQLite, and
asking for it again costs more than the statement.
"""


@contextmanager
def workers(many: int) -> Iterator[list[Hand]]:
    """So many processes, each started with its first case and ended with the block."""
    fresh = multiprocessing.get_context("spawn")
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(KEPT_BYTES))
    with ExitStack() as stack:
        yield [_hand(stack.enter_context(ProcessPoolExecutor(1, fresh, _end_with_parent))) for _ in range(many)]


def _hand(executor: Executor) -> Hand:
    async def played(campaign: Campaign, case: int) -> int | Tally:
        return await asyncio.get_running_loop().run_in_executor(executor, _play, campaign.name, case)

    return played


def _play(name: str, case: int) -> int | Tally:
    [campaign] = [one for one in CAMPAIGNS if one.name == name]
    return _runner().run(play(campaign, case))


@functools.cache
def _runner() -> asyncio.Runner:
    """One event loop for all cases: what they share is bound to it."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def _end_with_parent() -> None:
    """A killed `make soak` leaves no worker behind, and a worker that is interrupted stops its database server."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()
