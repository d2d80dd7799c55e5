"""Fixtures of the lending tests."""

from __future__ import annotations

import pytest
from huilian_protocol.clock import FixedClock

from hub.platform.database import Database
from hub.platform.ids import Ids
from tests.unit.hub.lending.world import LendingWorld


@pytest.fixture
def world(database: Database, clock: FixedClock, ids: Ids) -> LendingWorld:
    """A world on a fresh database; each test runs on SQLite and on PostgreSQL."""
    return LendingWorld(database, clock, ids)
