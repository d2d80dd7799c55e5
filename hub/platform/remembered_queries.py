"""SELECTs of models, their text made once per shape: building it costs Tortoise more than SQLite needs to answer it.

A shape is the model, its filters and what kind of value each has, the order, limits and locks. Only plain shapes are
remembered, and only when Tortoise itself puts exactly our values, in our order, into the text that it made; every
other query is Tortoise's own affair.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from tortoise.apps import Apps
from tortoise.manager import Manager
from tortoise.models import Model
from tortoise.queryset import QuerySet

PLAIN = (str, int, bytes, date, Decimal, UUID)
LISTS = (list, tuple, set, frozenset)
COMPARED = {"", "in", "not", "lt", "lte", "gt", "gte"}
MOST_TEXTS, MOST_LISTED = 4096, 64
"""Lists have many lengths, and each is a shape."""

Part = tuple[object, list[Any]]
_texts: dict[tuple[object, ...], str] = {}
"""Empty for a shape that Tortoise writes in a way of its own."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a query asks: also stands in for the query that Tortoise would build."""

    shape: tuple[object, ...]
    values: list[Any]

    def get_parameterized_sql(self) -> tuple[str, list[Any]]:
        return _texts[self.shape], self.values


class _RememberedQuerySet(QuerySet[Any]):
    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Any]:
        if self._db is None:
            self._db = self._choose_db(self._select_for_update)
        asked = _asked(self)
        if asked is not None and _texts.get(asked.shape):
            self.query, self._select_related_idx = cast(Any, asked), []
        else:
            self._make_query()
            if asked is not None and asked.shape not in _texts and len(_texts) < MOST_TEXTS:
                text, values = self.query.get_parameterized_sql()
                _texts[asked.shape] = text if values == asked.values else ""
        return self._execute().__await__()


class _RememberingManager(Manager):
    def get_queryset(self) -> QuerySet[Any]:
        return _RememberedQuerySet(self._model)


def remember_queries(apps: Apps | None) -> None:
    """From now on these models' queries are remembered."""
    for model in [model for models in (apps or {}).values() for model in models.values()]:
        if type(model._meta.manager) is Manager:
            model._meta.manager = _RememberingManager(model)


def _asked(query: QuerySet[Any]) -> _Asked | None:
    if _is_special(query):
        return None
    parts: list[Part] = [_number(query._limit), _number(query._offset)]
    for node in reversed(query._q_objects):
        if node.children or node._is_negated or len(node.filters) != 1:
            return None
        [(name, value)] = node.filters.items()
        part = _part(query.model, name, value)
        if part is None:
            return None
        parts.insert(0, part)
    shapes, values = [shape for shape, _ in parts], [value for _, given in parts for value in given]
    return _Asked((query.model, query._db.capabilities.dialect, _locks(query), *query._orderings, *shapes), values)


def _is_special(query: QuerySet[Any]) -> bool:
    selected = query._annotations or query._fields_for_select or query._select_related or query._distinct
    return bool(selected or query._custom_filters or query._group_bys or query._force_indexes or query._use_indexes)


def _locks(query: QuerySet[Any]) -> object:
    if not query._select_for_update:
        return None
    how = (query._select_for_update_nowait, query._select_for_update_skip_locked, query._select_for_update_no_key)
    return (*how, *sorted(query._select_for_update_of))


def _number(number: int | None) -> Part:
    return (number is None, [] if number is None else [number])


def _part(model: type[Model], name: str, value: Any) -> Part | None:
    """The shape of one filter and its values as the database gets them. None: not a plain one."""
    meta = model._meta
    info = meta.filters.get(name)
    if info is None or "table" in info or info["field"] not in meta.fields_db_projection:
        return None
    if name.partition("__")[2] not in COMPARED:
        return None
    if value is None:
        return ((name, None), []) if f"{name}__isnull" in meta.filters else None
    listed = isinstance(value, LISTS)
    if len(value) > MOST_LISTED if listed else not isinstance(value, PLAIN):
        return None
    if listed and not all(isinstance(one, PLAIN) for one in value):
        return None
    field: Any = meta.fields_map[info["field"]]
    given = info["value_encoder"](value, model, field) if "value_encoder" in info else field.to_db_value(value, model)
    if listed:
        return ((name, len(given)), list(given))
    return ((name, type(given)), [given])
