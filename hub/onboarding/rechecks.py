"""Verified enterprises are looked up again every day: whoever was struck off, or is listed as abnormal, is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.onboarding import store
from hub.onboarding.ports import BusinessRegistry, RegistryEntry
from hub.onboarding.rules import compare_standing
from hub.onboarding.states import TRANSITIONS, VerificationEvent, VerificationState
from hub.onboarding.store import VerificationRow
from hub.platform.database import Database

RECHECK_AFTER = timedelta(days=1)
BATCH = 100
SALT_BYTES = 32

logger = logging.getLogger(__name__)


class Rechecks:
    """Asks the registry for name and standing alone. A registry that is away changes nothing; the next round asks."""

    def __init__(
        self, database: Database, clock: Clock, registry: BusinessRegistry, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._database, self._clock, self._registry = database, clock, registry
        self._random_bytes = random_bytes

    async def round(self) -> int:
        """Look at those whose last comparison is a day old; how many were refused. A transaction for each."""
        refused = 0
        for row in await store.verified_before(self._clock.now() - RECHECK_AFTER, BATCH):
            refused += await self._recheck(row)
        return refused

    async def _recheck(self, seen: VerificationRow) -> bool:
        try:
            entry = await self._registry.look_up(seen.uscc, self._random_bytes(SALT_BYTES))
        except HuilianError as error:
            logger.warning("onboarding.registry_away", extra={"code": error.code})
            return False
        async with self._database.transaction():
            await self._database.lock("onboarding", seen.uscc)
            row = await store.verification(seen.uscc)
            # Somebody compared it meanwhile: that answer is newer than ours.
            if row is None or row.checked_at != seen.checked_at:
                return False
            return await self._conclude(row, entry)

    async def _conclude(self, row: VerificationRow, entry: RegistryEntry | None) -> bool:
        reasons = compare_standing(entry, row.name)
        event = VerificationEvent.FAIL if reasons else VerificationEvent.PASS
        row.state, row.reasons = TRANSITIONS[VerificationState(row.state), event].value, list(reasons)
        row.checked_at = self._clock.now()
        await store.save_verification(row, is_new=False)
        return bool(reasons)
