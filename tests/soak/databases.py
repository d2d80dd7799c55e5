"""Fresh databases of both dialects for campaigns: one template and one PostgreSQL per process, gone at its end."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from hub.platform.database import Database
from tests.support.databases import DatabaseMaker
from tests.support.postgres import PostgresServer

Answer = TypeVar("Answer")
DIALECTS = ("sqlite", "postgres")


async def on_fresh_database(
    dialect: str, packages: Sequence[str] | None, play: Callable[[Database], Awaitable[Answer]], *, alone: bool = False
) -> Answer:
    """Run `play` on a migrated database without rows with the tables of `packages` (None: all), emptied afterwards."""
    async with fresh_database(dialect, packages, alone=alone) as database:
        return await play(database)


@asynccontextmanager
async def fresh_database(
    dialect: str, packages: Sequence[str] | None, *, alone: bool = False
) -> AsyncIterator[Database]:
    """The same for whoever does not play it in one go. `alone`: one task uses it, so no statement ever waits."""
    url = await _maker(dialect).lend(packages)
    database = Database(url, packages)
    await database.open()
    if alone and dialect == "sqlite":
        _run_at_once(database)
    try:
        yield database
    finally:
        database.on_statement = None
        await database.close()
        await _maker(dialect).take_back(url, packages)


def _run_at_once(database: Database) -> None:
    """Going to the driver's thread and back costs more than most statements."""

    async def at_once(function: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
        return function(*arguments, **named)

    database._client()._connection._execute = at_once


async def new_url(dialect: str, packages: Sequence[str] | None) -> str:
    """The URL of a migrated database for processes that open it themselves; it goes with this process."""
    return await _maker(dialect).new_url(packages)


async def new_postgres_url() -> str:
    """The URL of an empty PostgreSQL database, for processes that make their tables themselves."""
    return await _maker("postgres").empty_url()


@functools.cache
def _maker(dialect: str) -> DatabaseMaker:
    return DatabaseMaker(dialect, _folder(), _postgres)


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="huilian-soak-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _postgres() -> PostgresServer:
    server = PostgresServer()
    server.start()
    atexit.register(server.stop)
    return server
