"""huilian.notification.v1 on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.notification.v1 import notification_service_pb2 as pb
from huilian.notification.v1 import notification_service_pb2_grpc as pb_grpc

from hub.notification.kinds import BANK, BY_CODE
from hub.notification.service import Notifications
from hub.notification.stored import Notification, Webhook
from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE


class NotificationServicer(pb_grpc.NotificationServiceServicer):
    """Serves enterprises, and the bank's operators as one party."""

    def __init__(self, notifications: Notifications, idempotency: Idempotency) -> None:
        self._notifications, self._idempotency = notifications, idempotency

    async def ListNotifications(
        self, request: pb.ListNotificationsRequest, context: Any
    ) -> pb.ListNotificationsResponse:
        """The caller's list."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page, unread = await self._notifications.page(
            _party(), only_unread=request.only_unread, size=size, token=request.page.page_token
        )
        return pb.ListNotificationsResponse(
            notifications=[_notification(one) for one in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
            unread_count=unread,
        )

    async def GetNotification(self, request: pb.GetNotificationRequest, context: Any) -> pb.GetNotificationResponse:
        """One of the caller's."""
        found = await self._notifications.get(_party(), request.notification_id)
        return pb.GetNotificationResponse(notification=_notification(found))

    async def MarkNotificationsRead(
        self, request: pb.MarkNotificationsReadRequest, context: Any
    ) -> pb.MarkNotificationsReadResponse:
        """Mark as read."""

        async def use_case() -> pb.MarkNotificationsReadResponse:
            marked = await self._notifications.mark_read(_party(), request.notification_ids)
            return pb.MarkNotificationsReadResponse(marked_count=marked)

        return await self._idempotency.run("MarkNotificationsRead", request, pb.MarkNotificationsReadResponse, use_case)

    async def RegisterWebhook(self, request: pb.RegisterWebhookRequest, context: Any) -> pb.RegisterWebhookResponse:
        """A new address."""

        async def use_case() -> pb.RegisterWebhookResponse:
            made = await self._notifications.register(_party(), request.webhook_id, request.url)
            return pb.RegisterWebhookResponse(webhook=_webhook(made))

        return await self._idempotency.run("RegisterWebhook", request, pb.RegisterWebhookResponse, use_case)

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Any) -> pb.ListWebhooksResponse:
        """The caller's addresses."""
        return pb.ListWebhooksResponse(webhooks=[_webhook(one) for one in await self._notifications.webhooks(_party())])

    async def EnableWebhook(self, request: pb.EnableWebhookRequest, context: Any) -> pb.EnableWebhookResponse:
        """Try again."""

        async def use_case() -> pb.EnableWebhookResponse:
            changed = await self._notifications.enable(_party(), request.webhook_id)
            return pb.EnableWebhookResponse(webhook=_webhook(changed))

        return await self._idempotency.run("EnableWebhook", request, pb.EnableWebhookResponse, use_case)

    async def RemoveWebhook(self, request: pb.RemoveWebhookRequest, context: Any) -> pb.RemoveWebhookResponse:
        """No more of it."""

        async def use_case() -> pb.RemoveWebhookResponse:
            await self._notifications.remove(_party(), request.webhook_id)
            return pb.RemoveWebhookResponse()

        return await self._idempotency.run("RemoveWebhook", request, pb.RemoveWebhookResponse, use_case)


def _party() -> str:
    caller = current_caller()
    return BANK if caller.role is Role.OPERATOR else caller.id


def _notification(told: Notification) -> pb.Notification:
    kind = BY_CODE[told.kind]
    message = pb.Notification(
        notification_id=told.notification_id,
        kind=common_pb2.Reason(code=kind.code, text_zh=kind.text_zh, text_en=kind.text_en),
        urgency=pb.NotificationUrgency.Value(f"NOTIFICATION_URGENCY_{kind.urgency}"),
        object_kind=kind.object_kind,
        object_id=told.object_id,
        facts=told.facts,
        record_id=told.record_id,
    )
    message.notify_time.FromDatetime(told.created_at)
    if told.read_at is not None:
        message.read_time.FromDatetime(told.read_at)
    return message


def _webhook(webhook: Webhook) -> pb.Webhook:
    message = pb.Webhook(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        state=pb.WebhookState.Value(f"WEBHOOK_STATE_{webhook.state}"),
        failures=webhook.failures,
        last_outcome=webhook.last_outcome,
    )
    message.create_time.FromDatetime(webhook.created_at)
    if webhook.retry_at is not None:
        message.retry_time.FromDatetime(webhook.retry_at)
    return message
