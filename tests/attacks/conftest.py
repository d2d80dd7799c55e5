"""One world for each case, on SQLite: what is attacked are rules; races and crashes run on both databases elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from huilian_protocol.clock import FixedClock

from hub.platform.database import Database
from hub.platform.ids import Ids
from tests.support.databases import DatabaseMaker
from tests.support.postgres import PostgresServer
from tests.unit.hub.lending.world import LendingWorld


def _none() -> PostgresServer:
    raise AssertionError("the corpus runs on SQLite")


@pytest.fixture(scope="session")
def database_maker(tmp_path_factory: pytest.TempPathFactory) -> DatabaseMaker:
    """Makes SQLite databases."""
    folder: Path = tmp_path_factory.mktemp("attacks")
    return DatabaseMaker("sqlite", folder, _none)


@pytest.fixture
def world(database: Database, clock: FixedClock, ids: Ids) -> LendingWorld:
    """Receivables and lending among real books, log and vault."""
    return LendingWorld(database, clock, ids)
