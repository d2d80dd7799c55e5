"""Statements on freezing orders."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum

from huilian_protocol.errors import HuilianError
from tortoise.exceptions import IntegrityError

from hub.platform.database import Database
from hub.receivables.freezes.store import FreezeRow


class FrozenKind(StrEnum):
    """What a court froze."""

    RECEIVABLE = "RECEIVABLE"
    CERTIFICATE = "CERTIFICATE"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A court's order over one object. It is live until it is lifted by another order."""

    freeze_id: str
    kind: FrozenKind
    object_id: str
    order_number: str
    authority: str
    frozen_at: dt.datetime
    lifted_at: dt.datetime | None = None
    lifting_order_number: str | None = None


async def add(database: Database, freeze: Freeze) -> None:
    """Write a new order. Raises ALREADY_EXISTS when its id is taken, or the object is frozen under this order."""
    columns = {name: getattr(freeze, name) for name in Freeze.__dataclass_fields__}
    try:
        async with database.savepoint():
            await FreezeRow.create(**{**columns, "kind": freeze.kind.value})
    except IntegrityError as error:
        raise HuilianError("ALREADY_EXISTS", resource="freeze") from error


async def find(freeze_id: str) -> Freeze | None:
    """One order, or None."""
    row = await FreezeRow.get_or_none(freeze_id=freeze_id)
    return None if row is None else _freeze(row)


async def of(kind: FrozenKind, object_id: str) -> list[Freeze]:
    """All orders over an object, the oldest first."""
    rows = FreezeRow.filter(kind=kind.value, object_id=object_id)
    return [_freeze(row) for row in await rows.order_by("frozen_at", "freeze_id")]


async def is_frozen(kind: FrozenKind, object_id: str) -> bool:
    """Whether an order over the object is live."""
    return await FreezeRow.exists(kind=kind.value, object_id=object_id, lifted_at__isnull=True)


async def lift(freeze: Freeze, order_number: str, now: dt.datetime) -> Freeze:
    """End an order. Raises STATE_CONFLICT when it is lifted already."""
    changed = await FreezeRow.filter(freeze_id=freeze.freeze_id, lifted_at__isnull=True).update(
        lifted_at=now, lifting_order_number=order_number
    )
    if changed != 1:
        raise HuilianError("STATE_CONFLICT", "lifted already", state="LIFTED")
    return replace(freeze, lifted_at=now, lifting_order_number=order_number)


def _freeze(row: FreezeRow) -> Freeze:
    columns = {name: getattr(row, name) for name in Freeze.__dataclass_fields__}
    return Freeze(**{**columns, "kind": FrozenKind(row.kind)})
