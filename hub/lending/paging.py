"""Pages of a list, newest first; the token is opaque and says after which item the next page starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.errors import HuilianError

DEFAULT_PAGE_SIZE = 50
Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page; `next_token` is empty on the last."""

    items: tuple[Item, ...]
    next_token: str


def token_after(created_at: datetime, identity: str) -> str:
    """The token of the page that starts after this item."""
    return b64u_encode(f"{created_at.isoformat()} {identity}".encode())


def read_token(token: str) -> tuple[datetime, str] | None:
    """Where a page starts; None for the first. Raises INVALID_ARGUMENT for a token that is not ours."""
    if not token:
        return None
    try:
        time, _, identity = b64u_decode(token).decode().partition(" ")
        return datetime.fromisoformat(time).astimezone(UTC), identity
    except (ValueError, OverflowError) as error:
        raise HuilianError("INVALID_ARGUMENT", "not a page token", field="page_token") from error
