"""Enterprise certificates: X.509 (RFC 5280) over an enterprise's secp256k1 confirmation key, issued by the enterprise
CA.

The subject holds the unified social credit code (USCC, 统一社会信用代码) as ``serialNumber`` and the registered name as
``CN``. One level: the CA that verifiers pin signs the enterprise's certificate directly (sandbox standing for a
licensed 电子认证 CA).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from huilian_protocol.errors import HuilianError

__all__ = [
    "EnterpriseIdentity",
    "create_enterprise_ca",
    "issue_enterprise_certificate",
    "verify_enterprise_certificate",
]

_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}", re.ASCII)
_PEM_END = "-----END CERTIFICATE-----\n"
_MAX_PEM_CHARS = 65_536
_REFUSALS = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
)


@dataclass(frozen=True, slots=True)
class EnterpriseIdentity:
    """Whom a verified certificate names, and the secp256k1 key that confirms for it."""

    uscc: str
    name: str
    public_key: ec.EllipticCurvePublicKey


def create_enterprise_ca(
    key: ec.EllipticCurvePrivateKey, name: str, not_before: datetime, not_after: datetime, serial: int
) -> str:
    """A self-signed CA certificate as PEM, for the sandbox."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key.public_key(), not_before, not_after, serial)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    return _pem(builder.sign(key, hashes.SHA256()))


def issue_enterprise_certificate(
    ca_key: ec.EllipticCurvePrivateKey,
    ca_pem: str,
    *,
    public_key: ec.EllipticCurvePublicKey,
    uscc: str,
    name: str,
    not_before: datetime,
    not_after: datetime,
    serial: int,
) -> str:
    """A certificate as PEM for an enterprise's secp256k1 key. Raises ``ValueError`` for another curve or a malformed
    USCC.
    """
    if not isinstance(public_key.curve, ec.SECP256K1) or not _USCC.fullmatch(uscc):
        raise ValueError("an enterprise certificate needs a secp256k1 key and a USCC")
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.SERIAL_NUMBER, uscc)]
    )
    issuer = _load(ca_pem).subject
    builder = _builder(subject, issuer, public_key, not_before, not_after, serial)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(authority=False), critical=True)
    return _pem(builder.sign(ca_key, hashes.SHA256()))


def verify_enterprise_certificate(certificate_pem: str, ca_pem: str, at: datetime) -> EnterpriseIdentity:
    """The enterprise that a pinned CA certified for the instant ``at`` (aware UTC).

    ``ca_pem`` may hold several CAs, one PEM block after the other, while a CA changes its root. Raises
    :class:`HuilianError` ENTERPRISE_CERTIFICATE_INVALID. There is no revocation list in the sandbox: the CA's
    certificates live short.
    """
    try:
        certificate = _load(certificate_pem)
        if _pem(certificate) != certificate_pem:
            # A receipt has one encoding, and readers of PEM differ in what they skip.
            raise ValueError("not in PEM's canonical spelling (RFC 7468, lines of 64)")
        _check_issued(certificate, _blocks(ca_pem), at)
        return _identity(certificate)
    except _REFUSALS as error:
        raise HuilianError("ENTERPRISE_CERTIFICATE_INVALID", str(error) or "not signed by the CA") from error


def _check_issued(certificate: x509.Certificate, authorities: Sequence[str], at: datetime) -> None:
    """Raises what is wrong under the first CA unless one of them issued the certificate for this instant."""
    first: Exception | None = None
    for pem in authorities:
        try:
            authority = _load(pem)
            certificate.verify_directly_issued_by(authority)
            _check(certificate, authority, at)
        except _REFUSALS as error:
            first = first or error
        else:
            return
    raise first or ValueError("no CA is pinned")


def _blocks(pem: str) -> list[str]:
    """The PEM blocks of a text, each with its end; what follows the last one is a block too, and a wrong one."""
    blocks = pem.split(_PEM_END)
    return [block + _PEM_END for block in blocks[:-1]] + ([blocks[-1]] if blocks[-1] else [])


def _check(certificate: x509.Certificate, authority: x509.Certificate, at: datetime) -> None:
    for item in (certificate, authority):
        if not item.not_valid_before_utc <= at <= item.not_valid_after_utc:
            raise ValueError("not valid at this time")
    if not authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise ValueError("the issuer is no CA")
    if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise ValueError("a CA's certificate confirms nothing")
    if not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment:
        raise ValueError("the key may not commit to content")


def _identity(certificate: x509.Certificate) -> EnterpriseIdentity:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256K1):
        raise ValueError("not a secp256k1 key")
    uscc, name = (_attribute(certificate, oid) for oid in (NameOID.SERIAL_NUMBER, NameOID.COMMON_NAME))
    if not _USCC.fullmatch(uscc):
        raise ValueError("no USCC in the subject")
    return EnterpriseIdentity(uscc, name, key)


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    if len(found) != 1 or not isinstance(found[0].value, str):
        raise ValueError("the subject is ambiguous")
    return found[0].value


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    not_before: datetime,
    not_after: datetime,
    serial: int,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(serial).not_valid_before(not_before).not_valid_after(not_after)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _load(pem: str) -> x509.Certificate:
    if len(pem) > _MAX_PEM_CHARS:
        raise ValueError("certificate too large")
    return x509.load_pem_x509_certificate(pem.encode("ascii"))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
