"""The access log: one record for every read and every refusal, for the person and for the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.consent.ports import Ledger
from hub.exchange.rules import RECORD_TYPE, Attempt, Outcome, access_record
from hub.exchange.store import AccessRow, ExchangeStore
from hub.platform.ids import Ids


class SubjectVault(Protocol):
    """Encryption under one person's own key (hub/platform)."""

    async def encrypt_for_subject(self, subject: str, data: bytes) -> bytes:
        """Ciphertext that becomes unreadable when the person's key is destroyed."""
        ...

    async def decrypt_many_for_subject(self, subject: str, items: Sequence[bytes]) -> list[bytes]:
        """The plaintexts; an error once the key is destroyed."""
        ...


@dataclass(frozen=True)
class AccessRecord:
    """One record with the id under which the ledger proves it."""

    id: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """Some access records and where the list goes on (empty at its end)."""

    records: tuple[AccessRecord, ...]
    next_token: str


class AccessLog:
    """Writes access records inside the caller's transaction and reads them back for the person."""

    def __init__(self, store: ExchangeStore, clock: Clock, ids: Ids, ledger: Ledger, vault: SubjectVault) -> None:
        self._store, self._clock, self._ids, self._ledger, self._vault = store, clock, ids, ledger, vault

    async def write(self, attempt: Attempt, outcome: Outcome, edge_signature: str = "") -> str:
        """Record one outcome; the new record's id. `edge_signature` is the evidence of a delivery."""
        at = self._clock.now()
        record = access_record(attempt, outcome, at)
        record_id = f"{RECORD_TYPE}:{self._ids()}"
        subject = attempt.artefact.subject
        sealed = await self._vault.encrypt_for_subject(subject, canonicalise(record))
        await self._store.add_access(record_id, subject, at, sealed)
        evidence = {"edge_signature": edge_signature} if edge_signature else {}
        await self._ledger.append(RECORD_TYPE, record_id, record, subject=subject, evidence=evidence)
        return record_id

    async def page(self, subject: str, token: str, size: int) -> Page:
        """The person's records, newest first; `token` is that of the page before, or empty."""
        last = await self._store.find_access(token) if token else None
        if token and (last is None or last.subject != subject):
            raise HuilianError("INVALID_ARGUMENT", "not a token of this list", field="page_token")
        rows = await self._store.page(subject, last, size + 1)
        return Page(await self._read(subject, rows[:size]), rows[size - 1].id if len(rows) > size else "")

    async def _read(self, subject: str, rows: Sequence[AccessRow]) -> tuple[AccessRecord, ...]:
        if not rows:
            return ()
        plain = await self._vault.decrypt_many_for_subject(subject, [bytes(row.record) for row in rows])
        return tuple(AccessRecord(row.id, parse_json(text)) for row, text in zip(rows, plain, strict=True))
