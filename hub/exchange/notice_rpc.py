"""huilian.exchange.v1.NoticeService on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.exchange.v1 import notice_service_pb2 as pb
from huilian.exchange.v1 import notice_service_pb2_grpc

from hub.exchange.notices import Notice, Notices
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE

READ = "READ"


class NoticeServicer(notice_service_pb2_grpc.NoticeServiceServicer):
    """Serves inboxes to the persons they belong to."""

    def __init__(self, notices: Notices, idempotency: Idempotency) -> None:
        self._notices, self._idempotency = notices, idempotency

    async def ListNotices(self, request: pb.ListNoticesRequest, context: Any) -> pb.ListNoticesResponse:
        """The caller's inbox."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._notices.page(current_caller().id, request.page.page_token, size)
        return pb.ListNoticesResponse(
            notices=[_message(notice) for notice in page.notices],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def MarkNoticesRead(self, request: pb.MarkNoticesReadRequest, context: Any) -> pb.MarkNoticesReadResponse:
        """Mark as read."""

        async def use_case() -> pb.MarkNoticesReadResponse:
            marked = await self._notices.mark_read(current_caller().id, request.notice_ids)
            return pb.MarkNoticesReadResponse(marked_count=marked)

        return await self._idempotency.run("MarkNoticesRead", request, pb.MarkNoticesReadResponse, use_case)

    async def GetNoticePreference(
        self, request: pb.GetNoticePreferenceRequest, context: Any
    ) -> pb.GetNoticePreferenceResponse:
        """Each read or once a day."""
        return pb.GetNoticePreferenceResponse(daily_digest=await self._notices.wants_digest(current_caller().id))

    async def SetNoticePreference(
        self, request: pb.SetNoticePreferenceRequest, context: Any
    ) -> pb.SetNoticePreferenceResponse:
        """Switch."""

        async def use_case() -> pb.SetNoticePreferenceResponse:
            await self._notices.set_digest(current_caller().id, request.daily_digest)
            return pb.SetNoticePreferenceResponse(daily_digest=request.daily_digest)

        return await self._idempotency.run("SetNoticePreference", request, pb.SetNoticePreferenceResponse, use_case)


def _message(notice: Notice) -> pb.Notice:
    message = pb.Notice(
        notice_id=notice.id,
        digest_day=notice.digest_day,
        items=[
            pb.NoticeItem(
                dataset_id=item["dataset"],
                title_zh=item["title_zh"],
                title_en=item["title_en"],
                recipient_id=item["recipient"],
                purpose_code=item["purpose"],
                count=item["count"],
                kind=item.get("kind", READ),
                object_id=item.get("object_id", ""),
            )
            for item in notice.items
        ],
    )
    message.notice_time.FromDatetime(notice.at)
    if notice.read_at is not None:
        message.read_time.FromDatetime(notice.read_at)
    return message
