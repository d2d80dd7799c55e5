"""Fixtures of every test: both databases, a clock that stands still, ids that can be predicted."""

from __future__ import annotations

import gc
import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from huilian_protocol.clock import FixedClock
from huilian_protocol.collecting import spare_what_is_loaded
from hypothesis import HealthCheck, settings

from hub.platform.database import Database
from hub.platform.ids import Ids
from tests.support.databases import ON_BOTH, DatabaseMaker
from tests.support.postgres import PostgresServer

pytest_plugins = ["tests.support.workers"]

# How long drawing an input takes says how busy the machine is, nothing about the product.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# Collecting makes half a million objects and next to no garbage: looking for it takes half of the time.
gc.disable()

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def pytest_collection_finish() -> None:
    """What was collected stays to the end: pytest's hook."""
    spare_what_is_loaded()
    gc.enable()


class _LazyPostgres:
    """Starts the server when the first test asks for it."""

    def __init__(self) -> None:
        self.server: PostgresServer | None = None

    def __call__(self) -> PostgresServer:
        if self.server is None:
            self.server = PostgresServer()
            self.server.start()
        return self.server


@pytest.fixture(scope="session")
def postgres() -> Iterator[_LazyPostgres]:
    """The session's PostgreSQL; calling it starts the server. A missing installation fails the test with the apt
    command.
    """
    lazy = _LazyPostgres()
    yield lazy
    if lazy.server is not None:
        lazy.server.stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test with a database runs on those that the nearest `databases` mark names, on both without one."""
    marked = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "database_maker" in metafunc.fixturenames and "database_maker" not in marked:
        mark = metafunc.definition.get_closest_marker("databases") or ON_BOTH
        metafunc.parametrize("database_maker", mark.args, indirect=True, scope="session")


@pytest.fixture(scope="session")
def database_makers(tmp_path_factory: pytest.TempPathFactory, postgres: _LazyPostgres) -> dict[str, DatabaseMaker]:
    """By dialect; they keep their migrated templates when tests change from one dialect to the other."""
    folder = tmp_path_factory.mktemp("databases")
    return {dialect: DatabaseMaker(dialect, folder, postgres) for dialect in ON_BOTH.args}


@pytest.fixture(scope="session")
def database_maker(request: pytest.FixtureRequest, database_makers: dict[str, DatabaseMaker]) -> DatabaseMaker:
    """Makes databases of one dialect."""
    return database_makers[request.param]


@pytest.fixture
def database_packages() -> list[str] | None:
    """The packages whose tables the test needs, None for every hub domain. A domain's tests override this with their
    own.
    """
    return None


@pytest_asyncio.fixture
async def database(database_maker: DatabaseMaker, database_packages: list[str] | None) -> AsyncIterator[Database]:
    """A migrated, open database without rows, with the tables of `database_packages`."""
    url = await database_maker.lend(database_packages)
    opened = Database(url, database_packages)
    await opened.open()
    yield opened
    opened.on_statement = None
    await opened.close()
    await database_maker.take_back(url, database_packages)


@pytest.fixture
def clock() -> FixedClock:
    """A clock at 2026-03-02 10:00 in China that moves only when a test advances it."""
    return FixedClock(START)


@pytest.fixture
def ids() -> Ids:
    """Ids in order: id-00000001, id-00000002, …"""
    numbers = itertools.count(1)
    return lambda: f"id-{next(numbers):08d}"
