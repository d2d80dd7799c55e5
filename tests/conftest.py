"""Fixtures of every test: both databases, a clock that stands still, ids that can be predicted."""

from __future__ import annotations

import functools
import gc
import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from huilian_protocol.clock import FixedClock
from huilian_protocol.collecting import spare_what_is_loaded
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from hub.platform.database import Database
from hub.platform.ids import Ids
from tests.support.databases import ON_BOTH, DatabaseMaker
from tests.support.postgres import PostgresServer

# How long drawing an input takes says how busy the machine is, nothing about the product.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# Collecting makes half a million objects and next to no garbage: looking for it takes half of the time.
gc.disable()

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


class _OneWorkerForASite(LoadScopeScheduling):
    """Tests of one running site go to one worker, or each worker would start its own. The groups that pytest-xdist 3.8
    has for this are lost on the node ids of pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid.partition("::")[0]) or nodeid


@functools.cache
def _group(file: str) -> str:
    """Which tests of other files those of a file stay with; empty when each of them may run anywhere."""
    for folder in ("tests/browser/", "tests/integration/tryton/"):
        if file.startswith(folder):
            return folder
    text = Path(file).read_text()
    if "shared_site" in text:
        return "shared_site"
    return file if 'scope="module"' in text else ""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """pytest-xdist's hook."""
    return _OneWorkerForASite(config, log)


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
def database_maker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: _LazyPostgres
) -> DatabaseMaker:
    """Makes databases of one dialect."""
    return DatabaseMaker(request.param, tmp_path_factory.mktemp("databases"), postgres)


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
