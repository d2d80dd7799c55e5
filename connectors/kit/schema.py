"""Checks a mapped record against its dataset's schema and keeps only the granted fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import jsonschema_rs

from connectors.kit.contract import FieldBroken, JsonValue, Presence, Record, UpstreamMalformed
from connectors.kit.manifest import Manifest


class PayloadSchemas:
    """Compiled validators of every dataset of a manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self._validators = {
            dataset.id: jsonschema_rs.Draft202012Validator(dataset.json_schema, validate_formats=True)
            for dataset in manifest.datasets
        }

    def check(self, dataset_id: str, record: Record) -> None:
        """Raise UpstreamMalformed when the record breaks its schema; the message never quotes a value."""
        if record.presence is Presence.NO_ACCOUNT:
            if record.data:
                raise UpstreamMalformed("an absent record carries data")
            return
        error = next(self._validators[dataset_id].iter_errors(dict(record.data)), None)
        if error is not None:
            where = ".".join(str(step) for step in error.instance_path) or "the record"
            raise FieldBroken(f"{where} breaks {dataset_id}", str(next(iter(error.instance_path), "")))


def minimise(record: Record, fields: Iterable[str]) -> Mapping[str, JsonValue]:
    """Only the named fields of a record that passed its schema check; nothing at all of an absent one."""
    if record.presence is Presence.NO_ACCOUNT:
        return {}
    return {name: record.data[name] for name in sorted(fields)}
