"""What an enterprise (or, at the desk, the bank) is told, and the addresses it is told at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r204  # type: ignore[import-untyped]
from huilian.notification.v1 import notification_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, ObjectId, PageSize, PageToken, Reason, reasons_of, time_text

URGENCIES = {value: name.removeprefix("NOTIFICATION_URGENCY_") for name, value in pb.NotificationUrgency.items()}
STATES = {value: name.removeprefix("WEBHOOK_STATE_") for name, value in pb.WebhookState.items()}


class Notification(BaseModel):
    """One thing that happened; `read_at` is empty while it is unread."""

    notification_id: str
    kind: Reason
    urgency: str
    object_kind: str
    object_id: str
    facts: Mapping[str, str]
    notified_at: str
    read_at: str
    record_id: str


class Notifications(BaseModel):
    """A page, newest first, and how many of all are unread."""

    notifications: list[Notification]
    unread_count: int
    next_page_token: str


class ReadForm(Form):
    """Which I have read."""

    notification_ids: Annotated[list[ObjectId], Field(min_length=1, max_length=200)]


class Marked(BaseModel):
    """How many of them were unread until now."""

    marked_count: int


class WebhookForm(Form):
    """An address to post to."""

    webhook_id: ObjectId
    url: Annotated[str, Field(min_length=12, max_length=500, pattern=r"^https://[\x21-\x7e]+$")]


class Webhook(BaseModel):
    """An address, and how deliveries to it go."""

    webhook_id: str
    url: str
    state: str
    failures: int
    last_outcome: str
    retry_at: str


class Webhooks(BaseModel):
    """All of the caller's."""

    webhooks: list[Webhook]


class NotificationsScreen(Screen):
    """GET /api/v1/notifications"""

    async def get(
        self, only_unread: bool = False, page_token: PageToken = "", page_size: PageSize = 50
    ) -> r200[Notifications]:
        """What I was told.

        Tags: supplier
        """
        hub = self.hub
        listed = hub.notifications.list(only_unread=only_unread)
        page = await listed.page(page_token=page_token, page_size=page_size)
        shown = [_notification(one) for one in page.items]
        unread = await hub.notifications.unread_count()
        return answer(Notifications(notifications=shown, unread_count=unread, next_page_token=page.next_page_token))


class NotificationsReadScreen(Screen):
    """POST /api/v1/notifications/read"""

    async def post(self, body: ReadForm) -> r200[Marked]:
        """Mark as read.

        Tags: supplier
        """
        call = self.call()
        return answer(
            Marked(marked_count=await self.hub.notifications.mark_read(body.notification_ids, call=call)), call
        )


class WebhooksScreen(Screen):
    """GET and POST /api/v1/webhooks"""

    async def get(self) -> r200[Webhooks]:
        """My addresses.

        Tags: supplier
        """
        return answer(Webhooks(webhooks=[_webhook(one) for one in await self.hub.notifications.webhooks()]))

    async def post(self, body: WebhookForm) -> r201[Webhook]:
        """Have everything posted to an address too.

        Tags: supplier
        """
        call = self.call()
        made = await self.hub.notifications.register_webhook(body.webhook_id, body.url, call=call)
        return answer(_webhook(made), call, status=201)


class EnableWebhookScreen(Screen):
    """POST /api/v1/webhooks/{webhook_id}/enable"""

    async def post(self, webhook_id: ObjectId, /) -> r200[Webhook]:
        """Have one tried again that was given up.

        Tags: supplier
        """
        call = self.call()
        return answer(_webhook(await self.hub.notifications.enable_webhook(webhook_id, call=call)), call)


class RemoveWebhookScreen(Screen):
    """POST /api/v1/webhooks/{webhook_id}/remove"""

    async def post(self, webhook_id: ObjectId, /) -> r204:
        """Nothing is posted there any more.

        Tags: supplier
        """
        await self.hub.notifications.remove_webhook(webhook_id, call=self.call())
        return web.Response(status=204)


def _notification(one: pb.Notification) -> Notification:
    return Notification(
        notification_id=one.notification_id,
        kind=reasons_of([one.kind])[0],
        urgency=URGENCIES[one.urgency],
        object_kind=one.object_kind,
        object_id=one.object_id,
        facts=dict(one.facts),
        notified_at=time_text(one.notify_time),
        read_at=time_text(one.read_time),
        record_id=one.record_id,
    )


def _webhook(one: pb.Webhook) -> Webhook:
    return Webhook(
        webhook_id=one.webhook_id,
        url=one.url,
        state=STATES[one.state],
        failures=one.failures,
        last_outcome=one.last_outcome,
        retry_at=time_text(one.retry_time),
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/notifications", NotificationsScreen),
        web.view("/api/v1/notifications/read", NotificationsReadScreen),
        web.view("/api/v1/webhooks", WebhooksScreen),
        web.view("/api/v1/webhooks/{webhook_id}/enable", EnableWebhookScreen),
        web.view("/api/v1/webhooks/{webhook_id}/remove", RemoveWebhookScreen),
    ]
