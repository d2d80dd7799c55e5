"""What the certificate authority does: certifies an enterprise's confirmation key over its USCC.

Who asks proves possession of the private key (PKCS#10, RFC 2986). A licensed CA also checks licence and mandate in
person; the sandbox checks its register of companies and lets the first key of a company be the only one, so that
nobody, a hub included, can later have another key certified in its name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from huilian_protocol.certificate import create_enterprise_ca, issue_enterprise_certificate
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError, malformed_uscc
from stdnum.cn import uscc

from connectors.kit.keys import load_signing_key, write_private
from connectors.kit.sandbox_companies import company_by_uscc

CA_NAME = "Huilian Sandbox Enterprise CA 沙盒电子认证"
CA_LIFE, CERTIFICATE_LIFE = timedelta(days=3_650), timedelta(days=730)
# A certificate is valid a little before it is issued, for those whose clock is behind.
_BACKDATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, repr=False)
class Authority:
    """The CA's key and its certificate as PEM."""

    key: ec.EllipticCurvePrivateKey
    certificate_pem: str


def load_authority(folder: Path, clock: Clock, serial: Callable[[], int]) -> Authority:
    """The CA from its state folder; made on the first call, so trust anchors can be built before a start."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, certificate = load_signing_key(folder / "ca.key.pem"), folder / "ca.pem"
    if not certificate.exists():
        now = clock.now()
        pem = create_enterprise_ca(key, CA_NAME, now - _BACKDATE, now + CA_LIFE, serial())
        write_private(certificate, pem.encode("ascii"))
    return Authority(key, certificate.read_text("ascii"))


class CertificateIssuer:
    """Issues certificates to the sandbox companies. `serial` makes unpredictable serial numbers."""

    def __init__(self, authority: Authority, register: Path, clock: Clock, serial: Callable[[], int]) -> None:
        self.authority = authority
        self._clock, self._serial = clock, serial
        self._connection = sqlite3.connect(register, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS holder (uscc TEXT PRIMARY KEY, public_key BLOB NOT NULL) STRICT"
        )

    def issue(self, signing_request_pem: str) -> str:
        """The certificate as PEM for a PKCS#10 request.

        Raises HuilianError INVALID_ARGUMENT (malformed, another curve, not signed by its own key), USCC_MALFORMED,
        NOT_FOUND (no such company under this name) or ALREADY_EXISTS (the company has another key).
        """
        request = _read_request(signing_request_pem)
        public_key = request.public_key()
        if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(public_key.curve, ec.SECP256K1):
            raise _malformed("a confirmation key is on secp256k1")
        code, name = _attribute(request, NameOID.SERIAL_NUMBER), _attribute(request, NameOID.COMMON_NAME)
        _check_company(code, name)
        self._pin(code, public_key)
        now = self._clock.now()
        return issue_enterprise_certificate(
            self.authority.key,
            self.authority.certificate_pem,
            public_key=public_key,
            uscc=code,
            name=name,
            not_before=now - _BACKDATE,
            not_after=now + CERTIFICATE_LIFE,
            serial=self._serial(),
        )

    def _pin(self, code: str, public_key: ec.EllipticCurvePublicKey) -> None:
        der = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self._connection.execute("INSERT OR IGNORE INTO holder (uscc, public_key) VALUES (?, ?)", (code, der))
        known = self._connection.execute("SELECT public_key FROM holder WHERE uscc = ?", (code,)).fetchone()
        if known[0] != der:
            raise HuilianError("ALREADY_EXISTS", "another key was certified first", resource=f"certificate of {code}")


def _read_request(pem: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(pem.encode("utf-8"))
        is_own = request.is_signature_valid
    except ValueError as error:
        raise _malformed("not a PKCS#10 request in PEM") from error
    if not is_own:
        raise _malformed("not signed by the key that it is for")
    return request


def _attribute(request: x509.CertificateSigningRequest, oid: x509.ObjectIdentifier) -> str:
    values = [attribute.value for attribute in request.subject.get_attributes_for_oid(oid)]
    if len(values) != 1 or not isinstance(values[0], str):
        raise _malformed("the subject names serialNumber (USCC) and CN (name) once each")
    return values[0]


def _check_company(code: str, name: str) -> None:
    if uscc.compact(code) != code or not uscc.is_valid(code):
        raise malformed_uscc(code)
    company = company_by_uscc(code)
    if company is None or company.name_zh != name:
        raise HuilianError("NOT_FOUND", "the register has no such company", resource=f"company {code} of this name")


def _malformed(detail: str) -> HuilianError:
    return HuilianError("INVALID_ARGUMENT", detail, field="signing_request_pem")
