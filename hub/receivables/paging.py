"""Opaque page tokens over (created_at, id), newest first (AIP-158)."""

from __future__ import annotations

import datetime as dt
import json

from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.errors import HuilianError
from tortoise.expressions import Q

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


def page_size_of(requested: int) -> int:
    """The size to use; 0 asks for the default."""
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def next_token(created_at: dt.datetime, row_id: str) -> str:
    """Where the page after this row begins."""
    return b64u_encode(json.dumps([created_at.isoformat(), row_id]).encode())


def after_token(token: str, id_column: str) -> Q:
    """The condition of the page that a token names; everything for an empty token. Raises INVALID_ARGUMENT."""
    if not token:
        return Q()
    try:
        moment, row_id = json.loads(b64u_decode(token))
        created_at = dt.datetime.fromisoformat(moment).astimezone(dt.UTC)
    except (ValueError, TypeError) as error:
        raise HuilianError("INVALID_ARGUMENT", "not a page token of this list", field="page_token") from error
    return Q(created_at__lt=created_at) | (Q(created_at=created_at) & Q(**{f"{id_column}__lt": str(row_id)}))
