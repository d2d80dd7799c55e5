"""Enterprise certificates: only the pinned CA's, only secp256k1, only within their time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from huilian_protocol.certificate import create_enterprise_ca, verify_enterprise_certificate
from huilian_protocol.errors import HuilianError

from tests.unit.protocol import world
from tests.unit.protocol.world import BUYER_USCC, CA_KEY, CA_PEM, ENTERPRISE, FROM, NOW, STRANGER, UNTIL, certificate


def refused(pem: str, ca_pem: str = CA_PEM, at: datetime = NOW) -> str:
    with pytest.raises(HuilianError) as caught:
        verify_enterprise_certificate(pem, ca_pem, at)
    assert caught.value.code == "ENTERPRISE_CERTIFICATE_INVALID"
    return caught.value.detail


def odd(
    subject: list[x509.NameAttribute[str]] | None = None, public_key: Any = None, extensions: tuple[Any, ...] = ()
) -> str:
    """A certificate that the CA signed by mistake."""
    usual = [
        x509.NameAttribute(NameOID.COMMON_NAME, "企业"),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, BUYER_USCC),
    ]
    builder = x509.CertificateBuilder(
        x509.load_pem_x509_certificate(CA_PEM.encode()).subject, x509.Name(subject or usual)
    )
    builder = builder.public_key(public_key or ENTERPRISE.public_key()).serial_number(9)
    builder = builder.not_valid_before(FROM).not_valid_after(UNTIL)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(CA_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


LEAF = x509.BasicConstraints(ca=False, path_length=None)


def usage(**allowed: bool) -> x509.KeyUsage:
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    names += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names})


def test_a_certificate_names_the_enterprise_and_its_key() -> None:
    enterprise = verify_enterprise_certificate(certificate(), CA_PEM, NOW)
    assert (enterprise.uscc, enterprise.name) == (BUYER_USCC, "沙盒核心制造有限公司")
    assert enterprise.public_key == ENTERPRISE.public_key()


def test_another_ca_is_refused_even_under_the_same_name() -> None:
    forged_ca = create_enterprise_ca(STRANGER, "沙盒电子认证", FROM, UNTIL, 1)
    assert refused(certificate(ca_key=STRANGER, ca_pem=forged_ca))
    assert refused(certificate(), ca_pem=forged_ca)


def test_certificates_count_only_within_their_time() -> None:
    second = timedelta(seconds=1)
    short = certificate(not_before=NOW, not_after=NOW + second)
    verify_enterprise_certificate(short, CA_PEM, NOW)
    assert refused(short, at=NOW - second) == refused(short, at=NOW + 2 * second) == "not valid at this time"
    assert refused(certificate(not_after=UNTIL + timedelta(days=9)), at=UNTIL + timedelta(days=1))


def test_a_ca_certificate_confirms_nothing() -> None:
    assert refused(CA_PEM)


@pytest.mark.parametrize(
    "pem",
    ["", "x", "ä", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "x" * 70_000],
)
def test_what_is_no_certificate_is_refused(pem: str) -> None:
    refused(pem)


def test_certificates_that_the_ca_should_not_have_signed_are_refused() -> None:
    both = (LEAF, usage(content_commitment=True, digital_signature=True))
    verify_enterprise_certificate(odd(extensions=both), CA_PEM, NOW)
    assert "secp256k1" in refused(odd(public_key=STRANGER.public_key(), extensions=both))
    assert "commit" in refused(odd(extensions=(LEAF, usage(digital_signature=True))))
    assert refused(odd(extensions=(LEAF,)))
    assert refused(odd())
    authority = (x509.BasicConstraints(ca=True, path_length=0), both[1])
    assert "CA's certificate" in refused(odd(extensions=authority))


@pytest.mark.parametrize("uscc", ["", "91350100M000100Y4", "91350100M000100Y4I", BUYER_USCC.lower()])
def test_the_subject_holds_one_uscc(uscc: str) -> None:
    with pytest.raises(ValueError):
        certificate(uscc=uscc)
    both = (LEAF, usage(content_commitment=True))
    name = x509.NameAttribute(NameOID.COMMON_NAME, "企业")
    assert "ambiguous" in refused(odd([name], extensions=both))
    serial = x509.NameAttribute(NameOID.SERIAL_NUMBER, BUYER_USCC)
    assert "ambiguous" in refused(odd([name, serial, serial], extensions=both))


def test_only_a_secp256k1_key_is_certified() -> None:
    with pytest.raises(ValueError):
        certificate(public_key=world.key(3).public_key())
    with pytest.raises(ValueError):
        certificate(public_key=world.key(3, ec.SECP384R1()).public_key())


NEXT_CA = create_enterprise_ca(STRANGER, "沙盒电子认证 2", FROM, UNTIL, 2)


def test_while_a_ca_changes_its_root_both_count() -> None:
    old, new = certificate(), certificate(ca_key=STRANGER, ca_pem=NEXT_CA)
    for overlap in (CA_PEM + NEXT_CA, NEXT_CA + CA_PEM):
        for pem in (old, new):
            assert verify_enterprise_certificate(pem, overlap, NOW).uscc == BUYER_USCC
    assert refused(old, ca_pem=NEXT_CA) and refused(new)


@pytest.mark.parametrize("ca_pem", ["", "x", NEXT_CA, NEXT_CA + "x", NEXT_CA * 2])
def test_a_bundle_without_the_issuer_is_refused(ca_pem: str) -> None:
    assert refused(certificate(), ca_pem=ca_pem)
