"""The background work of lending, done again and again until the hub stops."""

from __future__ import annotations

import asyncio
import logging

from hub.lending.service import LendingService

INTERVAL_S = 1.0

logger = logging.getLogger(__name__)


class LendingJobs:
    """Looks every `interval_s` seconds whether something fell due."""

    def __init__(self, lending: LendingService, interval_s: float = INTERVAL_S) -> None:
        self._lending = lending
        self._interval_s = interval_s

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set. A failing round is logged and the next one tries again."""
        while not stop.is_set():
            try:
                cleared = await self._lending.tick()
            except Exception as error:  # noqa: BLE001 a round is restartable at any point; to stop clearing is worse
                logger.error("lending.round_failed", extra={"error_type": type(error).__name__})
            else:
                if cleared.settled:
                    logger.info("lending.cleared", extra={"receivables": len(cleared.settled)})
            await _sleep(stop, self._interval_s)


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
