"""My inbox: who may open what was read of my data and what for, one notice for each or one a day; and decisions."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200  # type: ignore[import-untyped]
from huilian.exchange.v1 import notice_service_pb2 as pb
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, PageSize, PageToken, RecordId, time_text


class NoticeItem(BaseModel):
    """One dataset, who may open it, what for and how often; or, of another `kind` than READ, a text about an object."""

    dataset_id: str
    title_zh: str
    title_en: str
    recipient_id: str
    purpose_code: str
    count: int
    kind: str
    object_id: str


class Notice(BaseModel):
    """One notice; `read_at` is empty while unread, `digest_day` for a single read."""

    notice_id: str
    noticed_at: str
    read_at: str
    digest_day: str
    items: list[NoticeItem]


class Inbox(BaseModel):
    """A page of notices, newest first."""

    notices: list[Notice]
    next_page_token: str


class ReadForm(Form):
    """Which notices I have read."""

    notice_ids: Annotated[list[RecordId], Field(min_length=1, max_length=200)]


class Marked(BaseModel):
    """How many of them were unread until now."""

    marked_count: int


class Preference(Form):
    """One notice a day instead of one for each read."""

    daily_digest: bool


class NoticesScreen(Screen):
    """GET /api/v1/notices"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Inbox]:
        """What I was told of reads of my data, and of decisions about me.

        Tags: citizen
        """
        page = await self.hub.notices.list().page(page_token=page_token, page_size=page_size)
        inbox = Inbox(notices=[_notice(item) for item in page.items], next_page_token=page.next_page_token)
        return answer(inbox)


class NoticesReadScreen(Screen):
    """POST /api/v1/notices/read"""

    async def post(self, body: ReadForm) -> r200[Marked]:
        """Mark notices as read.

        Tags: citizen
        """
        call = self.call()
        return answer(Marked(marked_count=await self.hub.notices.mark_read(body.notice_ids, call=call)), call)


class NoticePreferenceScreen(Screen):
    """GET and POST /api/v1/notices/preference"""

    async def get(self) -> r200[Preference]:
        """Whether I get one notice a day.

        Tags: citizen
        """
        return answer(Preference(daily_digest=await self.hub.notices.wants_digest()))

    async def post(self, body: Preference) -> r200[Preference]:
        """Switch between a notice for each read and one a day.

        Tags: citizen
        """
        call = self.call()
        return answer(Preference(daily_digest=await self.hub.notices.set_digest(body.daily_digest, call=call)), call)


def _notice(notice: pb.Notice) -> Notice:
    items = [
        NoticeItem(
            dataset_id=item.dataset_id,
            title_zh=item.title_zh,
            title_en=item.title_en,
            recipient_id=item.recipient_id,
            purpose_code=item.purpose_code,
            count=item.count,
            kind=item.kind,
            object_id=item.object_id,
        )
        for item in notice.items
    ]
    return Notice(
        notice_id=notice.notice_id,
        noticed_at=time_text(notice.notice_time),
        read_at=time_text(notice.read_time),
        digest_day=notice.digest_day,
        items=items,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/notices", NoticesScreen),
        web.view("/api/v1/notices/read", NoticesReadScreen),
        web.view("/api/v1/notices/preference", NoticePreferenceScreen),
    ]
