"""The manifest of a connector: who the agency is, which datasets it gives, and on what terms.

A connector's folder holds `manifest.yaml` and one JSON Schema (2020-12) per dataset. Every property of a schema also
states `x-unit`, `x-class` (JR/T 0171 class C1 to C3), `x-mask`, `x-time` (`as_of` for a value of today, `period` for
one computed from the granted months only) and its title in Chinese (`title`) and English (`x-title-en`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from huilian_protocol.artefact import Recipient
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import Suite, key_id
from pydantic import BaseModel, ConfigDict, Field

from connectors.kit.pace import AgencyLimits

EvidenceLevel = Literal["CHANNEL_ATTESTED", "DEVICE_SIGNED"]
# From the weakest to the strongest evidence that the person wanted this.
EVIDENCE_ORDER: tuple[EvidenceLevel, ...] = ("CHANNEL_ATTESTED", "DEVICE_SIGNED")

# What the acceptance suite has shown of a connector; see `acceptance/suite.py`.
Tier = Literal["bronze", "silver", "gold"]

_STRICT = ConfigDict(extra="forbid", frozen=True)


class ValueSpec(BaseModel):
    """What a schema says about one of its properties."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title_zh: str = Field(alias="title", min_length=1)
    title_en: str = Field(alias="x-title-en", min_length=1)
    unit: Literal["fen", "count", "days", "months", "date", "month", "year", "flag", "code", "text", "list"] = Field(
        alias="x-unit"
    )
    data_class: Literal["C1", "C2", "C3"] = Field(alias="x-class")
    mask: Literal["none", "amount_band", "keep_ends", "hide"] = Field(alias="x-mask")


class FieldSpec(ValueSpec):
    """What a dataset says about one of its fields."""

    time: Literal["as_of", "period"] = Field(alias="x-time")


class DatasetSpec(BaseModel):
    """One dataset on offer and the terms on which the data owner lets it go."""

    model_config = _STRICT

    id: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+/v[0-9]+$")]
    title_zh: str = Field(min_length=1)
    title_en: str = Field(min_length=1)
    json_schema: dict[str, Any] = Field(alias="schema")
    least_evidence_level: EvidenceLevel
    purposes: frozenset[str] = Field(min_length=1)
    max_period_months: int = Field(ge=1, le=120)
    # Whom it can be about; an enterprise consents through a delegate.
    subjects: frozenset[Literal["person", "enterprise"]] = Field(default=frozenset({"person"}), min_length=1)

    @cached_property
    def fields(self) -> Mapping[str, FieldSpec]:
        """Every field with its unit, class and mask; pydantic's ValidationError names what a schema leaves out."""
        return {name: FieldSpec.model_validate(prop) for name, prop in self.json_schema["properties"].items()}


class ActionSpec(BaseModel):
    """One action on offer. `target` is the parameter that names what is acted on, and can be done to once only;
    `amount` the one that says how much money moves (fen). `needs_exact_consent`: the person signs the very parameters.
    """

    model_config = _STRICT

    id: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+/v[0-9]+$")]
    title_zh: str = Field(min_length=1)
    title_en: str = Field(min_length=1)
    parameters_schema: dict[str, Any] = Field(alias="parameters")
    result_schema: dict[str, Any] = Field(alias="result")
    target: str
    amount: str | None = None
    needs_exact_consent: bool
    least_evidence_level: EvidenceLevel
    purposes: frozenset[str] = Field(min_length=1)


class Manifest(BaseModel):
    """A connector's whole manifest with its schemas read in."""

    model_config = _STRICT

    agency_id: Annotated[str, Field(pattern=r"^[a-z_]{3,64}$")]
    title_zh: str = Field(min_length=1)
    title_en: str = Field(min_length=1)
    tier: Tier
    sandbox: bool
    protocol: str = Field(min_length=1)
    timeout_ms: int = Field(ge=100, le=30_000)
    max_answer_bytes: int = Field(ge=1_024, le=2_097_152)
    agency_limits: AgencyLimits = AgencyLimits()
    datasets: tuple[DatasetSpec, ...] = Field(min_length=1)
    actions: tuple[ActionSpec, ...] = ()
    # In which the data owner lets its answers be sealed, the best first. None named: any, the recipient's favourite.
    suites: tuple[Suite, ...] = ()

    def recipient_suites(self) -> tuple[Suite, ...]:
        """Those of `suites` whose library is installed here, the best first; empty if any will do."""
        usable = tuple(suite for suite in self.suites or Suite if suite.is_available())
        return usable if self.suites or len(usable) < len(Suite) else ()

    def key_for(self, recipient: Recipient, public_key: bytes) -> Suite:
        """The suite in which an answer is sealed to this key, if it is the one of the recipient's that this agency
        chooses. Raises HuilianError RECIPIENT_KEY_MISMATCH for any other, such as one that somebody would rather have.
        """
        chosen = recipient.key_for(self.recipient_suites())
        if key_id(public_key) != chosen.id:
            raise HuilianError("RECIPIENT_KEY_MISMATCH", f"this agency seals to the recipient's {chosen.suite.value}")
        return chosen.suite

    def action(self, action_id: str) -> ActionSpec | None:
        """The action with this id, or None."""
        return next((action for action in self.actions if action.id == action_id), None)

    def dataset(self, dataset_id: str) -> DatasetSpec | None:
        """The dataset with this id, or None."""
        return next((dataset for dataset in self.datasets if dataset.id == dataset_id), None)


def load_manifest(package: str) -> Manifest:
    """Read and check the manifest of a connector package, such as `connectors.gov_data.tax`.

    ValueError (pydantic's ValidationError is one) says what is wrong with it.
    """
    file = importlib.import_module(package).__file__
    if file is None:
        raise ValueError(f"{package} is not a package with a folder")
    return read_manifest(Path(file).parent)


def read_manifest(folder: Path) -> Manifest:
    """Read and check `manifest.yaml` and the schemas it names in this folder."""
    raw = yaml.safe_load((folder / "manifest.yaml").read_text("utf-8"))
    for dataset in raw.get("datasets", []):
        dataset["schema"] = parse_json((folder / dataset["schema"]).read_bytes())
    for action in raw.get("actions", []):
        for name in ("parameters", "result"):
            action[name] = parse_json((folder / action[name]).read_bytes())
    manifest = Manifest.model_validate(raw)
    for spec in manifest.datasets:
        _check_schema(spec.id, spec.json_schema, FieldSpec)
    for action in manifest.actions:
        _check_action(action)
    return manifest


def _check_action(spec: ActionSpec) -> None:
    _check_schema(f"{spec.id}/parameters", spec.parameters_schema, ValueSpec)
    _check_schema(f"{spec.id}/result", spec.result_schema, ValueSpec)
    parameters = spec.parameters_schema["properties"]
    if parameters.get(spec.target, {}).get("type") != "string":
        raise ValueError(f"{spec.id}: what is acted on is no text parameter")
    if spec.amount is not None and parameters.get(spec.amount, {}).get("type") != "integer":
        raise ValueError(f"{spec.id}: the amount is no integer parameter")


def _check_schema(schema_id: str, schema: Mapping[str, Any], value: type[ValueSpec]) -> None:
    if schema.get("$id") != schema_id:
        raise ValueError(f"{schema_id}: the schema's $id is another")
    if schema.get("additionalProperties") is not False:
        raise ValueError(f"{schema_id}: the schema lets undeclared fields through")
    for prop in schema["properties"].values():
        value.model_validate(prop)
    # A record that is present is complete; otherwise a missing field could mean anything.
    if set(schema.get("required", ())) != set(schema["properties"]):
        raise ValueError(f"{schema_id}: every field must be required")
