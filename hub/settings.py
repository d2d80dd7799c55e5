"""The hub's settings: one typed object from `HUILIAN_*` environment variables. Unknown or malformed ones stop the
start.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from huilian_protocol import settings
from huilian_protocol.clock import SandboxClock
from huilian_protocol.sealing import Suite
from huilian_protocol.settings import PREFIX, Address, SealingSuite, SettingsError
from pydantic import Field, IPvAnyNetwork, Json, model_validator

from hub.platform.rates import Limit, Rate

__all__ = ["CheckpointProfile", "Mode", "Settings", "SettingsError"]

Addresses = Json[dict[str, Address]]


class Mode(StrEnum):
    """Whether this is play or the real thing."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


class CheckpointProfile(StrEnum):
    """What signs the log's checkpoints; verifiers demand all of it."""

    ED25519 = "ed25519"
    HYBRID = "hybrid"
    HYBRID_SM2 = "hybrid-sm2"


class Settings(settings.Settings):
    """What a hub needs to know to start. Field `state_dir` is read from `HUILIAN_STATE_DIR`."""

    # No default: whoever forgot it would run a bank whose clock can be moved.
    mode: Mode = Field(description="sandbox or production")
    origin: str = Field(
        pattern=r"^[a-z0-9.-]{3,100}$", description="this hub's name: lower-case letters, digits, dots and hyphens"
    )
    state_dir: Path = Field(description="folder for keys and, by default, the database")
    database_url: str = Field(
        "", pattern=r"^(|sqlite:///.+|postgres(ql)?://.+)$", description="sqlite:///ABSOLUTE/PATH or postgres://…"
    )
    master_key_file: Path | None = Field(None, description="file with 64 hexadecimal digits, or several lines")
    sealing_suite: SealingSuite = Field(Suite.XWING, description="xwing, x25519 or sm: for new keys")
    more_suites: Json[tuple[SealingSuite, ...]] = Field(
        default=(), description='JSON list of more suites in which recipients have keys, the best first: ["x25519"]'
    )
    recipient_statements_file: Path | None = Field(
        None, description="JSON object of lists of the statements that recipients' roots signed over their keys"
    )
    consortium_key_file: Path | None = Field(None, description="file of the claim keys that all hubs share")
    claim_groups_file: Path | None = Field(None, description="JSON file of the groups that hold shared claim keys")
    hubs: Addresses = Field(default={}, description='JSON object {"origin": "host:port"} of other hubs, mTLS')
    public_listen: Address = Field("127.0.0.1:7443", description="host:port of the TLS port")
    partner_listen: Address = Field("127.0.0.1:7444", description="host:port of the mTLS port")
    tls_certificate_file: Path = Field(description="PEM file")
    tls_key_file: Path = Field(description="PEM file")
    tls_ca_file: Path = Field(description="PEM file")
    trust_anchors_file: Path = Field(description="JSON file of trust anchors")
    clock_file: Path | None = Field(None, description="JSON file of the sandbox clock")
    identity_authority: Address = Field(description="host:port of the identity authority")
    tax_authority: Address | None = Field(
        None, description="host:port of the tax authority; without one nothing is confirmed or financed"
    )
    movable_asset_registry: Address | None = Field(
        None, description="host:port of the register of movable assets; without it nothing is lent on receivables"
    )
    business_registry: Address | None = Field(
        None, description="host:port of the business registry; without one no enterprise is verified"
    )
    connectors: Addresses = Field(default={}, description='JSON object {"agency id": "host:port"}')
    erp_connectors: Addresses = Field(default={}, description='JSON object {"buyer USCC": "host:port"}')
    bank_accounts: Json[dict[str, str]] = Field(
        default={},
        description='JSON object {"number on statements": "account id in the books"} of own accounts at other banks',
    )
    witnesses: Addresses = Field(
        default={}, description='JSON object {"origin of a hub that watches this hub\'s log": "host:port"}'
    )
    checkpoint_profile: CheckpointProfile = Field(
        CheckpointProfile.HYBRID, description="ed25519, hybrid (with ML-DSA-65) or hybrid-sm2 (and SM2)"
    )
    operator_keys_file: Path | None = Field(None, description="JSON file of the operators' keys, by operator.<name>")
    chain_url: str = Field(pattern=r"^https?://", description="http(s) URL of the chain's JSON-RPC")
    chain_profile: str = Field(
        "embedded",
        pattern=r"^(embedded|consortium|fisco|authority|public)$",
        description="embedded, consortium, fisco, authority or public",
    )
    claim_beat_seconds: int | None = Field(
        None, ge=0, le=3_600, description="seconds from one covered batch of claims to the next, 0 for none"
    )
    claims_per_beat: int = Field(16, ge=11, le=32, description="claims in each covered batch, ten of which are cover")
    rate_limits: Json[dict[Limit, Rate]] = Field(
        default={}, description='JSON object of limits to replace: {"reads": {"per_minute": 1200, "burst": 600}}'
    )
    messages_keep_days: int = Field(30, ge=1, le=3_650, description="days that delivered outbox messages are kept")
    answers_keep_days: int = Field(90, ge=1, le=3_650, description="days that first answers to requests are kept")
    notifications_keep_days: int = Field(400, ge=1, le=3_650, description="days that notifications are kept")
    webhook_networks: Json[list[IPvAnyNetwork]] = Field(
        default=[], description='JSON list of private networks that webhooks may lead to: ["127.0.0.0/8"]; sandbox only'
    )
    webhook_ca_file: Path | None = Field(None, description="PEM file of CAs that webhooks' certificates may have")
    verifier_url: str = Field(
        "https://verify.huilian.example/",
        pattern=r"^https?://[^#\s]+$",
        description="the verifier's page that QR codes on documents lead to",
    )
    log_level: str = Field("INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR")

    @model_validator(mode="after")
    def _refuse_sandbox_in_production(self) -> Settings:
        if self.mode is Mode.PRODUCTION:
            for name, wrong in self._sandbox_defaults().items():
                if wrong:
                    raise ValueError(f"{PREFIX}{name}: production needs its own, not the sandbox's default")
        return self

    def _sandbox_defaults(self) -> dict[str, bool]:
        return {
            "CLOCK_FILE": self.clock_file is not None,
            "MASTER_KEY_FILE": self.master_key_file is None,
            "CLAIM_GROUPS_FILE": self.claim_groups_file is None and self.consortium_key_file is None,
            "DATABASE_URL": not self.database_url,
            "WEBHOOK_NETWORKS": bool(self.webhook_networks),
            "CHAIN_PROFILE": self.chain_profile == "embedded",
        }

    @property
    def database(self) -> str:
        """The database's URL: SQLite in the state folder unless one is set."""
        return self.database_url or f"sqlite://{self.state_dir.absolute() / 'hub.sqlite'}"


def sandbox_clock(settings: Settings) -> SandboxClock | None:
    """The clock that a sandbox shares with its other processes; production has none."""
    if settings.mode is Mode.PRODUCTION:
        return None
    return SandboxClock(settings.clock_file or settings.state_dir / "clock.json")
