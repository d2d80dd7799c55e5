"""Telling other processes on the same PostgreSQL that there is something to do (LISTEN and NOTIFY).

A notice only shortens the wait: everything that is waited for is also looked for regularly, so a lost one costs time,
nothing else. SQLite has no such thing, and a hub on it is one process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from hub.platform.database import Database

logger = logging.getLogger(__name__)

Heard = Callable[[str], None]


async def notify(database: Database, channel: str, payload: str) -> None:
    """Tell every listening process once the open transaction is durable. The same notice twice in one is told once."""
    if database.dialect == "postgres":
        await database.fetch("SELECT pg_notify($1, $2)", channel, payload)


@asynccontextmanager
async def listening(database: Database, channel: str, heard: Heard) -> AsyncIterator[None]:
    """Call `heard` with the payload of every notice, for the length of the block, on a connection of its own."""
    if database.dialect != "postgres":
        yield
        return
    keeper = asyncio.create_task(_keep_listening(database.address(), channel, heard), name=f"listen {channel}")
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _keep_listening(address: dict[str, Any], channel: str, heard: Heard) -> None:
    while True:
        try:
            await _listen(address, channel, heard)
        except (OSError, asyncpg.PostgresError) as error:
            logger.warning("notices.interrupted", extra={"channel": channel, "error_type": type(error).__name__})
        await asyncio.sleep(1)


async def _listen(address: dict[str, Any], channel: str, heard: Heard) -> None:
    connection = await asyncpg.connect(**address)
    ended = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: ended.set())
        await connection.add_listener(channel, lambda _connection, _pid, _channel, payload: heard(payload))
        await ended.wait()
    finally:
        await connection.close()
