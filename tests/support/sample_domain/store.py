"""Models after the second step."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Parent(Model):
    """A row others hang on; semicolons in here must not split the script."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=40, null=True)
    rank = fields.IntField(db_default=7)

    class Meta:
        table = "sample_parent"


class Child(Model):
    """Goes away when its parent does."""

    id = fields.IntField(primary_key=True)
    parent: fields.ForeignKeyRelation[Parent] = fields.ForeignKeyField(
        "sample_domain.Parent", related_name="children", on_delete=fields.CASCADE
    )

    class Meta:
        table = "sample_child"
