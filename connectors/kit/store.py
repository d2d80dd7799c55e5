"""What an edge remembers: reads it counted, answers it gave, how consents stand. SQLite, durable before any answer.

Counting rule. A read is counted before the agency is asked. The same request id asked again in the same words gets the
stored sealed answer (only the recipient can open it, so a thief gains nothing); in other words it is refused as
REQUEST_ID_REUSED; after the answer was forgotten it is refused as REPLAYED_REQUEST. A read whose fetch failed is given
back, since nothing left the agency; a read interrupted by a crash stays counted and only its own request id may resume
it. Whether the consent still stands (`consent_status.py`) is judged in the same transaction as the count, and again
before an answer is released.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.errors import HuilianError

from connectors.kit.consent_status import TABLES, ConsentRef, ConsentStatus, Notice

_SCHEMA = """
CREATE TABLE IF NOT EXISTS quota (
    consent_id TEXT NOT NULL, dataset_id TEXT NOT NULL, used INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (consent_id, dataset_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS read (
    request_id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, consent_id TEXT NOT NULL, dataset_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('counted', 'answered', 'forgotten')), answer BLOB, counted_at TEXT NOT NULL,
    CHECK ((state = 'answered') = (answer IS NOT NULL))
) STRICT;
CREATE INDEX IF NOT EXISTS read_by_consent ON read (consent_id) WHERE state IN ('answered', 'forgotten');
CREATE INDEX IF NOT EXISTS read_by_age ON read (counted_at) WHERE state = 'answered';
CREATE TABLE IF NOT EXISTS feed (id INTEGER PRIMARY KEY CHECK (id = 1), cursor INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO feed (id, cursor) VALUES (1, 0);
"""


# How long a write waits for another process that holds the file, and how often it looks.
_WAIT_S, _LOOK_S = 5.0, 0.01


class EdgeStore:
    """One edge's memory. Each method is one transaction, alone or as a part of `together`; calls never overlap
    (`group_commit.py`).
    """

    def __init__(self, path: Path) -> None:
        # The one connection is made here and used by one thread at a time.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_WAIT_S)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA + ";\n".join(TABLES) + ";")
        # From here on whoever begins says whether it waits.
        self._connection.execute("PRAGMA busy_timeout = 0")
        self._status = ConsentStatus(self)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def together(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        """Call several of this store's methods in one durable step; a result or the exception of each, in order.

        A method that raises leaves nothing behind and does not disturb the others. When the disk itself fails, nothing
        of any of them is kept and its error is raised.
        """
        with self.transaction():
            return outcomes_of(works)

    def begin_at_once(self) -> bool:
        """Open a transaction, unless another process holds the file: then answer False without waiting for it."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            return False
        return True

    def _begin(self) -> None:
        """Open a transaction, waiting for a process that holds the file; blocks its thread."""
        until = time.monotonic() + _WAIT_S
        while not self.begin_at_once():
            if time.monotonic() > until:
                raise sqlite3.OperationalError("another process holds the edge's file")
            time.sleep(_LOOK_S)

    def commit(self) -> None:
        """Make the open transaction durable, which waits for the disk; when that fails nothing of it is kept."""
        try:
            self._connection.execute("COMMIT")
        except BaseException:
            self.roll_back()
            raise

    def roll_back(self) -> None:
        """Undo the open transaction, if there is one."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def begin_read(
        self, request_id: str, fingerprint: bytes, consent: ConsentRef, dataset_id: str, max_reads: int, now: datetime
    ) -> bytes | None:
        """Count a read and return None, or return the answer that this very request already got.

        Raises HuilianError as `ConsentStatus.refuse` does, REQUEST_ID_REUSED, REPLAYED_REQUEST or CONSENT_EXHAUSTED;
        then nothing is counted.
        """
        with self.transaction():
            self.refuse_ended(consent, dataset_id)
            row = self.one("SELECT fingerprint, state, answer FROM read WHERE request_id = ?", request_id)
            if row is None:
                self._count(consent.id, dataset_id, max_reads)
                self._connection.execute(
                    "INSERT INTO read (request_id, fingerprint, consent_id, dataset_id, state, counted_at)"
                    " VALUES (?, ?, ?, ?, 'counted', ?)",
                    (request_id, fingerprint, consent.id, dataset_id, format_time(now)),
                )
                return None
            return _earlier_answer(request_id, fingerprint, *row)

    def finish_read(self, request_id: str, consent: ConsentRef, dataset_id: str, answer: bytes) -> None:
        """Store the answer; raises HuilianError as `ConsentStatus.refuse` does when the person stopped it meanwhile."""
        with self.transaction():
            self.refuse_ended(consent, dataset_id)
            changed = self._connection.execute(
                "UPDATE read SET state = 'answered', answer = ? WHERE request_id = ? AND state = 'counted'",
                (answer, request_id),
            ).rowcount
            assert changed == 1, "a read is counted before it is answered"

    def give_back(self, request_id: str) -> None:
        """Undo the count of a read for which nothing left the agency."""
        with self.transaction():
            row = self.one(
                "DELETE FROM read WHERE request_id = ? AND state = 'counted' RETURNING consent_id, dataset_id",
                request_id,
            )
            if row is not None:
                self._connection.execute(
                    "UPDATE quota SET used = used - 1 WHERE consent_id = ? AND dataset_id = ?", tuple(row)
                )

    def forget_answers(self, before: datetime) -> int:
        """Drop stored answers older than this; their request ids stay known for ever. Returns how many."""
        with self.transaction():
            return self._connection.execute(
                "UPDATE read SET state = 'forgotten', answer = NULL WHERE state = 'answered' AND counted_at < ?",
                (format_time(before),),
            ).rowcount

    def used_reads(self, consent_id: str, dataset_id: str) -> int:
        """How many reads of a dataset a consent has used at this edge."""
        row = self.one("SELECT used FROM quota WHERE consent_id = ? AND dataset_id = ?", consent_id, dataset_id)
        return _integer(row[0]) if row is not None else 0

    def answered(self, consent_id: str) -> list[tuple[str, str, datetime]]:
        """Request id, dataset and time of every answer under a consent. The rows are those that keep the quota."""
        rows = self.all(
            "SELECT request_id, dataset_id, counted_at FROM read"
            " WHERE consent_id = ? AND state IN ('answered', 'forgotten') ORDER BY counted_at, request_id",
            consent_id,
        )
        return [(str(request_id), str(dataset_id), parse_time(str(at))) for request_id, dataset_id, at in rows]

    def cursor(self) -> int:
        """Up to where the hub's notices are known."""
        row = self.one("SELECT cursor FROM feed")
        assert row is not None
        return _integer(row[0])

    def learn(self, notice: Notice) -> None:
        """Keep what a notice tells and the place in the feed that it came from; cursors never go back."""
        with self.transaction():
            self._status.learn(notice)
            self._connection.execute("UPDATE feed SET cursor = max(cursor, ?)", (notice.cursor,))

    def refuse_ended(self, consent: ConsentRef, what: str) -> None:
        """`ConsentStatus.refuse`; belongs inside a transaction."""
        self._status.refuse(consent, what)

    def _count(self, consent_id: str, dataset_id: str, max_reads: int) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO quota (consent_id, dataset_id, used) VALUES (?, ?, 0)", (consent_id, dataset_id)
        )
        counted = self._connection.execute(
            "UPDATE quota SET used = used + 1 WHERE consent_id = ? AND dataset_id = ? AND used < ?",
            (consent_id, dataset_id, max_reads),
        ).rowcount
        if counted == 0:
            raise HuilianError("CONSENT_EXHAUSTED", max_reads=max_reads)

    def execute(self, statement: str, *values: object) -> int:
        """Run a statement inside a transaction; how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def one(self, statement: str, *values: object) -> tuple[object, ...] | None:
        """The first row of an answer, or None."""
        row: tuple[object, ...] | None = self._connection.execute(statement, values).fetchone()
        return row

    def all(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Every row of an answer."""
        return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; inside another one, a part that can fail alone."""
        if self._connection.in_transaction:
            with self._savepoint():
                yield
            return
        self._begin()
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self.roll_back()
            raise

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        self._connection.execute("SAVEPOINT method")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO method")
            raise
        finally:
            self._connection.execute("RELEASE method")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    # The lower byte is the error, the rest says what kind of it (sqlite.org/rescode.html).
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def outcomes_of(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """The result or the exception of each, in order; raises sqlite3.Error when the file itself fails."""
    return [_outcome(work) for work in works]


def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001  handed to whoever asked for this piece of work
        return error


def _earlier_answer(request_id: str, fingerprint: bytes, known: object, state: object, answer: object) -> bytes | None:
    if known != fingerprint:
        raise HuilianError("REQUEST_ID_REUSED", request_id=request_id)
    if state == "forgotten":
        raise HuilianError("REPLAYED_REQUEST", "its answer was given and is no longer kept")
    assert answer is None or isinstance(answer, bytes)
    return answer


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value
