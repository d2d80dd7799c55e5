"""Settings of a process: one typed object from ``HUILIAN_*`` environment variables, the same way for every service.

An unknown, missing or malformed variable stops the start by its name. The client of the SDK takes arguments instead and
does not need pydantic; services have it from the extra ``services``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from huilian_protocol.sealing import Suite
from huilian_protocol.sm import SuiteUnavailable

__all__ = ["PREFIX", "Address", "SealingSuite", "Settings", "SettingsError"]

PREFIX = "HUILIAN_"
Address = Annotated[str, Field(pattern=r"^[^:\s]+:[0-9]{1,5}$", description="host:port")]


def _installed(suite: Suite) -> Suite:
    try:
        return suite.require()
    except SuiteUnavailable as error:
        raise ValueError(error.detail) from error


# A process that cannot seal must not start, rather than fail at its first read.
SealingSuite = Annotated[Suite, AfterValidator(_installed)]


class SettingsError(Exception):
    """The environment does not describe a process that can start; the message names each variable and what was
    expected.
    """


class Settings(BaseModel):
    """Base of every process's settings: the field ``state_dir`` is read from ``HUILIAN_STATE_DIR``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings, by default from this process's environment.

        Raises :class:`SettingsError` naming every unknown, missing or malformed variable, without its value: it may be
        a secret.
        """
        source = os.environ if environment is None else environment
        values = {name[len(PREFIX) :].lower(): value for name, value in source.items() if name.startswith(PREFIX)}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise SettingsError("; ".join(_problem(cls, item) for item in found)) from None


def _problem(settings: type[Settings], item: Mapping[str, Any]) -> str:
    if not item["loc"]:
        # A rule over several variables names them itself.
        return str(item["msg"]).removeprefix("Value error, ")
    field = str(item["loc"][0])
    name = f"{PREFIX}{field.upper()}"
    if item["type"] == "extra_forbidden":
        return f"{name}: unknown variable"
    if item["type"] == "value_error":
        return f"{name}: {str(item['msg']).removeprefix('Value error, ')}"
    expected = settings.model_fields[field].description or str(item["msg"])
    return f"{name}: {'missing; ' if item['type'] == 'missing' else ''}expected {expected}"
