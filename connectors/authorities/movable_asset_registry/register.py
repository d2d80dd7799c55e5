"""What the register does: a public list in the order of time. SANDBOX.

Registering is a declaration: the register checks its form, not whether the receivable exists (人民银行令〔2021〕第7号).
What is registered first ranks first (Civil Code §768), so the time is the register's own and strictly grows.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

LEAST_TERM, MOST_TERM = timedelta(days=28), timedelta(days=30 * 366)
_CHINA = timedelta(hours=8)


class Status(StrEnum):
    """Life of a registration."""

    REGISTERED = "REGISTERED"
    AMENDED = "AMENDED"
    EXTENDED = "EXTENDED"
    OBJECTED = "OBJECTED"
    DEREGISTERED = "DEREGISTERED"
    EXPIRED = "EXPIRED"


LIVE = frozenset({Status.REGISTERED, Status.AMENDED, Status.EXTENDED, Status.OBJECTED})


@dataclass(frozen=True, slots=True)
class Entry:
    """One registration. Amounts in fen; it counts until the end of `expires_on`, Chinese time."""

    registration_id: str
    number: str
    secured_party: str
    grantor_uscc: str
    debtor_uscc: str
    document_number: str
    amount_fen: int
    status: Status
    registered_at: datetime
    expires_on: date
    objection: str = ""
    grantor_name: str = ""
    debtor_name: str = ""


_COLUMNS = tuple(Entry.__dataclass_fields__)


class MovableAssetRegister:
    """The list, on disk. `party` is who the caller's certificate says it is."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._clock = clock
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS registration ({', '.join(_COLUMNS)}, PRIMARY KEY (registration_id))"
        )

    def search(self, grantor: str, debtor: str, document_number: str) -> list[Entry]:
        """Live registrations over a receivable, the earliest first."""
        sql = (
            "SELECT * FROM registration WHERE grantor_uscc = ? AND debtor_uscc = ? AND document_number = ?"
            " ORDER BY registered_at"
        )
        found = [self._seen(row) for row in self._connection.execute(sql, (grantor, debtor, document_number))]
        return [entry for entry in found if entry.status in LIVE]

    def get(self, registration_id: str) -> Entry:
        """One registration. Raises NOT_FOUND."""
        row = self._connection.execute(
            "SELECT * FROM registration WHERE registration_id = ?", (registration_id,)
        ).fetchone()
        if row is None:
            raise HuilianError("NOT_FOUND", resource="registration")
        return self._seen(row)

    def register(self, wanted: Entry) -> Entry:
        """Add a registration; number, status and time are the register's own.

        The same again is the first answer. Raises REQUEST_ID_REUSED, INVALID_ARGUMENT (term).
        """
        try:
            known = self.get(wanted.registration_id)
        except HuilianError:
            return self._add(wanted)
        if _declared(known) != _declared(wanted):
            raise HuilianError("REQUEST_ID_REUSED")
        return known

    def amend(
        self, party: str, registration_id: str, amount_fen: int, grantor_name: str = "", debtor_name: str = ""
    ) -> Entry:
        """Another amount, in fen, and other names (empty: as they are); its time stays. Again it changes nothing.

        Raises NOT_FOUND, PERMISSION_DENIED, STATE_CONFLICT.
        """
        entry = self._own(party, registration_id)
        amended = replace(
            entry,
            amount_fen=amount_fen,
            grantor_name=grantor_name or entry.grantor_name,
            debtor_name=debtor_name or entry.debtor_name,
        )
        return entry if amended == entry else self._put(replace(amended, status=Status.AMENDED))

    def extend(self, party: str, registration_id: str, expires_on: date) -> Entry:
        """A later end. Raises NOT_FOUND, PERMISSION_DENIED, STATE_CONFLICT (also once it ran out), INVALID_ARGUMENT."""
        entry = self._own(party, registration_id)
        if entry.expires_on == expires_on:
            return entry
        if not entry.expires_on < expires_on <= entry.expires_on + MOST_TERM:
            raise HuilianError("INVALID_ARGUMENT", "later, by at most thirty years", field="expires_on")
        return self._put(replace(entry, expires_on=expires_on, status=Status.EXTENDED))

    def object_to(self, registration_id: str, statement: str) -> Entry:
        """The grantor objects; the registration keeps its place until a court or the secured party ends it.

        Raises NOT_FOUND, STATE_CONFLICT.
        """
        entry = _live(self.get(registration_id))
        return self._put(replace(entry, objection=statement, status=Status.OBJECTED))

    def deregister(self, party: str, registration_id: str) -> Entry:
        """End it; again changes nothing. Raises NOT_FOUND, PERMISSION_DENIED."""
        entry = self.get(registration_id)
        _check_party(party, entry)
        return self._put(replace(entry, status=Status.DEREGISTERED)) if entry.status in LIVE else entry

    def _add(self, wanted: Entry) -> Entry:
        today = (self._clock.now() + _CHINA).date()
        if not today + LEAST_TERM <= wanted.expires_on <= today + MOST_TERM:
            raise HuilianError("INVALID_ARGUMENT", "one month to thirty years", field="expires_on")
        count, last = self._connection.execute("SELECT count(*), max(registered_at) FROM registration").fetchone()
        # Two registrations never share a time, or nobody could say which ranks first.
        earliest = datetime.fromisoformat(last) + timedelta(microseconds=1) if last else self._clock.now()
        entry = replace(
            wanted,
            number=f"SANDBOX-{count + 1:012d}",
            status=Status.REGISTERED,
            registered_at=max(self._clock.now(), earliest),
        )
        return self._put(entry)

    def _put(self, entry: Entry) -> Entry:
        values = [_stored(getattr(entry, name)) for name in _COLUMNS]
        marks = ", ".join("?" * len(values))
        self._connection.execute(f"INSERT OR REPLACE INTO registration VALUES ({marks})", values)  # noqa: S608
        return entry

    def _own(self, party: str, registration_id: str) -> Entry:
        entry = self.get(registration_id)
        _check_party(party, entry)
        return _live(entry)

    def _seen(self, row: tuple[object, ...]) -> Entry:
        values = dict(zip(_COLUMNS, row, strict=True))
        entry = Entry(
            **{
                **values,
                "status": Status(str(values["status"])),
                "registered_at": datetime.fromisoformat(str(values["registered_at"])),
                "expires_on": date.fromisoformat(str(values["expires_on"])),
            }  # type: ignore[arg-type]
        )
        over = (self._clock.now() + _CHINA).date() > entry.expires_on
        return replace(entry, status=Status.EXPIRED) if over and entry.status in LIVE else entry


def _declared(entry: Entry) -> tuple[object, ...]:
    return (entry.secured_party, entry.grantor_uscc, entry.debtor_uscc, entry.document_number)


def _live(entry: Entry) -> Entry:
    if entry.status not in LIVE:
        raise HuilianError("STATE_CONFLICT", "the registration is over", state=entry.status)
    return entry


def _check_party(party: str, entry: Entry) -> None:
    if party != entry.secured_party:
        raise HuilianError("PERMISSION_DENIED", "another secured party's registration")


def _stored(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
