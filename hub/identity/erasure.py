"""Erasing a person: one transaction removes or makes unreadable whatever the hub keeps about them, everywhere.

What lies under the person's own key becomes unreadable with it, also in replicas; the rest is deleted in the same
transaction. What stays is the pseudonym as a tombstone, commitments in the log, and what the law obliges to keep.
Memory of other processes is cleared when they see the erasure, within `WATCH_S`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import Clock, format_time
from huilian_protocol.erasure import certificate_content, erasure_order, sign_certificate
from huilian_protocol.record import SALT_BYTES
from huilian_protocol.trust import TrustAnchors
from huilian_protocol.webauthn import Assertion, verify_assertion

from hub.identity.login import LONGEST_TOKEN_LIFE
from hub.identity.service import IdentityService
from hub.identity.store import ErasureRow, IdentityStore
from hub.ledger.service import LedgerService
from hub.platform.admission import person_mark
from hub.platform.database import Database
from hub.platform.erasure import Holder, Retention
from hub.platform.vault import SubjectVault

RECORD_TYPE = "erasure"
WATCH_S = 0.25

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Erasure:
    """A finished erasure with the hub's certificate."""

    erasure_id: str
    erased_at: datetime
    certificate: str
    retained: tuple[Retention, ...]


class ErasureService:
    """Erases persons. `holders` are asked from the highest layer to the lowest."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        store: IdentityStore,
        persons: IdentityService,
        ledger: LedgerService,
        vault: SubjectVault,
        trust: TrustAnchors,
        signing_key: Callable[[], ec.EllipticCurvePrivateKey],
        origin: str,
    ) -> None:
        self._database, self._clock, self._random_bytes = database, clock, random_bytes
        self._store, self._persons, self._ledger, self._vault = store, persons, ledger, vault
        self._trust, self._signing_key, self._origin = trust, signing_key, origin
        self._holders: list[Holder] = []
        self._forget: list[Callable[[], None]] = []
        self._seen = 0

    def register(self, *holders: Holder) -> None:
        """Say who keeps something about persons, the highest layer first."""
        self._holders += holders

    def when_erased(self, *forget: Callable[[], None]) -> None:
        """Have something in this process's memory dropped after any erasure by any process."""
        self._forget += forget

    async def prepare(self, subject: str, erasure_id: str) -> tuple[bytes, tuple[Retention, ...]]:
        """The order to be signed and what would be kept. Raises STATE_CONFLICT as `erase` would."""
        return erasure_order(subject, self._origin, erasure_id), await self._retained(subject)

    async def erase(self, subject: str, erasure_id: str, assertion: Assertion) -> Erasure:
        """Destroy what is kept about this person; again gives the first answer. Opens its own transaction.

        Raises STATE_CONFLICT while the person has a loan, ASSERTION_INVALID or BINDING_INVALID when it was not the
        person's device that signed, ALREADY_EXISTS for an id that another erasure has.
        """
        async with self._database.transaction():
            await self._database.lock("erasure", subject)
            done = await self._store.erasure(subject)
            if done is None:
                await self._check_signature(subject, erasure_id, assertion)
                done = await self._erase(subject, erasure_id)
        self._drop_memory()
        await self._scrub()
        return _erasure(done)

    async def receipt(self, erasure_id: str) -> bytes:
        """The receipt of an erasure. Raises NOT_FOUND or RECEIPT_PENDING."""
        return await self._ledger.receipt(f"{RECORD_TYPE}:{erasure_id}")

    async def run(self, stop: asyncio.Event) -> None:
        """Clear this process's memory soon after any process erased somebody, until `stop` is set."""
        while not stop.is_set():
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  the database may be away for a moment
                logger.error("identity.erasures_not_seen", extra={"error_type": type(error).__name__})
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), WATCH_S)

    async def look(self) -> None:
        """Clear this process's memory if somebody was erased since the last look."""
        known = await self._store.count_erasures()
        if known != self._seen:
            self._drop_memory()
            self._seen = known

    async def _scrub(self) -> None:
        try:
            await self._database.scrub()
        except Exception as error:  # noqa: BLE001  done already; the next erasure or checkpoint makes up for it
            logger.error("identity.not_scrubbed", extra={"error_type": type(error).__name__})

    def _drop_memory(self) -> None:
        for forget in self._forget:
            forget()

    async def _retained(self, subject: str) -> tuple[Retention, ...]:
        return tuple([item for holder in self._holders for item in await holder.retained(subject)])

    async def _check_signature(self, subject: str, erasure_id: str, assertion: Assertion) -> None:
        binding = await self._persons.device_binding(subject)
        digest = hashlib.sha256(erasure_order(subject, self._origin, erasure_id)).digest()
        verify_assertion(assertion, binding.device_key, digest, self._trust.rp_id, self._trust.origin)

    async def _erase(self, subject: str, erasure_id: str) -> ErasureRow:
        now = self._clock.now()
        retained = await self._retained(subject)
        for holder in self._holders:
            await holder.erase(subject)
        certificate = await self._certify(subject, erasure_id, now, retained)
        await self._vault.destroy_subject_key(subject)
        await self._store.forget_person(subject)
        # Whoever still holds a token of this person is turned away, in every process within a second.
        await self._store.revoke_token(person_mark(subject), now + LONGEST_TOKEN_LIFE, now)
        return await self._store.add_erasure(
            ErasureRow(
                subject=subject,
                erasure_id=erasure_id,
                certificate=certificate,
                retained=[_plain(item) for item in retained],
                erased_at=now,
            )
        )

    async def _certify(self, subject: str, erasure_id: str, now: datetime, retained: tuple[Retention, ...]) -> str:
        records, head = await self._ledger.chain_end(subject)
        content = certificate_content(
            subject=subject,
            salt=self._random_bytes(SALT_BYTES),
            hub=self._origin,
            erasure_id=erasure_id,
            erased_at=now,
            records=records,
            head=head,
            retained=[{"code": item.code, "until": format_time(item.until)} for item in retained],
        )
        # Not under the person's key, which ends here: this record must stay readable.
        record_id = f"{RECORD_TYPE}:{erasure_id}"
        await self._ledger.append(RECORD_TYPE, record_id, content, subject=None, evidence={})
        return sign_certificate(self._signing_key(), content)


def _plain(item: Retention) -> dict[str, str]:
    return {"code": item.code, "text_zh": item.text_zh, "text_en": item.text_en, "until": item.until.isoformat()}


def _erasure(row: ErasureRow) -> Erasure:
    retained = tuple(
        Retention(item["code"], item["text_zh"], item["text_en"], datetime.fromisoformat(item["until"]))
        for item in row.retained
    )
    return Erasure(row.erasure_id, row.erased_at, row.certificate, retained)
