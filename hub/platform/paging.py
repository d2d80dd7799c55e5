"""Pages of a list, newest first (AIP-158): an opaque token says after which item the next page starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.errors import HuilianError
from tortoise.expressions import Q
from tortoise.fields import CharField
from tortoise.models import Model

from hub.platform.fields import in_utc

DEFAULT_PAGE_SIZE = 50

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list; `next_token` is empty on the last."""

    items: tuple[Item, ...]
    next_token: str


def page_of(rows: Sequence[Any], size: int, id_column: str, make: Callable[[Any], Item]) -> Page[Item]:
    """The page of these rows, of which one more than `size` was asked for to tell whether the list goes on."""
    last = rows[size - 1] if len(rows) > size else None
    token = b64u_encode(f"{last.created_at.isoformat()} {getattr(last, id_column)}".encode()) if last else ""
    return Page(tuple(make(row) for row in rows[:size]), token)


def after_token(token: str, model: type[Model], id_column: str) -> Q:
    """The condition on `model` of the page that a token names, everything for none: older by (`created_at`, id).

    Raises INVALID_ARGUMENT for a text that `page_of` did not make.
    """
    if not token:
        return Q()
    try:
        text, _, identity = b64u_decode(token).decode("ascii").partition(" ")
        moment = in_utc(datetime.fromisoformat(text))
        # PostgreSQL would refuse a NUL character and the column a longer text, with errors like a fault of ours.
        if not identity.isprintable() or len(identity) > _longest(model, id_column):
            raise ValueError("no id is like that")
    except (ValueError, OverflowError) as error:
        raise HuilianError("INVALID_ARGUMENT", "not a page token of this list", field="page_token") from error
    return Q(created_at__lt=moment) | (Q(created_at=moment) & Q(**{f"{id_column}__lt": identity}))


def _longest(model: type[Model], column: str) -> int:
    field = model._meta.fields_map[column]
    assert isinstance(field, CharField), "ids are texts"
    return field.max_length


def id_token(token: str, longest: int) -> str:
    """A token that is the id of a list's last item, and may be anything that somebody made up.

    Raises INVALID_ARGUMENT for what no id of this list can be: a column would refuse it, with an error like a fault of
    ours.
    """
    if len(token) > longest or not token.isprintable():
        raise HuilianError("INVALID_ARGUMENT", "not a page token of this list", field="page_token")
    return token
