"""The transport certificates of one site: a private CA and a certificate for each process and partner.

These secure the pipe (TLS, mTLS). They prove nothing about confirmations or consents, which have roots of their own.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=825)  # a sandbox clock may be moved a year ahead; TLS itself reads the real one


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of one holder: its certificate, its key, and the site's CA."""

    certificate: Path
    key: Path
    ca: Path


class SitePki:
    """Issues certificates into a folder and keeps what is there: a restart changes no key."""

    def __init__(self, folder: Path, now: dt.datetime) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._now = now
        self._ca_key_file, self._ca_file = folder / "ca.key", folder / "ca.pem"
        if not self._ca_file.exists():
            self._make_ca()

    def issue(self, name: str) -> TlsFiles:
        """Certificate of `name` (its common name) for 127.0.0.1 and localhost, as server and as client."""
        files = TlsFiles(self._folder / f"{name}.pem", self._folder / f"{name}.key", self._ca_file)
        if not files.certificate.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            _write_private(files.key, key)
            files.certificate.write_bytes(self._sign(name, key).public_bytes(serialization.Encoding.PEM))
        return files

    def _make_ca(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Huilian site CA (sandbox)")
        certificate = (
            self._builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_private(self._ca_key_file, key)
        self._ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        ca = x509.load_pem_x509_certificate(self._ca_file.read_bytes())
        ca_key = serialization.load_pem_private_key(self._ca_key_file.read_bytes(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        names = [x509.DNSName("localhost"), x509.DNSName(name), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return (
            self._builder(_name(name), ca.subject, key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .sign(ca_key, hashes.SHA256())
        )

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - dt.timedelta(hours=1))
            .not_valid_after(self._now + LIFETIME)
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
