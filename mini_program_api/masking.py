"""How a screen shows the most sensitive values (class C3 of JR/T 0171): never in full, whatever was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huilian.connector.v1 import connector_service_pb2 as connector_pb

HIDDEN = "****"
_END = 4


def masked(data: Mapping[str, Any], dataset: connector_pb.Dataset) -> dict[str, Any]:
    """The data with every C3 field masked as the dataset says; a field that the dataset does not know is hidden."""
    fields = {field.name: field for field in dataset.fields}
    return {name: _shown(value, fields.get(name)) for name, value in data.items()}


def _shown(value: Any, field: connector_pb.Field | None) -> Any:
    if field is None:
        return HIDDEN
    if field.data_class != "C3":
        return value
    if field.mask == "keep_ends" and isinstance(value, str) and len(value) > 2 * _END:
        return value[:_END] + HIDDEN + value[-_END:]
    return HIDDEN if field.mask != "none" else value
