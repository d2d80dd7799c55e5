"""The manifest says what the code does."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from connectors.core_enterprise import tryton
from connectors.core_enterprise.tryton.manifest import manifest
from connectors.core_enterprise.tryton.queries import MODELS, Kind

FOLDER = Path(tryton.__file__).parent


def test_every_kind_has_its_schema_and_every_schema_its_kind() -> None:
    documents = manifest().documents
    assert [Kind[document.kind] for document in documents] == list(Kind)
    assert {document.schema_file for document in documents} | {manifest().sales_schema} == {
        f"schemas/{path.name}" for path in (FOLDER / "schemas").iterdir()
    }


@pytest.mark.parametrize("document", manifest().documents, ids=lambda document: document.id)
def test_schema_is_valid_closed_and_named(document: object) -> None:
    schema = json.loads((FOLDER / document.schema_file).read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == document.id
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(schema["properties"])


def test_manifest_lists_every_model_that_is_read() -> None:
    assert set(MODELS.values()) <= set(manifest().reads)
