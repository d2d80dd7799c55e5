"""The connector's settings: one typed object from environment variables `HUILIAN_*`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FilePath, ValidationError

PREFIX = "HUILIAN_"


class SettingsError(Exception):
    """A setting is unknown, missing or malformed; the message names the variable and what was expected."""


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class Settings(BaseModel):
    """Everything that the process needs to know. Each field is the variable `HUILIAN_<FIELD>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tryton_url: str = Field(
        pattern=r"^https?://[^/\s]+$", description="address of Tryton, such as http://127.0.0.1:8000"
    )
    tryton_database: str = Field(
        default="huilian", pattern=r"^[A-Za-z0-9_-]+$", description="name of Tryton's database"
    )
    tryton_user: str = Field(min_length=1, description="login of a user who may only read")
    tryton_password_file: FilePath = Field(description="file that holds the user's password")
    listen: str = Field(pattern=r"^[^:\s]+:[0-9]{1,5}$", description="host:port for gRPC; port 0 picks a free one")
    tls_certificate_file: FilePath = Field(description="PEM certificate chain of this server")
    tls_key_file: FilePath = Field(description="PEM private key of this server")
    tls_client_ca_file: FilePath = Field(
        description="PEM certificates of the authorities that issue hubs' certificates"
    )
    allowed_clients: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")], ...],
        BeforeValidator(_split),
        Field(min_length=1),
    ] = Field(description="common names of the hubs that may call, separated by commas")

    def password(self) -> str:
        """The Tryton user's password, without the end of line."""
        return Path(self.tryton_password_file).read_text("utf-8").rstrip("\r\n")


def load_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`; raises `SettingsError`."""
    values = {
        name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = [_explain(str(item["loc"][0]), item["msg"]) for item in error.errors(include_input=False)]
        raise SettingsError("\n".join(problems)) from None


def _explain(field: str, problem: str) -> str:
    known = Settings.model_fields.get(field)
    expected = f"; expected: {known.description}" if known else "; expected: no such setting"
    return f"{PREFIX}{field.upper()}: {problem}{expected}"
