"""The certificate authority certifies a company's own key, once."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from huilian_protocol.certificate import verify_enterprise_certificate
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from connectors.authorities.certificate_authority.issuer import CertificateIssuer, load_authority
from connectors.kit.sandbox_companies import CORE_ENTERPRISE, SUPPLIER

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256K1())


def make_issuer(folder: Path) -> CertificateIssuer:
    clock, serials = FixedClock(NOW), itertools.count(1)
    authority = load_authority(folder, clock, lambda: next(serials))
    return CertificateIssuer(authority, folder / "holders.sqlite3", clock, lambda: next(serials))


def signing_request(uscc: str, name: str, key: ec.EllipticCurvePrivateKey = KEY) -> str:
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.SERIAL_NUMBER, uscc)]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def test_a_company_gets_a_certificate_over_its_key(tmp_path: Path) -> None:
    issuer = make_issuer(tmp_path)
    pem = issuer.issue(signing_request(CORE_ENTERPRISE.uscc, CORE_ENTERPRISE.name_zh))
    holder = verify_enterprise_certificate(pem, issuer.authority.certificate_pem, NOW + timedelta(days=365))
    assert (holder.uscc, holder.name) == (CORE_ENTERPRISE.uscc, CORE_ENTERPRISE.name_zh)
    assert holder.public_key.public_numbers() == KEY.public_key().public_numbers()


def test_nobody_gets_a_second_key_for_a_company_even_after_a_restart(tmp_path: Path) -> None:
    good = signing_request(CORE_ENTERPRISE.uscc, CORE_ENTERPRISE.name_zh)
    make_issuer(tmp_path).issue(good)
    issuer = make_issuer(tmp_path)
    other = signing_request(CORE_ENTERPRISE.uscc, CORE_ENTERPRISE.name_zh, ec.generate_private_key(ec.SECP256K1()))
    with pytest.raises(HuilianError, match="ALREADY_EXISTS"):
        issuer.issue(other)
    issuer.issue(good)
    issuer.issue(signing_request(SUPPLIER.uscc, SUPPLIER.name_zh, ec.generate_private_key(ec.SECP256K1())))


def _stolen_key() -> str:
    """A request that names a public key whose private key signed nothing: one signature byte is changed."""
    der = x509.load_pem_x509_csr(signing_request(CORE_ENTERPRISE.uscc, CORE_ENTERPRISE.name_zh).encode())
    raw = bytearray(der.public_bytes(serialization.Encoding.DER))
    raw[-1] ^= 1
    return x509.load_der_x509_csr(bytes(raw)).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("request_pem", "code"),
    [
        ("", "INVALID_ARGUMENT"),
        ("沙盒", "INVALID_ARGUMENT"),
        (_stolen_key(), "INVALID_ARGUMENT"),
        (
            signing_request(CORE_ENTERPRISE.uscc, CORE_ENTERPRISE.name_zh, ec.generate_private_key(ec.SECP256R1())),
            "INVALID_ARGUMENT",
        ),
        (signing_request("91449900MA0H00010X", CORE_ENTERPRISE.name_zh), "USCC_MALFORMED"),
        (signing_request(CORE_ENTERPRISE.uscc.lower(), CORE_ENTERPRISE.name_zh), "USCC_MALFORMED"),
        (signing_request("91110000600037341L", CORE_ENTERPRISE.name_zh), "NOT_FOUND"),
        (signing_request(CORE_ENTERPRISE.uscc, SUPPLIER.name_zh), "NOT_FOUND"),
    ],
)
def test_others_are_refused(tmp_path: Path, request_pem: str, code: str) -> None:
    with pytest.raises(HuilianError) as refusal:
        make_issuer(tmp_path).issue(request_pem)
    assert refusal.value.code == code
