"""Persons with devices, an identity authority and a recipient: what consent and exchange need around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.binding import commit_identity, issue_binding
from huilian_protocol.canonical import b64u_encode, canonicalise
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.sealing import KeyPair, Suite, generate_keypair, seal, subject_info
from huilian_protocol.trust import TrustAnchors
from huilian_sdk.authenticator import SoftwareAuthenticator

from hub.consent.rules import RecipientKey

RP_ID, ORIGIN = "huilian.example", "https://huilian.example"
FROM, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
LENDING = "bank.lending"


@dataclass(frozen=True)
class Citizen:
    """A person as their own phone knows them."""

    subject: str
    name: str
    resident_id: str
    salt: bytes
    device: SoftwareAuthenticator
    binding: str

    def sealed_to(self, agency: str, public_key: bytes, consent_id: str, suite: Suite = Suite.XWING) -> bytes:
        """Who this person is, for one agency under one consent."""
        identity = {"name": self.name, "resident_id": self.resident_id, "salt": b64u_encode(self.salt)}
        info = subject_info(consent_id=consent_id, subject=self.subject, agency=agency)
        return seal(suite, public_key, info, canonicalise(identity))


@dataclass
class World:
    """The authorities that everybody pins, the hub's key, and the recipients' keys."""

    authority: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    hub_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    recipients: dict[str, KeyPair] = field(default_factory=lambda: {LENDING: generate_keypair(Suite.XWING)})
    bindings: dict[str, str] = field(default_factory=dict)
    next_authority: ec.EllipticCurvePrivateKey | None = None
    retired_authorities: list[ec.EllipticCurvePrivateKey] = field(default_factory=list)

    def citizen(self, number: int = 1, name: str = "张三", resident_id: str = "11010519491231002X") -> Citizen:
        """A registered person with a bound device."""
        subject, salt = f"wh-{number:016d}", bytes([number]) * 32
        device = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=ORIGIN)
        return self.bind(Citizen(subject, name, resident_id, salt, device, ""))

    def bind(self, citizen: Citizen) -> Citizen:
        """The person with the binding that the authority's present key makes of their device."""
        binding = issue_binding(
            self.authority,
            issuer="identity.sandbox",
            subject=citizen.subject,
            device_key=citizen.device.public_key,
            identity_commitment=commit_identity(citizen.name, citizen.resident_id, citizen.salt),
            issued_at=FROM,
            expires_at=UNTIL,
        )
        self.bindings[citizen.subject] = binding
        return replace(citizen, binding=binding)

    def rotate_authority(self) -> None:
        """Announce a next key of the authority; the second time, use it, and keep the one before pinned."""
        if self.next_authority is None:
            self.next_authority = ec.generate_private_key(ec.SECP256R1())
        else:
            self.retired_authorities.append(self.authority)
            self.authority, self.next_authority = self.next_authority, None

    @property
    def trust(self) -> TrustAnchors:
        """What edges and verifiers pin."""
        hub = {
            "origin": ORIGIN,
            "signing_keys": keys_to_jwks([self.hub_key.public_key()]),
            "log_vkey": "hub+00000000+AA==",
            "chain_address": "0x" + "11" * 20,
        }
        announced = [] if self.next_authority is None else [self.next_authority]
        authorities = [self.authority, *announced, *self.retired_authorities]
        return TrustAnchors.from_dict(
            {
                "identity_authority_keys": keys_to_jwks([key.public_key() for key in authorities]),
                "enterprise_ca": "-",
                "hubs": [hub],
                "chain": {"chain_id": 1, "contract": "0x" + "22" * 20},
                "rp_id": RP_ID,
                "origin": ORIGIN,
            }
        )

    async def key_binding(self, subject: str) -> str:
        """The port `Persons`."""
        if subject not in self.bindings:
            raise HuilianError("NOT_FOUND", resource="person")
        return self.bindings[subject]

    def recipient_key(self, recipient_id: str, sealing_key_id: str | None = None) -> RecipientKey:
        """The port `Recipients`."""
        if recipient_id not in self.recipients:
            raise HuilianError("NOT_FOUND", resource=f"recipient {recipient_id}")
        return RecipientKey(recipient_id, Suite.XWING, self.recipients[recipient_id].public)


class RecordingLedger:
    """The port `Ledger`: remembers what was appended. It knows no transaction, so look only after success."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, dict[str, Any], str | None, dict[str, Any]]] = []

    async def append(
        self,
        record_type: str,
        record_id: str,
        record: dict[str, Any],
        *,
        subject: str | None,
        evidence: dict[str, Any],
    ) -> None:
        """Remember one record."""
        self.records.append((record_type, record_id, record, subject, evidence))
