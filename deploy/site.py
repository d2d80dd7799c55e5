"""One site on one machine: which processes there are, on which ports, with which keys and settings.

    chain ── authorities ── agency sandboxes ── ERP ── hub(s) ── connectors ── mini_program_api

Everything lives under one folder, so removing it removes the site. The same folder started again goes on where it was.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coincurve
import grpc

from connectors.core_enterprise.tryton.sandbox_setup import (
    CONNECTOR_PASSWORD,
    CONNECTOR_USER,
    PAYMENT_PASSWORD,
    PAYMENT_USER,
)
from connectors.kit.keys import load_edge_keys, published
from connectors.kit.sandbox_companies import CORE_ENTERPRISE
from deploy.pki import SitePki, TlsFiles
from deploy.process import ProcessSpec, free_port, grpc_serving, port_open, python
from ledger.anchor.transaction import address_of

CHAIN_ID = 20_261
BUYER_USCC = CORE_ENTERPRISE.uscc
AGENCIES = (
    "housing_fund",
    "tax",
    "social_insurance",
    "traffic_police",
    "court_enforcement",
    "credit_bureau",
    "utilities",
)
AUTHORITIES = (
    "identity_authority",
    "certificate_authority",
    "tax_authority",
    "movable_asset_registry",
    "business_registry",
)
CONNECTOR_SERVICE = "huilian.connector.v1.ConnectorService"
RP_ID, WEB_ORIGIN = "localhost", "https://localhost:8443"
HUB_ADDRESS_FUNDS_WEI = 10**24
# The ERP's first start on a fresh copy may be slow on a small machine.
SLOW_START_S = 90.0


@dataclass(frozen=True)
class HubPlace:
    """Where one hub of the site is and how others reach it."""

    name: str
    folder: Path
    public_port: int
    partner_port: int

    @property
    def origin(self) -> str:
        """The hub's name in tokens, trust anchors and checkpoints."""
        return f"{self.name}.huilian.example"

    @property
    def certificate(self) -> str:
        """The common name by which services and other hubs know it."""
        return f"hub.{self.origin}"


@dataclass
class Site:
    """Ports and files of everything. `fixed_ports` keeps the addresses that README and locust name."""

    folder: Path
    pki: SitePki
    fixed_ports: bool = False
    database_url: str = ""
    # JSON for HUILIAN_RATE_LIMITS of every hub; empty for the defaults.
    rate_limits: str = ""
    # The built pages of web/, served where there are any.
    web_dir: Path | None = None
    ports: dict[str, int] = field(default_factory=dict)

    def port(self, name: str) -> int:
        """The port of a process; chosen once and kept in the folder."""
        kept = self.folder / "ports.json"
        if not self.ports and kept.exists():
            self.ports.update(json.loads(kept.read_text()))
        if name not in self.ports:
            self.ports[name] = FIXED_PORTS[name] if self.fixed_ports and name in FIXED_PORTS else free_port()
            kept.write_text(json.dumps(self.ports, indent=2) + "\n")
        return self.ports[name]

    @property
    def clock_file(self) -> Path:
        """The sandbox clock that every process reads."""
        return self.folder / "clock.json"

    @property
    def trust_file(self) -> Path:
        """The trust anchors that edges and verifiers pin."""
        return self.folder / "trust-anchors.json"

    def statements_file(self, hub: HubPlace) -> Path:
        """What the roots of this hub's recipients signed over their keys."""
        return self.folder / f"{hub.name}.recipients.json"

    @property
    def claim_groups_file(self) -> Path:
        """Who holds the shares of the claim key; hubs of a site without it share a key (HMAC)."""
        return self.folder / "claim-key" / "groups.json"

    @property
    def chain_url(self) -> str:
        """The chain's JSON-RPC."""
        return f"http://127.0.0.1:{self.port('chain')}"

    @property
    def tryton_url(self) -> str:
        """The ERP's JSON-RPC."""
        return f"http://127.0.0.1:{self.port('tryton')}"

    def hub(self, name: str) -> HubPlace:
        """A hub of this site."""
        return HubPlace(name, self.folder / name, self.port(f"{name}.public"), self.port(f"{name}.partner"))

    def operator_credentials(self) -> grpc.ChannelCredentials:
        """mTLS as the bank's operator."""
        files = self.pki.issue("operator.desk")
        return grpc.ssl_channel_credentials(
            files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )

    def serving(self, name: str, service: str = "") -> Callable[[], Awaitable[bool]]:
        """Readiness of a gRPC process of this site, or of a service in it."""
        return grpc_serving(self.port(name), self.operator_credentials, service)

    def secret_file(self, name: str) -> Path:
        """A file with 32 random bytes in hex, made on first use."""
        path = self.folder / "secrets" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        return path

    def agency_secrets(self, agency: str) -> Mapping[str, str]:
        """What a sandbox agency and its connector share; the public halves in it are what the agency publishes."""
        secrets_of: dict[str, str] = json.loads(_credentials(self, agency).read_bytes())
        return secrets_of

    def chain_admin(self) -> coincurve.PrivateKey:
        """The key that deploys the contract and enrols hubs."""
        return coincurve.PrivateKey(bytes.fromhex(self.secret_file("chain-admin").read_text()))


FIXED_PORTS: Mapping[str, int] = {
    "hub-a.public": 7443,
    "hub-a.partner": 7444,
    "mini_program_api": 8443,
    "desk": 8444,
    "tryton": 8000,
}


def chain_spec(site: Site, hub_addresses: Mapping[str, str]) -> ProcessSpec:
    """The embedded chain, with gas money for the admin and every hub."""
    funded = [address_of(site.chain_admin()), *hub_addresses.values()]
    allocations = [part for address in funded for part in ("--allocate", f"{address}={HUB_ADDRESS_FUNDS_WEI}")]
    arguments = ["--port", str(site.port("chain")), "--state", str(site.folder / "chain.sqlite3")]
    arguments += ["--chain-id", str(CHAIN_ID), "--clock-file", str(site.clock_file), *allocations]
    return ProcessSpec("chain", python("-m", "ledger.embedded_chain", *arguments), port_open(site.port("chain")))


def authority_specs(site: Site) -> list[ProcessSpec]:
    """Identity authority, enterprise CA, tax authority, register of movable assets, business registry: sandboxes."""
    return [_authority_spec(site, name) for name in AUTHORITIES]


def _authority_spec(site: Site, name: str) -> ProcessSpec:
    environment = {**_edge_environment(site, name, name), "HUILIAN_STATE_DIR": str(site.folder / name)}
    arguments = python("-m", f"connectors.authorities.{name}.sandbox")
    return ProcessSpec(name, arguments, site.serving(name), environment)


def agency_sandbox_specs(site: Site) -> list[ProcessSpec]:
    """A stand-in for each agency, in the agency's own kind of protocol."""
    return [_agency_sandbox_spec(site, agency) for agency in AGENCIES]


def _agency_sandbox_spec(site: Site, agency: str) -> ProcessSpec:
    name = f"{agency}.sandbox"
    environment = {
        "HUILIAN_LISTEN": f"127.0.0.1:{site.port(name)}",
        "HUILIAN_UPSTREAM_CREDENTIALS_FILE": str(_credentials(site, agency)),
        "HUILIAN_CLOCK_FILE": str(site.clock_file),
    }
    arguments = python("-m", "connectors.kit.sandbox_host", f"connectors.gov_data.{agency}")
    return ProcessSpec(name, arguments, port_open(site.port(name)), environment)


def connector_specs(site: Site, hub: HubPlace) -> list[ProcessSpec]:
    """The connector of each agency; each follows the revocations of one hub."""
    return [_connector_spec(site, hub, agency) for agency in AGENCIES]


def _connector_spec(site: Site, hub: HubPlace, agency: str) -> ProcessSpec:
    environment = {
        **_edge_environment(site, agency, f"connector.{agency}"),
        "HUILIAN_STATE_DIR": str(site.folder / agency),
        "HUILIAN_TRUST_ANCHORS_FILE": str(site.trust_file),
        "HUILIAN_HUB_ORIGIN": hub.origin,
        "HUILIAN_HUB_ADDRESS": f"127.0.0.1:{hub.partner_port}",
        "HUILIAN_UPSTREAM_URL": f"http://127.0.0.1:{site.port(f'{agency}.sandbox')}",
        "HUILIAN_UPSTREAM_CREDENTIALS_FILE": str(_credentials(site, agency)),
    }
    arguments = python("-m", "connectors.kit.host", f"connectors.gov_data.{agency}")
    # Ready is an edge that would read: its hub is up and it has heard of every revocation.
    return ProcessSpec(agency, arguments, site.serving(agency, CONNECTOR_SERVICE), environment)


def connector_keys(spec: ProcessSpec) -> dict[str, Any]:
    """The public keys of this connector, made before its first start.

    The command `connectors.kit.host PACKAGE keys` tells the same; seven of its processes would take longer than the
    rest of the start.
    """
    return published(load_edge_keys(Path(spec.environment["HUILIAN_STATE_DIR"])))


def erp_specs(site: Site) -> list[ProcessSpec]:
    """The core enterprise's real Tryton, and the connector in front of it."""
    folder = site.folder / "tryton"
    package = "connectors.core_enterprise.tryton"
    arguments = python("-m", f"{package}.process", "--folder", str(folder), "--port", str(site.port("tryton")))
    password = site.folder / "secrets" / "tryton-connector"
    password.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    password.write_text(CONNECTOR_PASSWORD)
    payment_password = password.with_name("tryton-payments")
    payment_password.write_text(PAYMENT_PASSWORD)
    environment = {
        **_edge_environment(site, "erp_connector", "erp_connector"),
        "HUILIAN_TRYTON_URL": site.tryton_url,
        "HUILIAN_TRYTON_USER": CONNECTOR_USER,
        "HUILIAN_TRYTON_PASSWORD_FILE": str(password),
        "HUILIAN_TRYTON_PAYMENT_USER": PAYMENT_USER,
        "HUILIAN_TRYTON_PAYMENT_PASSWORD_FILE": str(payment_password),
    }
    return [
        ProcessSpec("tryton", arguments, port_open(site.port("tryton")), timeout_s=SLOW_START_S),
        ProcessSpec("erp_connector", python("-m", package), site.serving("erp_connector"), environment),
    ]


def mini_program_spec(site: Site, hub: HubPlace) -> ProcessSpec:
    """The channel for browsers and mini programs; it calls the hub's TLS port with its users' tokens."""
    files = site.pki.issue("channel.mini_program_api")
    port = site.port("mini_program_api")
    environment = {
        "HUILIAN_TLS_CERTIFICATE_FILE": str(files.certificate),
        "HUILIAN_TLS_KEY_FILE": str(files.key),
        "HUILIAN_LISTEN": f"127.0.0.1:{port}",
        "HUILIAN_HUB_ADDRESS": f"127.0.0.1:{hub.public_port}",
        "HUILIAN_HUB_CA_FILE": str(files.ca),
        "HUILIAN_TRUST_ANCHORS_FILE": str(site.trust_file),
        "HUILIAN_SANDBOX": "true",
        "HUILIAN_CLOCK_FILE": str(site.clock_file),
    }
    if site.web_dir is not None:
        environment["HUILIAN_WEB_DIR"] = str(site.web_dir)
    return ProcessSpec("mini_program_api", python("-m", "mini_program_api"), port_open(port), environment)


def tls_environment(files: TlsFiles) -> dict[str, str]:
    """Certificate, key and CA of one process."""
    return {
        "HUILIAN_TLS_CERTIFICATE_FILE": str(files.certificate),
        "HUILIAN_TLS_KEY_FILE": str(files.key),
        "HUILIAN_TLS_CA_FILE": str(files.ca),
    }


def _edge_environment(site: Site, name: str, common_name: str) -> dict[str, str]:
    return {
        **tls_environment(site.pki.issue(common_name)),
        "HUILIAN_LISTEN": f"127.0.0.1:{site.port(name)}",
        "HUILIAN_ALLOWED_CLIENTS": "hub.hub-a.huilian.example,hub.hub-b.huilian.example,operator.desk",
        "HUILIAN_CLOCK_FILE": str(site.clock_file),
    }


def _credentials(site: Site, agency: str) -> Path:
    folder = site.folder / f"{agency}.sandbox"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder / "credentials.json"
