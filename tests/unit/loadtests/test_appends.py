"""Both sides of the log benchmark write what they claim to write."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from loadtests.bench import appends
from loadtests.bench.appends import append_pairs
from loadtests.pairs import Pair

Count = Callable[[str, str], int]


@pytest_asyncio.fixture
async def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Pair]]:
    monkeypatch.setattr(appends, "FOLDER", tmp_path)
    async with append_pairs() as made:
        yield made


@pytest.fixture
def count(tmp_path: Path) -> Count:
    """Rows of the log that fulfil a condition, seen from outside, so committed ones only."""

    def counted(name: str, condition: str) -> int:
        (path,) = tmp_path.glob(f"log-*/{name}")
        with closing(sqlite3.connect(path)) as reader:
            found: int = reader.execute(f"SELECT count(*) FROM ledger_leaf WHERE {condition}").fetchone()[0]
        return found

    return counted


async def test_every_record_is_committed_and_has_its_place(pairs: list[Pair], count: Count) -> None:
    before = count("hub.sqlite", "true")
    for done, pair in enumerate(pairs[:3], start=1):
        await pair.ours.work(200)
        assert count("hub.sqlite", "leaf_index IS NOT NULL") == before + 200 * done
        assert count("hub.sqlite", "leaf_index IS NULL") == 0


async def test_the_baseline_writes_as_many_rows_as_long(pairs: list[Pair], count: Count) -> None:
    for done, pair in enumerate(pairs[:3], start=1):
        await pair.baseline.work(200)
        assert count("raw.sqlite", "leaf_index IS NOT NULL AND length(commitment) = 32") == 200 * done
        assert count("raw.sqlite", "length(body) > 300") == 200 * done
