"""SQL of notifications and webhooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tortoise.expressions import Q

from hub.notification.store import NotificationRow, WebhookRow
from hub.platform.database import Database
from hub.platform.fields import in_utc
from hub.platform.paging import Page, after_token, page_of

PURGE_BATCH = 1_000


class WebhookState(StrEnum):
    """DISABLED: given up after too many failures. REMOVED: its owner wants no more of it."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class Notification:
    """One party was told one thing."""

    notification_id: str
    party: str
    kind: str
    object_id: str
    record_id: str
    facts: Mapping[str, str]
    created_at: datetime
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address, and how deliveries to it go."""

    party: str
    webhook_id: str
    url: str
    state: WebhookState
    failures: int
    last_outcome: str
    retry_at: datetime | None
    created_at: datetime

    @property
    def id(self) -> str:
        """Its key."""
        return webhook_key(self.party, self.webhook_id)


def webhook_key(party: str, webhook_id: str) -> str:
    """The key of a party's webhook."""
    return f"{party}/{webhook_id}"


async def add(notification: Notification) -> bool:
    """Write one; False when the party was told before."""
    columns = {name: getattr(notification, name) for name in Notification.__dataclass_fields__}
    name = columns.pop("notification_id")
    _, is_new = await NotificationRow.get_or_create(notification_id=name, defaults=columns)
    return is_new


async def find(notification_id: str) -> Notification | None:
    """One, or None."""
    row = await NotificationRow.get_or_none(notification_id=notification_id)
    return None if row is None else _notification(row)


async def page(party: str, only_unread: bool, size: int, token: str) -> Page[Notification]:
    """A party's, newest first. Raises INVALID_ARGUMENT for a foreign token."""
    wanted = Q(party=party, read_at__isnull=True) if only_unread else Q(party=party)
    rows = NotificationRow.filter(wanted & after_token(token, NotificationRow, "notification_id"))
    found = await rows.order_by("-created_at", "-notification_id").limit(size + 1)
    return page_of(found, size, "notification_id", _notification)


async def unread(party: str) -> int:
    """How many of a party's are unread."""
    return await NotificationRow.filter(party=party, read_at__isnull=True).count()


async def mark_read(party: str, notification_ids: Collection[str], now: datetime) -> int:
    """How many were unread until now; somebody else's are not touched."""
    rows = NotificationRow.filter(party=party, notification_id__in=list(notification_ids), read_at__isnull=True)
    return await rows.update(read_at=now)


async def purge(database: Database, before: datetime) -> int:
    """Drop some of what is older; how many."""
    sql = (
        "DELETE FROM notification_notification WHERE notification_id IN ("
        " SELECT notification_id FROM notification_notification WHERE created_at < $1 ORDER BY created_at LIMIT $2 )"
    )
    return await database.execute(sql, in_utc(before), PURGE_BATCH)


async def add_webhook(webhook: Webhook) -> bool:
    """Write one; False when the name was used before, also for one that was removed."""
    columns = {name: getattr(webhook, name) for name in Webhook.__dataclass_fields__}
    _, is_new = await WebhookRow.get_or_create(id=webhook.id, defaults=columns)
    return is_new


async def find_webhook(key: str) -> Webhook | None:
    """One that was not removed, or None."""
    row = await WebhookRow.get_or_none(id=key)
    return None if row is None or row.state == WebhookState.REMOVED else _webhook(row)


async def webhooks_of(party: str, *states: WebhookState) -> list[Webhook]:
    """A party's webhooks in these states, by name."""
    rows = await WebhookRow.filter(party=party, state__in=[state.value for state in states]).order_by("webhook_id")
    return [_webhook(row) for row in rows]


async def change(seen: Webhook, state: WebhookState, failures: int, outcome: str, retry_at: datetime | None) -> bool:
    """Write how a try ended, or a new state; False when somebody else did in between."""
    rows = WebhookRow.filter(id=seen.id, state=seen.state.value, failures=seen.failures)
    return await rows.update(state=state.value, failures=failures, last_outcome=outcome[:40], retry_at=retry_at) == 1


def _notification(row: NotificationRow) -> Notification:
    return Notification(**{name: getattr(row, name) for name in Notification.__dataclass_fields__})


def _webhook(row: WebhookRow) -> Webhook:
    columns = {name: getattr(row, name) for name in Webhook.__dataclass_fields__}
    return Webhook(**{**columns, "state": WebhookState(row.state)})
