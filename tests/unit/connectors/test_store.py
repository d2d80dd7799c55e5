"""The edge's memory: exact quotas, and every multi-step write is whole or not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from huilian_protocol.errors import HuilianError

from connectors.kit.consent_status import ConsentRef, Notice
from connectors.kit.store import EdgeStore

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONSENT = ConsentRef("consent-1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    opened = EdgeStore(tmp_path / "edge.sqlite3")
    yield opened
    opened.close()


def begin(store: EdgeStore, request_id: str = "request-1", fingerprint: bytes = b"f", most: int = 2) -> bytes | None:
    return store.begin_read(request_id, fingerprint, CONSENT, "dataset-1", most, NOW)


def test_quota_is_per_consent_and_dataset(store: EdgeStore) -> None:
    begin(store, "request-1")
    begin(store, "request-2")
    with pytest.raises(HuilianError, match="CONSENT_EXHAUSTED"):
        begin(store, "request-3")
    store.begin_read("request-4", b"f", CONSENT, "dataset-2", 1, NOW)
    assert store.used_reads("consent-1", "dataset-1") == 2


def test_a_read_given_back_may_be_used_again(store: EdgeStore) -> None:
    begin(store, "request-1", most=1)
    store.give_back("request-1")
    store.give_back("request-1")
    assert store.used_reads("consent-1", "dataset-1") == 0
    begin(store, "request-2", most=1)


def test_an_answered_read_is_never_given_back(store: EdgeStore) -> None:
    begin(store)
    store.finish_read("request-1", CONSENT, "dataset-1", b"answer")
    store.give_back("request-1")
    assert store.used_reads("consent-1", "dataset-1") == 1
    assert begin(store) == b"answer"


def test_answers_are_forgotten_but_request_ids_are_not(store: EdgeStore) -> None:
    begin(store)
    store.finish_read("request-1", CONSENT, "dataset-1", b"answer")
    assert store.forget_answers(NOW) == 0
    assert store.forget_answers(NOW + timedelta(seconds=1)) == 1
    with pytest.raises(HuilianError, match="REPLAYED_REQUEST"):
        begin(store)
    with pytest.raises(HuilianError, match="REQUEST_ID_REUSED"):
        begin(store, fingerprint=b"other")


def test_cursors_never_go_back_and_revocations_are_idempotent(store: EdgeStore) -> None:
    store.learn(Notice(7, "consent-1", NOW))
    store.learn(Notice(3, "consent-1", NOW))
    assert store.cursor() == 7
    with pytest.raises(HuilianError, match="CONSENT_REVOKED"):
        begin(store)


def test_everything_survives_reopening(tmp_path: Path) -> None:
    first = EdgeStore(tmp_path / "edge")
    begin(first, most=1)
    first.finish_read("request-1", CONSENT, "dataset-1", b"answer")
    first.learn(Notice(1, "consent-2", NOW))
    first.close()
    second = EdgeStore(tmp_path / "edge")
    assert begin(second, most=1) == b"answer"
    assert second.cursor() == 1
    second.close()


STATUS_TABLES = ("dataset_revocation", "pause", "newest_version")


class Broken(Exception):
    """The disk at this very moment."""


class BreakingConnection:
    """A connection that fails before its n-th statement, as a full disk or a kill would."""

    def __init__(self, inner: sqlite3.Connection, failing: int) -> None:
        self._inner, self._left = inner, failing

    @property
    def in_transaction(self) -> bool:
        return self._inner.in_transaction

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        if statement != "ROLLBACK":
            if self._left == 0:
                self._left -= 1
                raise Broken
            self._left -= 1
        return self._inner.execute(statement, values)


def state(connection: sqlite3.Connection) -> list[Any]:
    tables = ("quota", "read", "revocation", "feed", *STATUS_TABLES)
    return [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]


WRITES: dict[str, Callable[[EdgeStore], Any]] = {
    "begin": lambda store: begin(store, "request-9"),
    "finish": lambda store: store.finish_read("request-1", CONSENT, "dataset-1", b"answer"),
    "give back": lambda store: store.give_back("request-1"),
    "learn": lambda store: store.learn(Notice(5, "consent-5", NOW)),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_breaks_at_any_step_leaves_nothing(tmp_path: Path, name: str) -> None:
    steps = 0
    while True:
        store = EdgeStore(tmp_path / f"edge-{steps}")
        begin(store)
        connection = store._connection
        before = state(connection)
        store._connection = BreakingConnection(connection, steps)  # type: ignore[assignment]
        try:
            WRITES[name](store)
            assert state(connection) != before
            break
        except Broken:
            assert not connection.in_transaction
            assert state(connection) == before
        finally:
            connection.close()
        steps += 1
    assert steps >= 3


def test_works_done_together_are_each_whole_or_nothing(store: EdgeStore) -> None:
    def stumble() -> None:
        with store.transaction():
            begin(store, "request-2")
            raise Broken

    outcomes = store.together(
        [
            lambda: begin(store, "request-1", most=1),
            stumble,
            lambda: begin(store, "request-3", most=1),
            lambda: store.learn(Notice(1, "consent-9", NOW)),
        ]
    )
    assert outcomes[0] is None and outcomes[3] is None
    assert isinstance(outcomes[1], Broken)
    assert isinstance(outcomes[2], HuilianError) and outcomes[2].code == "CONSENT_EXHAUSTED"
    assert store.used_reads("consent-1", "dataset-1") == 1
    assert store.cursor() == 1


def test_works_done_together_fail_together_when_the_disk_fails(store: EdgeStore) -> None:
    def fail() -> None:
        raise sqlite3.OperationalError("disk full")

    with pytest.raises(sqlite3.OperationalError):
        store.together([lambda: begin(store, "request-1"), fail])
    assert store.used_reads("consent-1", "dataset-1") == 0


def test_two_processes_on_one_file_count_exactly(tmp_path: Path) -> None:
    outcomes: list[bool] = []

    def worker(number: int) -> None:
        store = EdgeStore(tmp_path / "edge")
        for turn in range(20):
            try:
                begin(store, f"request-{number}-{turn}", most=25)
                outcomes.append(True)
            except HuilianError:
                outcomes.append(False)
        store.close()

    EdgeStore(tmp_path / "edge").close()
    threads = [threading.Thread(target=worker, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(outcomes), sum(outcomes)) == (80, 25)


def test_answers_are_counted_from_the_rows_that_keep_the_quota(store: EdgeStore) -> None:
    for number in (1, 2, 3):
        store.begin_read(
            f"request-{number}", b"f", ConsentRef("consent-1"), "dataset-1", 9, NOW + timedelta(seconds=number)
        )
    store.finish_read("request-2", ConsentRef("consent-1"), "dataset-1", b"answer")
    store.finish_read("request-1", ConsentRef("consent-1"), "dataset-1", b"answer")
    store.give_back("request-3")
    store.begin_read("request-4", b"f", ConsentRef("consent-2"), "dataset-1", 9, NOW)
    store.finish_read("request-4", ConsentRef("consent-2"), "dataset-1", b"answer")
    expected = [(f"request-{number}", "dataset-1", NOW + timedelta(seconds=number)) for number in (1, 2)]
    assert store.answered("consent-1") == expected
    store.forget_answers(NOW + timedelta(hours=2))
    assert store.answered("consent-1") == expected and store.used_reads("consent-1", "dataset-1") == 2
    assert store.answered("consent-3") == []
