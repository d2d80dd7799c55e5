"""The settings of the REST face, from `HUILIAN_*` environment variables."""

from __future__ import annotations

from pathlib import Path

from huilian_protocol.settings import Address, Settings
from pydantic import Field


class ApiSettings(Settings):
    """The REST face: where it listens, its certificate, and the hub it speaks to."""

    listen: Address
    tls_certificate_file: Path = Field(description="PEM file of this process's certificate")
    tls_key_file: Path = Field(description="PEM file of its private key")
    hub_address: Address = Field(description="host:port of the hub's TLS port")
    hub_ca_file: Path = Field(description="PEM file of the CA that signed the hub's certificate")
    hub_server_name: str | None = Field(default=None, description="name in the hub's certificate, if not its host")
    trust_anchors_file: Path = Field(description="JSON file of trust anchors, whose keys alone it seals to")
