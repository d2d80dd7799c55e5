"""Whether enough holders of the shared claim key serve, told by the hub's health before a claim has to wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from ledger.registry.threshold import Group

PART = "huilian.claim-keys"
"""What the health service calls it."""

EVERY_S = 5.0

logger = logging.getLogger(__name__)

Serves = Callable[[], Awaitable[bool]]
Tell = Callable[[bool], Awaitable[None]]


class QuorumWatch:
    """Asks the evaluators of every active epoch for their health."""

    def __init__(self, groups: Callable[[], tuple[Group, ...]], serves: Mapping[str, Serves], tell: Tell) -> None:
        """`serves` asks an evaluator by its origin; `tell` is given each answer."""
        self._groups, self._serves, self._tell = groups, serves, tell
        self._known: bool | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            await self.look()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S)

    async def look(self) -> bool:
        """Whether a quorum of every group serves now."""
        answers = await asyncio.gather(*(ask() for ask in self._serves.values()))
        serving = {origin for origin, answer in zip(self._serves, answers, strict=True) if answer}
        missing = [group for group in self._groups() if _serving(group, serving) < group.threshold]
        works = not missing
        if works is not self._known:
            self._known = works
            extra = {"epochs": [group.epoch for group in missing], "serving": len(serving)}
            logger.log(logging.INFO if works else logging.ERROR, "claim_key.quorum", extra={"works": works, **extra})
        await self._tell(works)
        return works


def _serving(group: Group, serving: set[str]) -> int:
    return sum(one.origin in serving for one in group.evaluators)
