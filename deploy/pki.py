"""The transport certificates of one site: a private CA and a certificate for each process and partner.

These secure the pipe (TLS, mTLS). They prove nothing about confirmations or consents, which have roots of their own.

`python -m deploy.pki FOLDER begin|reissue|end` replaces the CA and every certificate beside processes that serve, one
step each: the new CA is believed beside the old one, then everybody's certificate is of the new one, then the old one
is believed no longer. Between two steps everybody must have read the files, which takes a second.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from huilian_protocol.tls import TlsFiles

__all__ = ["SitePki", "TlsFiles"]

LIFETIME = dt.timedelta(days=825)  # a sandbox clock may be moved a year ahead; TLS itself reads the real one


class SitePki:
    """Issues certificates into a folder and keeps what is there: a restart changes no key."""

    def __init__(self, folder: Path, now: dt.datetime) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._now = now
        self._ca_key_file, self._ca_file = folder / "ca.key", folder / "ca.pem"
        self._next_key_file, self._next_file = folder / "ca.next.key", folder / "ca.next.pem"
        if not self._ca_file.exists():
            self._make_ca(self._ca_key_file, self._ca_file)

    def issue(self, name: str) -> TlsFiles:
        """Certificate of `name` (its common name) for 127.0.0.1 and localhost, as server and as client."""
        files = TlsFiles(self._folder / f"{name}.pem", self._folder / f"{name}.key", self._ca_file)
        if not files.certificate.exists():
            self.renew(name)
        return files

    def begin(self) -> None:
        """Make the next CA and have it believed beside the present one. Begun already: no change."""
        if not self._next_file.exists():
            self._make_ca(self._next_key_file, self._next_file)
            _write(self._ca_file, self._ca_file.read_bytes() + self._next_file.read_bytes())

    def reissue(self) -> None:
        """Certify a new key of every holder by the next CA. Raises FileNotFoundError where no rotation has begun."""
        bundle = self._next_file.read_bytes() + self._ca_file.read_bytes()
        if self._next_key_file.exists():  # else interrupted after this line
            self._next_key_file.replace(self._ca_key_file)
        _write(self._ca_file, bundle)
        for file in sorted(self._folder.glob("*.key")):
            if file != self._ca_key_file:
                self.renew(file.stem)
        self._next_file.unlink()

    def end(self) -> None:
        """Believe the present CA alone. Raises ValueError before everybody has a certificate of the next one."""
        if self._next_file.exists():
            raise ValueError("the next CA has certified nobody yet: reissue first")
        _write(self._ca_file, self._present().public_bytes(serialization.Encoding.PEM))

    def renew(self, name: str) -> None:
        """A new key and certificate for `name`, in place of what it had."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key).public_bytes(serialization.Encoding.PEM)
        _write_private(self._folder / f"{name}.key", key)
        _write(self._folder / f"{name}.pem", certificate)

    def _make_ca(self, key_file: Path, file: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Huilian site CA (sandbox)")
        certificate = (
            self._builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_private(key_file, key)
        _write(file, certificate.public_bytes(serialization.Encoding.PEM))

    def _present(self) -> x509.Certificate:
        """The CA that signs: the first of those that are believed."""
        return x509.load_pem_x509_certificates(self._ca_file.read_bytes())[0]

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        ca = self._present()
        ca_key = serialization.load_pem_private_key(self._ca_key_file.read_bytes(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        names = [x509.DNSName("localhost"), x509.DNSName(name), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return (
            self._builder(_name(name), ca.subject, key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            # Two CAs of one name are told apart by their keys (RFC 5280, 4.2.1.1).
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
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
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - dt.timedelta(hours=1))
            .not_valid_after(self._now + LIFETIME)
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    _write(path, key.private_bytes(encoding, form, serialization.NoEncryption()), 0o600)


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Whole or not at all: processes that serve read these files."""
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode)
    fresh.write_bytes(content)
    fresh.replace(path)


def main(arguments: list[str]) -> int:
    """Command line entry; 2 with a message on stderr for anything that it does not understand."""
    steps: dict[str, Callable[[SitePki], None]] = {
        "begin": SitePki.begin,
        "reissue": SitePki.reissue,
        "end": SitePki.end,
    }
    if len(arguments) != 2 or arguments[1] not in steps or not (Path(arguments[0]) / "ca.pem").exists():
        sys.stderr.write("usage: python -m deploy.pki FOLDER begin|reissue|end\n")
        return 2
    try:
        steps[arguments[1]](SitePki(Path(arguments[0]), dt.datetime.now(dt.UTC)))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"pki: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
