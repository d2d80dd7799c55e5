"""A person's inbox of reads of their data: ``hub.notices``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.exchange.v1 import notice_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.exchange.v1.NoticeService"


@dataclass(frozen=True, slots=True)
class Notices:
    """Notices of delivered reads, each by itself or one a day."""

    calls: Calls

    def list(self) -> Pages[pb.Notice]:
        """The caller's notices, newest first."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Notice], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListNoticesRequest(page=page), pb.ListNoticesResponse)
            return [*answer.notices], answer.page

        return Pages(fetch)

    async def mark_read(self, notice_ids: Iterable[str], *, call: Call | None = None) -> int:
        """Mark notices as read; how many were unread until now."""
        request = pb.MarkNoticesReadRequest(notice_ids=[*notice_ids])
        return (await self.calls.unary(_SERVICE, request, pb.MarkNoticesReadResponse, call)).marked_count

    async def wants_digest(self, *, call: Call | None = None) -> bool:
        """Whether the caller gets one notice a day."""
        request = pb.GetNoticePreferenceRequest()
        return (await self.calls.unary(_SERVICE, request, pb.GetNoticePreferenceResponse, call)).daily_digest

    async def set_digest(self, daily_digest: bool, *, call: Call | None = None) -> bool:
        """Switch between a notice for each read and one a day."""
        request = pb.SetNoticePreferenceRequest(daily_digest=daily_digest)
        return (await self.calls.unary(_SERVICE, request, pb.SetNoticePreferenceResponse, call)).daily_digest
