"""Typed settings from `HUILIAN_*` environment variables; an unknown or malformed one stops the start by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PREFIX = "HUILIAN_"
Address = Annotated[str, Field(pattern=r"^[^:\s]+:[0-9]{1,5}$", description="host:port")]
S = TypeVar("S", bound="Settings")


class SettingsError(Exception):
    """The environment does not describe a process that can start; the message names each variable."""


class Settings(BaseModel):
    """Base of every process's settings: field `state_dir` is read from `HUILIAN_STATE_DIR`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def from_environment(cls: type[S], environment: Mapping[str, str] | None = None) -> S:
        """Read the settings; raises SettingsError that names every unknown, missing or malformed variable."""
        source = os.environ if environment is None else environment
        values = {name[len(PREFIX) :].lower(): value for name, value in source.items() if name.startswith(PREFIX)}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            # The values themselves may be secrets and are not quoted.
            problems = (f"{PREFIX}{str(p['loc'][0]).upper()}: {_expected(cls, p)}" for p in error.errors())
            raise SettingsError("; ".join(problems)) from None


def _expected(settings: type[Settings], problem: Mapping[str, object]) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown setting"
    location = problem["loc"]
    assert isinstance(location, tuple)
    description = settings.model_fields[str(location[0])].description
    return f"{problem['msg']}" + (f" ({description})" if description else "")


class TlsSettings(Settings):
    """A gRPC server over mTLS: its own certificate and key, and the CA whose clients may call (PEM files)."""

    listen: Address
    tls_certificate_file: Path
    tls_key_file: Path
    tls_ca_file: Path = Field(description="PEM file of the site's CA; every caller must have a certificate of it")
    allowed_clients: str = Field(min_length=1, description="common names of the clients that may call, with commas")
    clock_file: Path | None = Field(default=None, description="JSON file of the sandbox clock; absent means real time")

    def allowed_client_names(self) -> frozenset[str]:
        """The common names of the clients that may call."""
        return frozenset(name.strip() for name in self.allowed_clients.split(",") if name.strip())


class HostSettings(TlsSettings):
    """A connector's process."""

    state_dir: Path = Field(description="folder for keys and memory, on a disk that survives restarts")
    trust_anchors_file: Path
    hub_origin: str = Field(min_length=1, description="origin of the hub served, as in the trust anchors")
    hub_address: Address = Field(description="host:port of the hub's mTLS port, for the revocations")
    hub_server_name: str | None = Field(default=None, description="name in the hub's certificate, if not its host")
    revocations_max_age_seconds: int = Field(default=30, ge=2, le=86_400)
    upstream_url: str = Field(pattern=r"^https?://", description="the agency's base URL")
    upstream_credentials_file: Path


class SandboxSettings(Settings):
    """An agency sandbox's process."""

    listen: Address
    upstream_credentials_file: Path = Field(description="the same file as the connector's; made when there is none")
    clock_file: Path | None = None
