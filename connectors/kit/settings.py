"""The settings of the edge's processes, from `HUILIAN_*` environment variables."""

from __future__ import annotations

from pathlib import Path

from huilian_protocol.sealing import Suite
from huilian_protocol.settings import Address, SealingSuite, Settings
from huilian_protocol.tls import TlsFiles
from pydantic import ConfigDict, Field, FilePath


class TlsSettings(Settings):
    """A gRPC server over mTLS: its own certificate and key, and the CA whose clients may call (PEM files)."""

    listen: Address
    tls_certificate_file: FilePath = Field(description="PEM file of this process's certificate")
    tls_key_file: FilePath = Field(description="PEM file of its private key")
    tls_ca_file: FilePath = Field(description="PEM file of the site's CA; every caller must have a certificate of it")
    allowed_clients: str = Field(
        pattern=r"^[A-Za-z0-9._-]+(, *[A-Za-z0-9._-]+)*$",
        description="common names of the clients that may call, with commas",
    )
    clock_file: Path | None = Field(default=None, description="JSON file of the sandbox clock; absent means real time")

    def tls_files(self) -> TlsFiles:
        """The three PEM files together."""
        return TlsFiles(self.tls_certificate_file, self.tls_key_file, self.tls_ca_file)

    def allowed_client_names(self) -> frozenset[str]:
        """The common names of the clients that may call."""
        return frozenset(name.strip() for name in self.allowed_clients.split(","))


class HostSettings(TlsSettings):
    """A connector's process."""

    state_dir: Path = Field(description="folder for keys and memory, on a disk that survives restarts")
    sealing_suite: SealingSuite = Field(default=Suite.XWING, description="xwing, x25519 or sm: for new sealing keys")
    trust_anchors_file: FilePath = Field(description="JSON file of trust anchors")
    hub_origin: str = Field(min_length=1, description="origin of the hub served, as in the trust anchors")
    hub_address: Address = Field(description="host:port of the hub's mTLS port, for the revocations")
    hub_server_name: str | None = Field(default=None, description="name in the hub's certificate, if not its host")
    revocations_max_age_seconds: int = Field(default=30, ge=2, le=86_400)
    upstream_url: str = Field(pattern=r"^https?://", description="the agency's base URL")
    upstream_credentials_file: FilePath = Field(description="JSON file of the secrets shared with the agency")


class KeysSettings(Settings):
    """What looking after an edge's keys needs of the connector's own settings."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    state_dir: Path = Field(description="folder for keys and memory, on a disk that survives restarts")
    sealing_suite: SealingSuite = Field(default=Suite.XWING, description="xwing, x25519 or sm: for new sealing keys")


class SandboxSettings(Settings):
    """An agency sandbox's process."""

    listen: Address
    upstream_credentials_file: Path = Field(description="the same file as the connector's; made when there is none")
    clock_file: Path | None = Field(default=None, description="JSON file of the sandbox clock")
    service_time_ms: int = Field(default=0, ge=0, le=60_000, description="how long each answer takes; 0: no time")
    workers: int = Field(default=16, ge=1, le=10_000, description="answers in work at once, with a service time")
