"""A person's inbox: one notice for each delivered read, or one a day, and what the bank has to say, under the person's
own key.

A notice of a read names the dataset, who may open it and what for; never a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from tortoise.expressions import Q

from hub.exchange.store import NoticePreferenceRow, NoticeRow
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.fields import in_utc
from hub.platform.ids import Ids
from hub.platform.vault import SubjectVault

DIGESTS_AT_ONCE = 200
_DIGESTS = "SELECT subject FROM exchange_notice_preference WHERE daily_digest AND subject IN $in"
_INSERT = """
INSERT INTO exchange_notice (id, subject, at, body, held_day) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING
"""
Titles = Callable[[str], tuple[str, str]]


@dataclass(frozen=True)
class Told:
    """A read that its person is to be told of."""

    record_id: str
    subject: str
    dataset: str
    recipient: str
    purpose: str
    at: datetime


class Saying(Protocol):
    """What a person is told other than of a read: once for each `id`, in both languages."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def object_id(self) -> str: ...
    @property
    def text_zh(self) -> str: ...
    @property
    def text_en(self) -> str: ...


@dataclass(frozen=True)
class Notice:
    """One notice, opened. `digest_day` is empty for a single read; each item has `count`."""

    id: str
    at: datetime
    read_at: datetime | None
    digest_day: str
    items: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class NoticePage:
    """Some notices and where the list goes on (empty at its end)."""

    notices: tuple[Notice, ...]
    next_token: str


class Notices:
    """The inboxes of one hub. `titles` gives a dataset's name in Chinese and English."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, vault: SubjectVault, titles: Titles) -> None:
        self._database, self._clock, self._ids = database, clock, ids
        self._vault, self._titles = vault, titles

    async def tell(self, reads: Sequence[Told]) -> None:
        """Put reads into their persons' inboxes, inside the caller's transaction; not of who left in the meantime."""
        living = await self._vault.living({read.subject for read in reads})
        wanted = [read for read in reads if read.subject in living]
        if not wanted:
            return
        held = {row["subject"] for row in await self._database.fetch_in(_DIGESTS, living)}
        # Reads of one moment are mostly of one kind, and whoever writes waits for this transaction.
        body_of = cache(self._body)
        plain = [(read.subject, body_of(read.dataset, read.recipient, read.purpose)) for read in wanted]
        bodies = await self._vault.encrypt_for_subjects(plain)
        rows = [
            (
                read.record_id,
                read.subject,
                in_utc(read.at),
                body,
                business_date(read.at).isoformat() if read.subject in held else None,
            )
            for read, body in zip(wanted, bodies, strict=True)
        ]
        await self._database.execute_many(_INSERT, rows)

    async def say(self, subject: str, saying: Saying) -> None:
        """Put what concerns a person into the inbox at once, inside the caller's transaction; no digest holds it back.

        Not of who left in the meantime.
        """
        if subject not in await self._vault.living({subject}):
            return
        item = {
            "dataset": "",
            "title_zh": saying.text_zh,
            "title_en": saying.text_en,
            "recipient": "",
            "purpose": "",
            "count": 1,
            "kind": saying.kind,
            "object_id": saying.object_id,
        }
        body = await self._vault.encrypt_for_subject(subject, canonicalise({"digest_day": "", "items": [item]}))
        row = NoticeRow(id=saying.id, subject=subject, at=self._clock.now(), body=body)
        await NoticeRow.bulk_create([row], ignore_conflicts=True)

    def _body(self, dataset: str, recipient: str, purpose: str) -> bytes:
        zh, en = self._titles(dataset)
        item = {
            "dataset": dataset,
            "title_zh": zh,
            "title_en": en,
            "recipient": recipient,
            "purpose": purpose,
            "count": 1,
        }
        return canonicalise({"digest_day": "", "items": [item]})

    async def page(self, subject: str, token: str, size: int) -> NoticePage:
        """A person's notices, newest first. Raises INVALID_ARGUMENT for a token of another list."""
        rows = NoticeRow.filter(subject=subject, held_day__isnull=True)
        if token:
            last = await NoticeRow.get_or_none(id=token)
            if last is None or last.subject != subject:
                raise HuilianError("INVALID_ARGUMENT", "not a token of this list", field="page_token")
            rows = rows.filter(Q(at__lt=last.at) | Q(at=last.at, id__lt=last.id))
        found = await rows.order_by("-at", "-id").limit(size + 1)
        notices = await self._opened(subject, found[:size])
        return NoticePage(tuple(notices), found[size - 1].id if len(found) > size else "")

    async def mark_read(self, subject: str, notice_ids: Sequence[str]) -> int:
        """Mark notices as read; how many were unread until now. Somebody else's are not touched."""
        rows = NoticeRow.filter(subject=subject, id__in=list(notice_ids), read_at__isnull=True)
        return await rows.update(read_at=self._clock.now())

    async def wants_digest(self, subject: str) -> bool:
        """Whether a person wants one notice a day."""
        row = await NoticePreferenceRow.get_or_none(subject=subject)
        return row is not None and row.daily_digest

    async def set_digest(self, subject: str, wanted: bool) -> None:
        """Switch; what waited for a digest that will not come is shown at once."""
        await NoticePreferenceRow.update_or_create({"daily_digest": wanted}, subject=subject)
        if not wanted:
            await NoticeRow.filter(subject=subject, held_day__isnull=False).update(held_day=None)

    async def release(self, today: str) -> int:
        """Make the digests of days that are over; how many. Each is one transaction, so none is lost or doubled."""
        due = await NoticeRow.filter(held_day__lt=today).distinct().limit(DIGESTS_AT_ONCE).values("subject", "held_day")
        for one in due:
            async with self._database.transaction():
                await self._database.lock("digest", one["subject"])
                await self._digest(one["subject"], one["held_day"])
        return len(due)

    async def _digest(self, subject: str, day: str) -> None:
        rows = await NoticeRow.filter(subject=subject, held_day=day).order_by("at", "id")
        if not rows or subject not in await self._vault.living({subject}):
            return
        counts: Counter[bytes] = Counter()
        for notice in await self._opened(subject, rows):
            for item in notice.items:
                counts[canonicalise({**item, "count": 0})] += item["count"]
        items = [{**parse_json(item), "count": count} for item, count in sorted(counts.items())]
        body = await self._vault.encrypt_for_subject(subject, canonicalise({"digest_day": day, "items": items}))
        await NoticeRow.create(id=f"digest:{self._ids()}", subject=subject, at=self._clock.now(), body=body)
        await NoticeRow.filter(id__in=[row.id for row in rows]).delete()

    async def _opened(self, subject: str, rows: Sequence[NoticeRow]) -> list[Notice]:
        if not rows:
            return []
        bodies = await self._vault.decrypt_many_for_subject(subject, [bytes(row.body) for row in rows])
        opened = []
        for row, body in zip(rows, bodies, strict=True):
            said = parse_json(body)
            opened.append(Notice(row.id, row.at, row.read_at, said["digest_day"], tuple(said["items"])))
        return opened
