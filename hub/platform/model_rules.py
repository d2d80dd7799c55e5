"""House rules for columns, checked whenever a database is opened, so that a model cannot break them quietly."""

from __future__ import annotations

from collections.abc import Iterator

from tortoise import fields
from tortoise.apps import Apps
from tortoise.models import Model

from hub.platform.fields import UtcDatetimeField


class ModelRuleBroken(RuntimeError):
    """A model declares a column that would lose money, time or isolation; the message names it."""


def check_models(apps: Apps | None) -> None:
    """Raise ModelRuleBroken for the first model column that breaks a rule."""
    for app, models in (apps or {}).items():
        for model in models.values():
            for problem in _problems(app, model):
                raise ModelRuleBroken(f"{app}.{model.__name__}: {problem}")


def _problems(app: str, model: type[Model]) -> Iterator[str]:
    for name, column in model._meta.fields_map.items():
        if isinstance(column, fields.DatetimeField) and not isinstance(column, UtcDatetimeField):
            yield f"{name}: use UtcDatetimeField (SQLite compares times as text)"
        if isinstance(column, fields.FloatField):
            yield f"{name}: floats are inexact; money is integer fen, a rate is DecimalField"
        if name.endswith("_fen") and not isinstance(column, fields.BigIntField):
            yield f"{name}: money is a BigIntField of fen"
        if isinstance(column, fields.relational.RelationalField) and _other_app(app, column):
            yield f"{name}: no foreign keys across domains"


def _other_app(app: str, column: fields.relational.RelationalField[Model]) -> bool:
    return column.related_model._meta.app != app
