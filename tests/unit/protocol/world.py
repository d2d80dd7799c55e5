"""One fixed world for the protocol's tests: keys, a person, an artefact, trust anchors.

The keys are small numbers: public on purpose.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol import sealing
from huilian_protocol.artefact import Artefact, parse_artefact
from huilian_protocol.binding import commit_identity, issue_binding
from huilian_protocol.certificate import create_enterprise_ca, issue_enterprise_certificate
from huilian_protocol.confirmation import ReceivableConfirmation
from huilian_protocol.consent import SignedConsent, countersign
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.trust import TrustAnchors
from huilian_sdk.authenticator import SoftwareAuthenticator

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
FROM, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
RP_ID, ORIGIN = "huilian.example", "https://huilian.example"
SUBJECT = "wh-0000000000000001"
NAME, RESIDENT_ID = "张三", "11010519491231002X"
SALT = bytes(range(32))
BUYER_USCC, SUPPLIER_USCC = "91350100M000100Y43", "91310000MA1K000006"
CONTRACT = "0x" + "ab" * 20


def key(number: int, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """The private key with the scalar ``number``."""
    return ec.derive_private_key(number, curve or ec.SECP256R1())


AUTHORITY, HUB, STRANGER = key(101), key(102), key(103)
DEVICE = SoftwareAuthenticator(key(104), rp_id=RP_ID, origin=ORIGIN)
CA_KEY, ENTERPRISE = key(105), key(106, ec.SECP256K1())
CA_PEM = create_enterprise_ca(CA_KEY, "沙盒电子认证", FROM, UNTIL, 1)
RECIPIENT_SEED = bytes(range(32, 64))
RECIPIENT_PUBLIC = sealing.public_key_of(sealing.Suite.XWING, RECIPIENT_SEED)


def artefact_dict(**changes: Any) -> dict[str, Any]:
    """The JSON form of the usual artefact, changed at the top level."""
    value: dict[str, Any] = {
        "type": "huilian-consent/v1",
        "id": "consent-00000001",
        "version": 1,
        "subject": SUBJECT,
        "recipient": {
            "id": "bank.lending",
            "sealing_key_id": sealing.key_id(RECIPIENT_PUBLIC),
            "suite": "xwing",
        },
        "purpose": {"code": "flash_loan.credit", "text": "用于闪电贷授信审批，仅限本次申请。"},
        "datasets": [
            {
                "id": "housing_fund.account/v1",
                "fields": ["balance_fen", "monthly_deposit_fen"],
                "period": {"from": "2025-03", "to": "2026-02"},
            },
            {"id": "tax.income/v1", "fields": ["income_fen"], "period": {"from": "2025-01", "to": "2025-12"}},
        ],
        "frequency": {"max_reads": 3},
        "data_life_days": 30,
        "valid_from": "2026-03-01T00:00:00Z",
        "valid_until": "2026-04-01T00:00:00Z",
        "legal_basis": "PIPL-13-1",
        "evidence_level": "DEVICE_SIGNED",
    }
    return {**value, **changes}


def artefact(**changes: Any) -> Artefact:
    """The usual artefact, changed at the top level of its JSON form."""
    return parse_artefact(artefact_dict(**changes))


def binding(**changes: Any) -> str:
    """The usual key binding with some claims changed."""
    claims: dict[str, Any] = {
        "issuer": "cn.network-identity.sandbox",
        "subject": SUBJECT,
        "device_key": DEVICE.public_key,
        "identity_commitment": commit_identity(NAME, RESIDENT_ID, SALT),
        "issued_at": FROM,
        "expires_at": UNTIL,
    }
    signer = changes.pop("signer", AUTHORITY)
    return issue_binding(signer, **{**claims, **changes})


def consent(
    signed: Artefact | None = None, *, by: SoftwareAuthenticator = DEVICE, bound: str | None = None
) -> SignedConsent:
    """A consent that everybody signed as they should."""
    signed = signed or artefact()
    bound = bound or binding()
    assertion = by.sign(signed.sha256)
    return SignedConsent(signed, bound, assertion, countersign(HUB, signed, bound, assertion))


def changed(original: SignedConsent, **changes: Any) -> SignedConsent:
    """The consent with parts replaced and nothing signed again."""
    return replace(original, **changes)


def trust_dict() -> dict[str, Any]:
    """The trust anchors' JSON form."""
    return {
        "identity_authority_keys": keys_to_jwks([AUTHORITY.public_key()]),
        "enterprise_ca": CA_PEM,
        "hubs": [
            {
                "origin": "hub.huilian.example",
                "signing_keys": keys_to_jwks([HUB.public_key()]),
                "log_vkey": "hub.huilian.example/log+00000000+AQ",
                "chain_address": "0x" + "cd" * 20,
            }
        ],
        "chain": {"chain_id": 1337, "contract": CONTRACT},
        "rp_id": RP_ID,
        "origin": ORIGIN,
    }


TRUST = TrustAnchors.from_dict(trust_dict())


def confirmation(**changes: Any) -> ReceivableConfirmation:
    """The usual confirmation, changed."""
    usual = ReceivableConfirmation(
        receivable_id="rcv-00000001",
        invoice_id="25112000000012345678",
        buyer_uscc=BUYER_USCC,
        supplier_uscc=SUPPLIER_USCC,
        amount_fen=12_345_678,
        currency="CNY",
        due_date=date(2026, 8, 29),
        evidence_hash=bytes(range(32)),
        confirmed_at=int(NOW.timestamp()),
        chain_id=1337,
        verifying_contract=CONTRACT,
    )
    return replace(usual, **changes)


def certificate(**changes: Any) -> str:
    """The buyer's certificate as PEM, changed."""
    usual: dict[str, Any] = {
        "public_key": ENTERPRISE.public_key(),
        "uscc": BUYER_USCC,
        "name": "沙盒核心制造有限公司",
        "not_before": FROM,
        "not_after": UNTIL,
        "serial": 7,
    }
    ca_key, ca_pem = changes.pop("ca_key", CA_KEY), changes.pop("ca_pem", CA_PEM)
    return issue_enterprise_certificate(ca_key, ca_pem, **{**usual, **changes})
