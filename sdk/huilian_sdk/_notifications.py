"""What enterprises and operators are told: ``hub.notifications``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.notification.v1 import notification_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.notification.v1.NotificationService"


@dataclass(frozen=True, slots=True)
class Notifications:
    """Overdue receivables, calls, freezes, decisions and the like, in a list and posted to one's own address."""

    calls: Calls

    def list(self, *, only_unread: bool = False) -> Pages[pb.Notification]:
        """The caller's notifications, newest first; operators share the bank's."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Notification], common_pb2.PageResponse]:
            request = pb.ListNotificationsRequest(page=page, only_unread=only_unread)
            answer = await self.calls.unary(_SERVICE, request, pb.ListNotificationsResponse)
            return [*answer.notifications], answer.page

        return Pages(fetch)

    async def unread_count(self, *, call: Call | None = None) -> int:
        """How many of all are unread."""
        request = pb.ListNotificationsRequest(page=common_pb2.PageRequest(page_size=1))
        return (await self.calls.unary(_SERVICE, request, pb.ListNotificationsResponse, call)).unread_count

    async def get(self, notification_id: str, *, call: Call | None = None) -> pb.Notification:
        """One notification: what a webhook named."""
        request = pb.GetNotificationRequest(notification_id=notification_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetNotificationResponse, call)).notification

    async def mark_read(self, notification_ids: Iterable[str], *, call: Call | None = None) -> int:
        """Mark as read; how many were unread until now."""
        request = pb.MarkNotificationsReadRequest(notification_ids=[*notification_ids])
        return (await self.calls.unary(_SERVICE, request, pb.MarkNotificationsReadResponse, call)).marked_count

    async def register_webhook(self, webhook_id: str, url: str, *, call: Call | None = None) -> pb.Webhook:
        """From now on the hub posts every notification to ``url`` too, at least once, signed by its published key:
        check what arrives with :func:`huilian_protocol.webhook.verify_webhook`. The first that comes is
        WEBHOOK_REGISTERED.

        Raises :class:`HuilianError` INVALID_ARGUMENT for an address that is not of the open internet.
        """
        request = pb.RegisterWebhookRequest(webhook_id=webhook_id, url=url)
        return (await self.calls.unary(_SERVICE, request, pb.RegisterWebhookResponse, call)).webhook

    async def webhooks(self, *, call: Call | None = None) -> Sequence[pb.Webhook]:
        """The caller's addresses, and how deliveries to them go."""
        return (await self.calls.unary(_SERVICE, pb.ListWebhooksRequest(), pb.ListWebhooksResponse, call)).webhooks

    async def enable_webhook(self, webhook_id: str, *, call: Call | None = None) -> pb.Webhook:
        """Have one tried again that was given up."""
        request = pb.EnableWebhookRequest(webhook_id=webhook_id)
        return (await self.calls.unary(_SERVICE, request, pb.EnableWebhookResponse, call)).webhook

    async def remove_webhook(self, webhook_id: str, *, call: Call | None = None) -> None:
        """Nothing is posted there any more."""
        request = pb.RemoveWebhookRequest(webhook_id=webhook_id)
        await self.calls.unary(_SERVICE, request, pb.RemoveWebhookResponse, call)
