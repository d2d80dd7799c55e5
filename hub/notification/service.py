"""Parties are told what concerns them: a row in their list, and a message for each address that they gave.

Both are written in the transaction of what happened, so nobody is told of what did not happen, or not told of what did.
What there is to tell comes from the log: `recorded` listens to what is appended, `kinds.py` says who is told of what.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.notification import stored
from hub.notification.addresses import Networks, check_url
from hub.notification.kinds import BY_CODE, BY_RECORD, Kind
from hub.notification.stored import Notification, Webhook, WebhookState
from hub.platform.database import Database
from hub.platform.outbox import Outbox
from hub.platform.paging import Page

LANES: Final = 4
MOST_WEBHOOKS: Final = 5
PURGE_EVERY_S: Final = 600.0
_LIVE = (WebhookState.ACTIVE, WebhookState.DISABLED)

logger = logging.getLogger(__name__)


class Notifications:
    """Everything but `run` runs inside the caller's transaction."""

    def __init__(
        self, database: Database, clock: Clock, outbox: Outbox, networks: Networks = (), keep: timedelta | None = None
    ) -> None:
        """`networks` are private networks whose addresses a webhook may have; `keep` is how long notifications stay."""
        self._database, self._clock, self._outbox = database, clock, outbox
        self._networks, self._keep = networks, keep

    async def recorded(self, record_type: str, record_id: str, content: Mapping[str, Any]) -> None:
        """The log keeps a record from now on: whom it concerns is told."""
        for kind in BY_RECORD.get(record_type, ()):
            if kind.fits(content):
                for party in kind.told(content):
                    await self._tell(kind, party, str(content[kind.about]), record_id, kind.facts_of(content))

    async def page(self, party: str, *, only_unread: bool, size: int, token: str) -> tuple[Page[Notification], int]:
        """A party's notifications, newest first, and how many of all are unread. Raises INVALID_ARGUMENT."""
        return await stored.page(party, only_unread, size, token), await stored.unread(party)

    async def get(self, party: str, notification_id: str) -> Notification:
        """One of a party's own. Raises NOT_FOUND."""
        found = await stored.find(notification_id)
        if found is None or found.party != party:
            raise HuilianError("NOT_FOUND", resource="notification")
        return found

    async def mark_read(self, party: str, notification_ids: Sequence[str]) -> int:
        """How many of these were unread until now."""
        return await stored.mark_read(party, notification_ids, self._clock.now())

    async def register(self, party: str, webhook_id: str, url: str) -> Webhook:
        """From now on the party's notifications are posted there too.

        Raises INVALID_ARGUMENT (no address of the open internet), ALREADY_EXISTS, STATE_CONFLICT (too many).
        """
        check_url(url, self._networks)
        await self._database.lock("webhooks", party)
        if len(await stored.webhooks_of(party, *_LIVE)) >= MOST_WEBHOOKS:
            raise HuilianError("STATE_CONFLICT", f"at most {MOST_WEBHOOKS} webhooks", state="FULL")
        webhook = Webhook(party, webhook_id, url, WebhookState.ACTIVE, 0, "", None, self._clock.now())
        if not await stored.add_webhook(webhook):
            raise HuilianError("ALREADY_EXISTS", resource="webhook")
        await self._tell_of_webhook("WEBHOOK_REGISTERED", webhook)
        return webhook

    async def webhooks(self, party: str) -> list[Webhook]:
        """A party's webhooks, by name."""
        return await stored.webhooks_of(party, *_LIVE)

    async def enable(self, party: str, webhook_id: str) -> Webhook:
        """Try again from now on. Raises NOT_FOUND."""
        await self._database.lock("webhooks", party)
        return await self._changed(await self._own(party, webhook_id), WebhookState.ACTIVE)

    async def remove(self, party: str, webhook_id: str) -> None:
        """Post nothing there any more, also not what waits. Raises NOT_FOUND."""
        await self._database.lock("webhooks", party)
        await self._changed(await self._own(party, webhook_id), WebhookState.REMOVED)

    async def give_up(self, webhook: Webhook, outcome: str) -> bool:
        """An address failed too often: its owner is told in the hub; False when it changed in between."""
        if not await stored.change(webhook, WebhookState.DISABLED, webhook.failures + 1, outcome, None):
            return False
        await self._tell_of_webhook("WEBHOOK_DISABLED", webhook)
        return True

    async def run(self, stop: asyncio.Event) -> None:
        """Drop what is past its time, now and then, until `stop`."""
        while not stop.is_set():
            try:
                await self.purge()
            except Exception as error:  # noqa: BLE001  the database may be away for a moment
                logger.error("notification.purge_failed", extra={"error_type": type(error).__name__})
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PURGE_EVERY_S)

    async def purge(self) -> int:
        """Drop what is past its time; how many."""
        dropped = 0
        while self._keep is not None:
            count = await stored.purge(self._database, self._clock.now() - self._keep)
            dropped += count
            if count < stored.PURGE_BATCH:
                break
        return dropped

    async def _own(self, party: str, webhook_id: str) -> Webhook:
        webhook = await stored.find_webhook(stored.webhook_key(party, webhook_id))
        if webhook is None:
            raise HuilianError("NOT_FOUND", resource="webhook")
        return webhook

    async def _changed(self, webhook: Webhook, state: WebhookState) -> Webhook:
        while not await stored.change(webhook, state, 0, webhook.last_outcome, None):
            # A try ended in between; it does not lock.
            webhook = await self._own(webhook.party, webhook.webhook_id)
        if state is WebhookState.REMOVED:
            return webhook
        return await self._own(webhook.party, webhook.webhook_id)

    async def _tell_of_webhook(self, code: str, webhook: Webhook) -> None:
        once = f"{code}:{webhook.id}:{self._clock.now().isoformat()}"
        await self._tell(BY_CODE[code], webhook.party, webhook.webhook_id, "", {}, once)

    async def _tell(
        self, kind: Kind, party: str, object_id: str, record_id: str, facts: dict[str, str], once: str = ""
    ) -> None:
        name = _id(party, kind.code, once or record_id)
        told = Notification(name, party, kind.code, object_id, record_id, facts, self._clock.now())
        if not await stored.add(told):
            return
        for webhook in await stored.webhooks_of(party, WebhookState.ACTIVE):
            message: dict[str, object] = {"webhook": webhook.id, "notification": name}
            await self._outbox.put(lane(webhook.id), f"{webhook.id}/{name}", message)


def lane(webhook: str) -> str:
    """The outbox topic of a webhook: one that is slow holds up only those of its lane."""
    return f"webhook.{hashlib.sha256(webhook.encode()).digest()[0] % LANES}"


def _id(party: str, code: str, once: str) -> str:
    return b64u_encode(hashlib.sha256(f"{party}\n{code}\n{once}".encode()).digest())[:32]
