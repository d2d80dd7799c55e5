"""Rendering beside an event loop: in processes of its own, since it is seconds of pure computation when many ask."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from typing import Any, Self

from documents.paper import Paper, paper_pdf
from documents.receipt import receipt_pdf

MAX_WAITING = 64
TIMEOUT_S = 30.0


class TooBusy(RuntimeError):
    """More documents are waiting than would be done in time; ask again later."""


class RenderingPool:
    """Renders documents while the loop goes on. Close it (or leave its context) to end the processes."""

    def __init__(self, processes: int = 1) -> None:
        # Spawned, not forked: the caller's threads, connections and keys are none of a renderer's business.
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(processes, context)
        self._waiting = 0

    async def receipt(self, receipt: bytes, verifier_url: str) -> bytes:
        """See `receipt_pdf`. Raises `TooBusy`, and TimeoutError after `TIMEOUT_S`."""
        return await self._render(receipt_pdf, receipt, verifier_url)

    async def paper(self, paper: Paper, receipt: bytes | None, verifier_url: str, made_at: datetime) -> bytes:
        """See `paper_pdf`. Raises `TooBusy`, and TimeoutError after `TIMEOUT_S`."""
        return await self._render(paper_pdf, paper, receipt, verifier_url, made_at)

    async def _render(self, work: Callable[..., bytes], *given: Any) -> bytes:
        if self._waiting >= MAX_WAITING:
            raise TooBusy(f"{self._waiting} documents are waiting")
        self._waiting += 1
        try:
            return await asyncio.wait_for(
                asyncio.get_running_loop().run_in_executor(self._executor, work, *given), TIMEOUT_S
            )
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the processes; what waits is cancelled."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)
