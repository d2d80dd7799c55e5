"""The public log of supervisors' questions."""

from __future__ import annotations

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField
from hub.platform.paging import Page, after_token, page_of


class QueryRow(Model):
    """One question; never whom it was about, if it was about somebody."""

    record_id = fields.CharField(max_length=160, primary_key=True)
    supervisor = fields.CharField(max_length=64)
    question = fields.CharField(max_length=64)
    parameters = fields.TextField()
    created_at = UtcDatetimeField()

    class Meta:
        table = "supervision_query"
        indexes = (("created_at", "record_id"),)


async def add_query(record_id: str, supervisor: str, question: str, parameters: str, at: datetime) -> None:
    """Keep one question."""
    await QueryRow.create(
        record_id=record_id, supervisor=supervisor, question=question, parameters=parameters, created_at=at
    )


async def queries(token: str, size: int) -> Page[QueryRow]:
    """Questions, newest first; raises INVALID_ARGUMENT for a text that is no token."""
    rows = (
        QueryRow.filter(after_token(token, QueryRow, "record_id")).order_by("-created_at", "-record_id").limit(size + 1)
    )
    return page_of(await rows, size, "record_id", lambda row: row)
