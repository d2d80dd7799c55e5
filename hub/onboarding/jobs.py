"""The background work of onboarding, done again and again until the hub stops."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from hub.onboarding.openings import Openings
from hub.onboarding.rechecks import Rechecks

INTERVAL_S = 30.0

logger = logging.getLogger(__name__)


class OnboardingJobs:
    """Looks verified enterprises up again, and clears away what applications left behind."""

    def __init__(self, rechecks: Rechecks, openings: Openings, interval_s: float = INTERVAL_S) -> None:
        self._rounds = (rechecks.round, openings.clear_away)
        self._interval_s = interval_s

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set. A failing round is logged and the next one tries again."""
        while not stop.is_set():
            for one in self._rounds:
                try:
                    await one()
                except Exception as error:  # noqa: BLE001  the database may be away for a moment
                    logger.error("onboarding.round_failed", extra={"error_type": type(error).__name__})
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._interval_s)
