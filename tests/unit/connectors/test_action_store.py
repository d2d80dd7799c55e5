"""What the edge remembers of actions: counted once, done once, given back only when nothing was done."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from huilian_protocol.answer_count import CountedAction
from huilian_protocol.errors import HuilianError
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit.action_store import ActionStore, Begun, order_id_of
from connectors.kit.consent_status import ConsentRef, Notice
from connectors.kit.store import EdgeStore

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PRINT = b"p" * 32


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[EdgeStore]:
    store = EdgeStore(tmp_path / "edge")
    yield store
    store.close()


@pytest.fixture
def store(edge: EdgeStore) -> ActionStore:
    return ActionStore(edge)


def begin(
    store: ActionStore, request: str = "request-1", target: str = "fine-1", consent: str = "c", uses: int = 1
) -> Begun:
    return store.begin(request, PRINT, ConsentRef(consent), "pay/v1", target, uses, NOW)


def code_of(work: Callable[[], object]) -> str:
    with pytest.raises(HuilianError) as caught:
        work()
    return caught.value.code


def test_the_first_time_is_told_from_every_later_one(store: ActionStore) -> None:
    assert begin(store) == Begun(True, None)
    assert begin(store) == Begun(False, None)
    store.execute("request-1", b"answer", NOW)
    assert begin(store) == Begun(False, b"answer")
    assert store.used("c", "pay/v1") == 1


def test_another_request_is_told_that_the_target_is_taken_or_done(store: ActionStore) -> None:
    begin(store)
    assert code_of(lambda: begin(store, "request-2", consent="d")) == "STATE_CONFLICT"
    store.execute("request-1", b"answer", NOW)
    assert code_of(lambda: begin(store, "request-2", consent="d")) == "ALREADY_EXISTS"
    assert begin(store, "request-3", target="fine-2", consent="d") == Begun(True, None)
    assert store.used("d", "pay/v1") == 1


def test_uses_are_counted_per_consent(store: ActionStore) -> None:
    begin(store, uses=2)
    begin(store, "request-2", "fine-2", uses=2)
    assert code_of(lambda: begin(store, "request-3", "fine-3", uses=2)) == "CONSENT_EXHAUSTED"
    assert begin(store, "request-3", "fine-3", consent="other", uses=1).is_first


def test_a_rejection_and_an_undoing_free_target_and_use(store: ActionStore) -> None:
    begin(store)
    store.reject("request-1", b"no", NOW)
    assert begin(store) == Begun(False, b"no")
    assert begin(store, "request-2").is_first
    store.undo("request-2")
    assert store.used("c", "pay/v1") == 0
    assert begin(store, "request-2").is_first
    store.undo("request-unknown")
    assert store.used("c", "pay/v1") == 1


def test_what_is_settled_is_not_settled_again(store: ActionStore) -> None:
    begin(store)
    store.execute("request-1", b"answer", NOW)
    for settle in (store.execute, store.reject):
        with pytest.raises(AssertionError):
            settle("request-1", b"other", NOW)
    store.undo("request-1")
    assert begin(store).answer == b"answer"
    assert store.used("c", "pay/v1") == 1


def test_other_words_under_the_same_id_are_refused(store: ActionStore) -> None:
    begin(store)
    other = lambda: store.begin("request-1", b"q" * 32, ConsentRef("c"), "pay/v1", "fine-1", 1, NOW)  # noqa: E731
    assert code_of(other) == "REQUEST_ID_REUSED"


def test_a_revocation_stops_what_was_started_and_not_the_receipt(edge: EdgeStore, store: ActionStore) -> None:
    begin(store)
    edge.learn(Notice(1, "c", NOW))
    assert code_of(lambda: begin(store)) == "CONSENT_REVOKED"
    assert code_of(lambda: begin(store, "request-2", "fine-2")) == "CONSENT_REVOKED"
    store.execute("request-1", b"answer", NOW)
    assert begin(store).answer == b"answer"


def test_answers_are_forgotten_and_deeds_are_not(store: ActionStore) -> None:
    begin(store)
    store.execute("request-1", b"answer", NOW)
    assert store.forget_answers(NOW) == 0
    assert store.forget_answers(NOW + timedelta(seconds=1)) == 1
    assert code_of(lambda: begin(store)) == "REPLAYED_REQUEST"
    assert code_of(lambda: begin(store, "request-2", consent="d")) == "ALREADY_EXISTS"


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    first = EdgeStore(tmp_path / "edge")
    begin(ActionStore(first))
    first.close()
    second = EdgeStore(tmp_path / "edge")
    assert begin(ActionStore(second)) == Begun(False, None)
    second.close()


def test_a_file_from_before_ends_were_dated_keeps_every_deed(edge: EdgeStore) -> None:
    with edge.transaction():
        edge.execute(
            "CREATE TABLE action (request_id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, consent_id TEXT NOT NULL,"
            " action_id TEXT NOT NULL, target BLOB NOT NULL, state TEXT NOT NULL, answer BLOB,"
            " started_at TEXT NOT NULL) STRICT"
        )
        row = "INSERT INTO action VALUES (?, ?, 'c', 'pay/v1', ?, ?, ?, '2026-11-21T00:00:00Z')"
        edge.execute(row, "request-1", PRINT, b"1", "executed", b"answer")
        edge.execute(row, "request-2", PRINT, b"2", "started", None)
    store = ActionStore(edge)
    assert store.settled("c") == [CountedAction("request-1", "pay/v1", "EXECUTED", NOW)]
    store.reject("request-2", b"no", NOW + timedelta(hours=1))
    assert [(each.outcome, each.settled_at - NOW) for each in ActionStore(edge).settled("c")] == [
        ("EXECUTED", timedelta(0)),
        ("REJECTED", timedelta(hours=1)),
    ]


def test_the_database_itself_refuses_a_second_live_row(edge: EdgeStore, store: ActionStore) -> None:
    begin(store)
    row = edge.one("SELECT target FROM action")
    assert row is not None
    with pytest.raises(sqlite3.IntegrityError), edge.transaction():
        edge.execute(
            "INSERT INTO action (request_id, fingerprint, consent_id, action_id, target, state, started_at)"
            " VALUES ('x', x'00', 'c', 'pay/v1', ?, 'executed', 'now')",
            *row,
        )


def test_order_numbers_are_the_requests_own() -> None:
    numbers = {order_id_of(request, fingerprint) for request in ("a", "b") for fingerprint in (b"1", b"2")}
    assert len(numbers) == 4 and all(len(number) == 32 for number in numbers)


steps = st.lists(
    st.tuples(st.sampled_from(["begin", "execute", "reject", "undo"]), st.integers(1, 4), st.integers(1, 2)),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_random_histories_do_a_target_once_and_count_what_is_live(history: list[tuple[str, int, int]]) -> None:
    edge = EdgeStore(Path(":memory:"))
    store, targets = ActionStore(edge), {}
    for step, number, target in history:
        request = f"request-{number}"
        targets.setdefault(request, f"fine-{target}")
        try:
            if step == "begin":
                begin(store, request, targets[request], uses=3)
            elif step == "undo":
                store.undo(request)
            else:
                getattr(store, step)(request, b"answer", NOW)
        except (HuilianError, AssertionError):
            continue
    live = edge.one("SELECT count(*), count(DISTINCT target) FROM action WHERE state IN ('started', 'executed')")
    assert live is not None and live[0] == live[1] == store.used("c", "pay/v1")
    ended = edge.one("SELECT count(*) FROM action WHERE state <> 'started'")
    assert ended == (len(store.settled("c")),)
    edge.close()
