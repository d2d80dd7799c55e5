"""Typed settings from `HUILIAN_*` environment variables; an unknown or malformed one stops the start by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PREFIX = "HUILIAN_"
Address = Annotated[str, Field(pattern=r"^[^:\s]+:[0-9]{1,5}$", description="host:port")]


class SettingsError(Exception):
    """The environment does not describe a process that can start; the message names each variable."""


class ApiSettings(BaseModel):
    """The REST face: where it listens, its certificate (PEM files), and the hub it speaks to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Address
    tls_certificate_file: Path
    tls_key_file: Path
    hub_address: Address = Field(description="host:port of the hub's TLS port")
    hub_ca_file: Path = Field(description="PEM file of the CA that signed the hub's certificate")
    hub_server_name: str | None = Field(default=None, description="name in the hub's certificate, if not its host")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> ApiSettings:
        """Read the settings; raises SettingsError that names every unknown, missing or malformed variable."""
        source = os.environ if environment is None else environment
        values = {name[len(PREFIX) :].lower(): value for name, value in source.items() if name.startswith(PREFIX)}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            problems = (f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}" for item in found)
            raise SettingsError("; ".join(problems)) from None
