"""The settings of the REST face, from `HUILIAN_*` environment variables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from huilian_protocol.settings import Address, Settings
from pydantic import Field


class Face(StrEnum):
    """Whom a process serves."""

    PUBLIC = "public"
    DESK = "desk"


class ApiSettings(Settings):
    """The REST face: where it listens, its certificate, and the hub it speaks to."""

    face: Face = Field(Face.PUBLIC, description="public, or desk for the bank's operators")
    listen: Address
    web_dir: Path | None = Field(default=None, description="folder of the built pages; without one only REST is served")
    tls_certificate_file: Path = Field(description="PEM file of this process's certificate")
    tls_key_file: Path = Field(description="PEM file of its private key")
    sandbox: bool = Field(default=False, description="whether everybody in it is invented, which the pages then say")
    clock_file: Path | None = Field(default=None, description="sandbox only: the clock file that the hub serves")
    hub_address: Address = Field(description="host:port of the hub's TLS port; of its mTLS port for the desk")
    hub_ca_file: Path = Field(description="PEM file of the CA that signed the hub's certificate")
    hub_server_name: str | None = Field(default=None, description="name in the hub's certificate, if not its host")
    trust_anchors_file: Path = Field(description="JSON file of trust anchors, whose keys alone it seals to")
