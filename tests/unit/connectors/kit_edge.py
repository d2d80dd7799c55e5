"""An edge whose agency is a plain coroutine in the test: for what the kit does around any connector."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from connectors.kit.contract import CheckOutcome, CheckResult, Connector, Query, Record


@dataclass
class Gated:
    """A connector that waits for the test before it asks the agency."""

    inner: Connector
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def discover(self) -> frozenset[str]:
        return self.inner.discover()

    async def check(self) -> CheckResult:
        return CheckResult(CheckOutcome.READY)

    async def read(self, query: Query) -> Record:
        self.asked.set()
        await self.go.wait()
        return await self.inner.read(query)
