"""What an edge knows of each consent: revoked, one dataset revoked, paused, resumed, replaced by a newer version.

It lives in the edge's store and is judged in the same transaction that counts a read. Whatever only stops is believed
of the hub; going on after a pause takes the statement that the signer's device signed, which names this consent, this
artefact and this pause. The highest version ever seen, in a notice or in a read, is the only one that is served. So is,
in consents drawn up since, the newest statement of a recipient's keys that one of its roots signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from huilian_protocol.artefact import Artefact
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.recipient_keys import HANDOVER, Stated

TABLES = (
    "CREATE TABLE IF NOT EXISTS revocation (consent_id TEXT PRIMARY KEY, revoked_at TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS dataset_revocation (consent_id TEXT NOT NULL, dataset_id TEXT NOT NULL,"
    " version INTEGER NOT NULL, PRIMARY KEY (consent_id, dataset_id)) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS pause (consent_id TEXT NOT NULL, pause_id TEXT NOT NULL, version INTEGER NOT NULL,"
    " resumed_sha256 BLOB, resumed_by TEXT, PRIMARY KEY (consent_id, pause_id)) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS newest_version (consent_id TEXT PRIMARY KEY, version INTEGER NOT NULL,"
    " artefact_sha256 BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS delegation_revocation (statement_sha256 BLOB PRIMARY KEY, revoked_at TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS newest_statement (recipient TEXT NOT NULL, root TEXT NOT NULL, issued_at TEXT NOT NULL,"
    " PRIMARY KEY (recipient, root)) STRICT, WITHOUT ROWID",
)


class Change(StrEnum):
    """What a notice tells. IGNORED is a notice that proves nothing and only moves the cursor."""

    REVOKED = "REVOKED"
    DATASET_REVOKED = "DATASET_REVOKED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    AMENDED = "AMENDED"
    DELEGATION_REVOKED = "DELEGATION_REVOKED"
    IGNORED = "IGNORED"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message of the hub's stream. For RESUMED everything but the cursor comes from the verified statement, and
    `resumed_by` is whose device signed it.
    """

    cursor: int
    consent_id: str
    at: datetime
    change: Change = Change.REVOKED
    dataset_id: str = ""
    version: int = 1
    pause_id: str = ""
    artefact_sha256: bytes = b""
    resumed_by: str = ""


@dataclass(frozen=True, slots=True)
class ConsentRef:
    """What a verified consent says of itself, as far as its standing depends on it; `signers` may resume it,
    `delegations` are the statements (SHA-256) by which one of them signs for the other, and `stated` is the statement
    of the recipient's keys that counted when it was drawn up.
    """

    id: str
    version: int = 1
    sha256: bytes = bytes(32)
    replaces: bytes | None = None
    signers: tuple[str, str] = ("", "")
    delegations: tuple[bytes, ...] = ()
    stated: Stated | None = None
    drawn_up_at: datetime | None = None

    @classmethod
    def of(cls, artefact: Artefact, delegations: tuple[bytes, ...] = (), stated: Stated | None = None) -> ConsentRef:
        """The reference of an artefact that was verified, with the delegations of its chain."""
        who, since = (artefact.signed_by, artefact.subject), artefact.valid_from
        return cls(artefact.id, artefact.version, artefact.sha256, artefact.replaces, who, delegations, stated, since)


class Rows(Protocol):
    """The store's connection (`store.py`), inside a transaction."""

    def execute(self, statement: str, *values: object) -> int:
        """Run a statement; how many rows it changed."""
        ...

    def one(self, statement: str, *values: object) -> tuple[object, ...] | None:
        """The first row of an answer, or None."""
        ...


class ConsentStatus:
    """The standing of consents at one edge. Every method belongs inside a transaction of the store."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def learn(self, notice: Notice) -> None:
        """Keep what a notice tells; telling it twice, or late, changes nothing."""
        match notice.change:
            case Change.REVOKED:
                self._rows.execute(
                    "INSERT OR IGNORE INTO revocation (consent_id, revoked_at) VALUES (?, ?)",
                    *(notice.consent_id, format_time(notice.at)),
                )
            case Change.DATASET_REVOKED:
                self._rows.execute(
                    "INSERT INTO dataset_revocation (consent_id, dataset_id, version) VALUES (?, ?, ?)"
                    " ON CONFLICT (consent_id, dataset_id) DO UPDATE SET version = max(version, excluded.version)",
                    *(notice.consent_id, notice.dataset_id, notice.version),
                )
            case Change.PAUSED:
                self._rows.execute(
                    "INSERT OR IGNORE INTO pause (consent_id, pause_id, version) VALUES (?, ?, ?)",
                    *(notice.consent_id, notice.pause_id, notice.version),
                )
            case Change.RESUMED:
                # A statement for a pause that is not known here ends nothing: pauses come first in the stream.
                self._rows.execute(
                    "UPDATE pause SET resumed_sha256 = ?, resumed_by = ? WHERE consent_id = ? AND pause_id = ?",
                    *(notice.artefact_sha256, notice.resumed_by, notice.consent_id, notice.pause_id),
                )
            case Change.AMENDED:
                self._raise_version(notice.consent_id, notice.version, notice.artefact_sha256)
            case Change.DELEGATION_REVOKED:
                self._rows.execute(
                    "INSERT OR IGNORE INTO delegation_revocation (statement_sha256, revoked_at) VALUES (?, ?)",
                    *(notice.artefact_sha256, format_time(notice.at)),
                )

    def refuse(self, consent: ConsentRef, what: str) -> None:
        """Refuse a read of a dataset, or an action, that this consent does not allow (any more).

        Raises HuilianError CONSENT_REVOKED (the whole, or `what` alone), CONSENT_PAUSED, STATE_CONFLICT (another
        version replaced it), ARTEFACT_TAMPERED (it claims to replace something else than the version known here),
        DELEGATION_INVALID (a delegation of its chain was taken back) or RECIPIENT_KEY_MISMATCH (its recipient had
        stated its keys anew when it was drawn up).
        """
        if self._rows.one("SELECT 1 FROM revocation WHERE consent_id = ?", consent.id) is not None:
            raise HuilianError("CONSENT_REVOKED")
        self._refuse_undelegated(consent)
        self._refuse_older_keys(consent)
        self._refuse_replaced(consent)
        stopped = "SELECT 1 FROM dataset_revocation WHERE consent_id = ? AND dataset_id = ? AND version >= ?"
        if self._rows.one(stopped, consent.id, what, consent.version) is not None:
            raise HuilianError("CONSENT_REVOKED", f"of {what}")
        if self._is_paused(consent):
            raise HuilianError("CONSENT_PAUSED")

    def _refuse_undelegated(self, consent: ConsentRef) -> None:
        for statement in consent.delegations:
            known = "SELECT 1 FROM delegation_revocation WHERE statement_sha256 = ?"
            if self._rows.one(known, statement) is not None:
                raise HuilianError("DELEGATION_INVALID", reason="it was revoked")

    def _refuse_older_keys(self, consent: ConsentRef) -> None:
        if consent.stated is None or consent.drawn_up_at is None:
            return
        recipient, root, issued_at = consent.stated
        known = "SELECT issued_at FROM newest_statement WHERE recipient = ? AND root = ?"
        row = self._rows.one(known, recipient, root)
        newest = issued_at if row is None else parse_time(str(row[0]))
        # Older consents keep the keys that they were signed with: the root stated them for that time.
        if issued_at < newest and consent.drawn_up_at >= newest + HANDOVER:
            raise HuilianError("RECIPIENT_KEY_MISMATCH", "the recipient's root had stated its keys anew")
        if row is None or issued_at > newest:
            self._rows.execute(
                "INSERT INTO newest_statement (recipient, root, issued_at) VALUES (?, ?, ?)"
                " ON CONFLICT (recipient, root) DO UPDATE SET issued_at = excluded.issued_at",
                *(recipient, root, format_time(issued_at)),
            )

    def _refuse_replaced(self, consent: ConsentRef) -> None:
        row = self._rows.one("SELECT version, artefact_sha256 FROM newest_version WHERE consent_id = ?", consent.id)
        if row is not None:
            known, sha256 = int(str(row[0])), row[1]
            if consent.version < known or (consent.version == known and consent.sha256 != sha256):
                raise HuilianError("STATE_CONFLICT", f"version {known} replaced it", state="SUPERSEDED")
            if consent.version == known + 1 and consent.replaces != sha256:
                raise HuilianError("ARTEFACT_TAMPERED", "it replaces another artefact than the one known here")
            if consent.version == known:
                return
        self._raise_version(consent.id, consent.version, consent.sha256)

    def _raise_version(self, consent_id: str, version: int, sha256: bytes) -> None:
        self._rows.execute(
            "INSERT INTO newest_version (consent_id, version, artefact_sha256) VALUES (?, ?, ?)"
            " ON CONFLICT (consent_id) DO UPDATE SET version = excluded.version,"
            " artefact_sha256 = excluded.artefact_sha256 WHERE excluded.version > version",
            *(consent_id, version, sha256),
        )

    def _is_paused(self, consent: ConsentRef) -> bool:
        """Whether a pause of this version stands. A newer version was signed after the pauses of older ones."""
        row = self._rows.one(
            "SELECT 1 FROM pause WHERE consent_id = ? AND version >= ?"
            " AND (resumed_sha256 IS NULL OR resumed_sha256 <> ? OR resumed_by NOT IN (?, ?))",
            *(consent.id, consent.version, consent.sha256, *consent.signers),
        )
        return row is not None
