"""A wired hub while it runs: servicers, background workers, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from huilian_protocol.collecting import spare_what_is_loaded

from hub.platform.database import Database
from hub.platform.server import HubServer

logger = logging.getLogger(__name__)

Worker = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


@dataclass
class Hub:
    """A wired hub: what serves, what works in the background, what is to be closed at the end."""

    server: HubServer
    database: Database
    workers: dict[str, Worker] = field(default_factory=dict)
    before_serving: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    before_close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Ends with the error of a check or worker that finds that the hub must not run."""
        try:
            for check in self.before_serving:
                await check()
            await self.server.start()
        except BaseException:
            await self.close()
            raise
        spare_what_is_loaded()
        logger.info(
            "hub.serving", extra={"public_port": self.server.public_port, "partner_port": self.server.partner_port}
        )
        try:
            async with asyncio.TaskGroup() as group:
                for name, worker in self.workers.items():
                    group.create_task(worker(stop), name=name)
                await stop.wait()
                await self.server.stop()
        finally:
            await self.close()
        logger.info("hub.stopped")

    async def close(self) -> None:
        """Close calls going out and the database."""
        await self.server.stop()
        for close in self.before_close:
            await close()
        await self.database.close()
