"""Webhooks are delivered out of the outbox, at least once, each notification by itself and in no promised order.

What fails is tried again, for the whole address later and later: 5 s, 10 s, … 6 h. After ten failures in a row, or
when the receiver says that it is gone for good (410), the address is disabled and its owner told in the hub; what was
missed is in the list of notifications. The body names the notification by its id: the receiver asks the hub for more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import Clock
from huilian_protocol.webhook import event_of, sign_webhook

from hub.notification import stored
from hub.notification.kinds import BY_CODE
from hub.notification.service import LANES, Notifications
from hub.notification.stored import Notification, Webhook, WebhookState
from hub.platform.database import Database
from hub.platform.outbox import Message, Outbox, TryAgain

MOST_FAILURES: Final = 10
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=6)
AT_ONCE: Final = 8
GONE: Final = "410"


class Posts(Protocol):
    """What posts (`sender.Sender`)."""

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> str:
        """How it ended."""
        ...


class Deliveries:
    """Handles the outbox's lanes of webhooks. Opens its own transactions; posts outside any."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        outbox: Outbox,
        notifications: Notifications,
        sender: Posts,
        key: Callable[[], ec.EllipticCurvePrivateKey],
        origin: str,
    ) -> None:
        """`key` signs, and is published in the key set of the hub `origin`."""
        self._database, self._clock, self._notifications = database, clock, notifications
        self._sender, self._key, self._origin = sender, key, origin
        for number in range(LANES):
            outbox.register(f"webhook.{number}", self.deliver, at_once=AT_ONCE)

    async def deliver(self, message: Message) -> None:
        """Post one notification. Raises TryAgain while the address waits or fails."""
        webhook = await stored.find_webhook(str(message.payload["webhook"]))
        told = await stored.find(str(message.payload["notification"]))
        if webhook is None or told is None or webhook.state is not WebhookState.ACTIVE:
            return
        if webhook.retry_at is not None and webhook.retry_at > self._clock.now():
            raise TryAgain(webhook.retry_at)
        outcome = await self._post(webhook, told)
        if outcome.startswith("2"):
            await self._succeeded(webhook, outcome)
        else:
            await self._failed(webhook, outcome)

    async def _post(self, webhook: Webhook, told: Notification) -> str:
        object_kind = BY_CODE[told.kind].object_kind
        body = event_of(told.notification_id, told.kind, told.created_at, (object_kind, told.object_id), self._origin)
        headers = sign_webhook(self._key(), webhook.url, told.notification_id, body, self._clock.now())
        return await self._sender.post(webhook.url, headers, body)

    async def _succeeded(self, webhook: Webhook, outcome: str) -> None:
        if webhook.failures or webhook.last_outcome != outcome:
            await stored.change(webhook, WebhookState.ACTIVE, 0, outcome, None)

    async def _failed(self, webhook: Webhook, outcome: str) -> None:
        """One failure counts once, however many notifications were on their way at the time."""
        if outcome == GONE or webhook.failures + 1 >= MOST_FAILURES:
            async with self._database.transaction():
                is_given_up = await self._notifications.give_up(webhook, outcome)
            if is_given_up:
                return
            raise TryAgain(self._clock.now() + FIRST_WAIT)
        later = self._clock.now() + wait_after(webhook.failures + 1)
        await stored.change(webhook, WebhookState.ACTIVE, webhook.failures + 1, outcome, later)
        raise TryAgain(later)


def wait_after(failures: int) -> timedelta:
    """How long an address is left alone after so many failures in a row."""
    return min(FIRST_WAIT * (1 << min(failures - 1, 20)), LONGEST_WAIT)
