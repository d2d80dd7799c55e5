"""Reads the connector's manifest and compiles the schemas of the trade documents that it names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import yaml
from huilian_protocol.canonical import parse_json
from pydantic import BaseModel, ConfigDict, Field
from stdnum.cn import uscc

from connectors.core_enterprise.tryton.queries import Kind
from connectors.kit.contract import UpstreamMalformed

_FOLDER = Path(__file__).parent
_STRICT = ConfigDict(extra="forbid", frozen=True)


class DocumentSpec(BaseModel):
    """One kind of trade document on offer."""

    model_config = _STRICT

    id: str = Field(pattern=r"^[a-z_]+/v[0-9]+$")
    kind: Literal["ORDER", "RECEIPT", "INVOICE", "RETURN", "CREDIT_NOTE"]
    ubl: str
    title_zh: str
    title_en: str
    schema_file: str = Field(alias="schema")


class ErpManifest(BaseModel):
    """What this connector is, what it reads, and its bounds."""

    model_config = _STRICT

    connector_id: str
    title_zh: str
    title_en: str
    erp: str
    erp_versions: tuple[str, ...]
    protocol: str
    timeout_ms: int = Field(ge=100, le=60_000)
    max_page_size: int = Field(ge=1, le=500)
    default_page_size: int = Field(ge=1, le=500)
    reads: tuple[str, ...]
    documents: tuple[DocumentSpec, ...]
    sales_schema: str


@cache
def manifest() -> ErpManifest:
    """The manifest in this folder; pydantic's ValidationError says what is wrong with it."""
    return ErpManifest.model_validate(yaml.safe_load((_FOLDER / "manifest.yaml").read_text("utf-8")))


class DocumentSchemas:
    """Compiled schemas of every kind of document."""

    def __init__(self, spec: ErpManifest) -> None:
        self._validators = {Kind[document.kind]: compile_schema(document.schema_file) for document in spec.documents}

    def check(self, kind: Kind, document: Mapping[str, Any]) -> None:
        """Raises `UpstreamMalformed` when the document breaks its schema; the message never quotes a value."""
        check_schema(self._validators[kind], document)


def check_schema(validator: Any, document: Mapping[str, Any]) -> None:
    """Raises `UpstreamMalformed` when the document breaks the schema; the message never quotes a value."""
    error = next(validator.iter_errors(dict(document)), None)
    if error is not None:
        where = ".".join(str(step) for step in error.instance_path) or "the document"
        raise UpstreamMalformed(f"{where} breaks the schema")


def compile_schema(schema_file: str) -> Any:
    """A schema of this folder, ready for `check_schema`."""
    schema = parse_json((_FOLDER / schema_file).read_bytes())
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, formats={"uscc": _is_uscc})


def _is_uscc(value: str) -> bool:
    return bool(uscc.is_valid(value)) and value == uscc.compact(value)
