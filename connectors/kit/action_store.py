"""What an edge remembers of actions, in the same file as its reads and revocations. Nothing is ever done twice.

An action is counted and written down as `started` before the agency hears of it. From then on only its own request may
go on with it, as often as it takes: whatever happened in between, the agency gets the same order number again. Two
requests cannot have the same target (a fine, a bill) started or executed; so a fine is not paid twice even at an agency
that would take it twice. What the agency rejected, or what never left the edge, is given back. Rows of executed actions
stay for ever; their sealed answers do not. A request that was given up before it began is void: it never begins,
however late it arrives.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

from huilian_protocol.answer_count import CountedAction
from huilian_protocol.canonical import sha256_canonical
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.errors import HuilianError

from connectors.kit.consent_status import ConsentRef
from connectors.kit.store import EdgeStore

# The state that a refusal names when nothing was done under a request id and nothing ever will be.
VOID = "void"
_TABLES = (
    """CREATE TABLE IF NOT EXISTS action_use (
        consent_id TEXT NOT NULL, action_id TEXT NOT NULL, used INTEGER NOT NULL CHECK (used >= 0),
        PRIMARY KEY (consent_id, action_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS action (
        request_id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, consent_id TEXT NOT NULL, action_id TEXT NOT NULL,
        target BLOB NOT NULL, state TEXT NOT NULL CHECK (state IN ('started', 'executed', 'rejected')), answer BLOB,
        started_at TEXT NOT NULL, settled_at TEXT, CHECK (state <> 'started' OR answer IS NULL)
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS action_by_consent ON action (consent_id) WHERE state <> 'started'",
    """CREATE UNIQUE INDEX IF NOT EXISTS action_once ON action (action_id, target)
        WHERE state IN ('started', 'executed')""",
    "CREATE TABLE IF NOT EXISTS action_void (request_id TEXT PRIMARY KEY, given_up_at TEXT NOT NULL) STRICT",
)
# What was done is never forgotten, so a file from before the column goes on: its ends are as old as their beginnings.
_FROM_BEFORE_SETTLED_AT = (
    "ALTER TABLE action ADD COLUMN settled_at TEXT",
    "UPDATE action SET settled_at = started_at WHERE state <> 'started'",
)


class Begun(NamedTuple):
    """Where a request stands: its answer if it has one, else whether the agency has never heard of it."""

    is_first: bool
    answer: bytes | None


class ActionStore:
    """The actions of one edge, in its store's file. Each method is one transaction, run by the store's worker."""

    def __init__(self, store: EdgeStore) -> None:
        self._store = store
        with store.transaction():
            for table in _TABLES:
                store.execute(table)
            if store.one("SELECT 1 FROM pragma_table_info('action') WHERE name = 'settled_at'") is None:
                for step in _FROM_BEFORE_SETTLED_AT:
                    store.execute(step)

    def begin(
        self,
        request_id: str,
        fingerprint: bytes,
        consent: ConsentRef,
        action_id: str,
        target: str,
        max_uses: int,
        now: datetime,
    ) -> Begun:
        """Count an action, or say where the very same request stands.

        Raises HuilianError REQUEST_ID_REUSED, REPLAYED_REQUEST, what `ConsentStatus.refuse` raises, CONSENT_EXHAUSTED,
        STATE_CONFLICT (another request is about the same target and its end is unknown, or this one was given up) or
        ALREADY_EXISTS (it was done); then nothing is counted.
        """
        with self._store.transaction():
            known = self._known(request_id)
            if known is not None:
                answer = _earlier(request_id, fingerprint, *known)
                # What was done is told for ever; what was only started may not go on after a revocation.
                if answer is None:
                    self._store.refuse_ended(consent, action_id)
                return Begun(False, answer)
            self._refuse_void(request_id)
            self._store.refuse_ended(consent, action_id)
            name = _name_of(action_id, target)
            self._refuse_second(action_id, name)
            self._count(consent.id, action_id, max_uses)
            self._store.execute(
                "INSERT INTO action (request_id, fingerprint, consent_id, action_id, target, state, started_at)"
                " VALUES (?, ?, ?, ?, ?, 'started', ?)",
                *(request_id, fingerprint, consent.id, action_id, name, format_time(now)),
            )
            return Begun(True, None)

    def give_up(self, request_id: str, fingerprint: bytes, now: datetime) -> bytes | None:
        """The answer of a request that has one, None for one that is started; one that never began never will.

        Raises HuilianError STATE_CONFLICT ("void") for the last, REQUEST_ID_REUSED or REPLAYED_REQUEST.
        """
        with self._store.transaction():
            known = self._known(request_id)
            if known is not None:
                return _earlier(request_id, fingerprint, *known)
            self._store.execute(
                "INSERT OR IGNORE INTO action_void (request_id, given_up_at) VALUES (?, ?)",
                request_id,
                format_time(now),
            )
        raise _void()

    def execute(self, request_id: str, answer: bytes, now: datetime) -> None:
        """Write down that it was done, with the sealed answer."""
        with self._store.transaction():
            self._settle(request_id, "executed", answer, now)

    def reject(self, request_id: str, answer: bytes, now: datetime) -> None:
        """Write down that the agency did nothing, with the sealed answer; the use is given back."""
        with self._store.transaction():
            self._give_back(request_id)
            self._settle(request_id, "rejected", answer, now)

    def undo(self, request_id: str) -> None:
        """Forget an action of which nothing left the edge; the use is given back."""
        with self._store.transaction():
            self._give_back(request_id)
            self._store.execute("DELETE FROM action WHERE request_id = ? AND state = 'started'", request_id)

    def forget_answers(self, before: datetime) -> int:
        """Drop sealed answers older than this; what was done stays known. Returns how many."""
        with self._store.transaction():
            return self._store.execute(
                "UPDATE action SET answer = NULL WHERE answer IS NOT NULL AND started_at < ?", format_time(before)
            )

    def used(self, consent_id: str, action_id: str) -> int:
        """How often a consent has been used for an action at this edge."""
        row = self._store.one(
            "SELECT used FROM action_use WHERE consent_id = ? AND action_id = ?", consent_id, action_id
        )
        return int(str(row[0])) if row is not None else 0

    def settled(self, consent_id: str) -> list[CountedAction]:
        """Every action under a consent whose end is known, oldest first. The rows are those that stay for ever."""
        rows = self._store.all(
            "SELECT request_id, action_id, upper(state), settled_at FROM action"
            " WHERE consent_id = ? AND state <> 'started' ORDER BY settled_at, request_id",
            consent_id,
        )
        return [CountedAction(str(name), str(act), str(end), parse_time(str(at))) for name, act, end, at in rows]

    def _known(self, request_id: str) -> tuple[object, ...] | None:
        return self._store.one("SELECT fingerprint, state, answer FROM action WHERE request_id = ?", request_id)

    def _refuse_void(self, request_id: str) -> None:
        if self._store.one("SELECT 1 FROM action_void WHERE request_id = ?", request_id) is not None:
            raise _void()

    def _refuse_second(self, action_id: str, name: bytes) -> None:
        row = self._store.one(
            "SELECT state FROM action WHERE action_id = ? AND target = ? AND state IN ('started', 'executed')",
            *(action_id, name),
        )
        if row is not None and row[0] == "executed":
            raise HuilianError("ALREADY_EXISTS", "another request did this", resource=f"action {action_id}")
        if row is not None:
            raise HuilianError("STATE_CONFLICT", "another request is doing this", state="started")

    def _count(self, consent_id: str, action_id: str, max_uses: int) -> None:
        self._store.execute(
            "INSERT OR IGNORE INTO action_use (consent_id, action_id, used) VALUES (?, ?, 0)", consent_id, action_id
        )
        counted = self._store.execute(
            "UPDATE action_use SET used = used + 1 WHERE consent_id = ? AND action_id = ? AND used < ?",
            *(consent_id, action_id, max_uses),
        )
        if counted == 0:
            raise HuilianError("CONSENT_EXHAUSTED", max_reads=max_uses)

    def _give_back(self, request_id: str) -> None:
        row = self._store.one(
            "SELECT consent_id, action_id FROM action WHERE request_id = ? AND state = 'started'", request_id
        )
        if row is not None:
            self._store.execute("UPDATE action_use SET used = used - 1 WHERE consent_id = ? AND action_id = ?", *row)

    def _settle(self, request_id: str, state: str, answer: bytes, now: datetime) -> None:
        changed = self._store.execute(
            "UPDATE action SET state = ?, answer = ?, settled_at = ? WHERE request_id = ? AND state = 'started'",
            *(state, answer, format_time(now), request_id),
        )
        assert changed == 1, "an action is started before it is settled"


def order_id_of(request_id: str, fingerprint: bytes) -> str:
    """The number under which the agency knows this request: 32 hex digits, nobody else's, and telling nothing."""
    return hashlib.sha256(request_id.encode("utf-8") + fingerprint).hexdigest()[:32]


def _void() -> HuilianError:
    return HuilianError("STATE_CONFLICT", "it was given up before it began", state=VOID)


def _name_of(action_id: str, target: str) -> bytes:
    return sha256_canonical({"action": action_id, "target": target})


def _earlier(request_id: str, fingerprint: bytes, known: object, state: object, answer: object) -> bytes | None:
    if known != fingerprint:
        raise HuilianError("REQUEST_ID_REUSED", request_id=request_id)
    if state != "started" and answer is None:
        raise HuilianError("REPLAYED_REQUEST", "its answer was given and is no longer kept")
    assert answer is None or isinstance(answer, bytes)
    return answer
