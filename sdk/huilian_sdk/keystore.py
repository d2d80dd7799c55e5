"""An enterprise's own keys in one encrypted file: the secp256k1 key that confirms receivables and the P-256 key for
tokens.

The hub never holds them. The file is JSON with the two private keys encrypted by AES-256-GCM under a key that scrypt
(RFC 7914, N = 2^17, r = 8, p = 1) derives from the password; everything readable in it is authenticated as associated
data.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.x509.oid import NameOID
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.confirmation import ReceivableConfirmation, confirmation_digest
from huilian_protocol.delegation import Delegation, EnterpriseProof, Link
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import Jwk, public_key_to_jwk
from huilian_protocol.strict import bytes_at, object_with, text_at
from stdnum.cn import uscc as uscc_number
from stdnum.exceptions import ValidationError

from huilian_sdk._errors import typed
from huilian_sdk._files import read_private, write_private

__all__ = ["Keystore", "check_uscc"]

TYPE = "huilian-keystore/v1"
SCRYPT_N = 2**17
_KEYS = ("certificate_pem", "ciphertext", "name", "nonce", "salt", "type", "uscc")
_SECRET_KEYS = ("confirmation_key", "token_key")


def check_uscc(text: str) -> str:
    """The unified social credit code (GB 32100) in upper case. Raises :class:`HuilianError` USCC_MALFORMED."""
    try:
        return str(uscc_number.validate(text.strip().upper()))
    except ValidationError as error:
        raise typed(HuilianError("USCC_MALFORMED", type(error).__name__, uscc=text[:32])) from error


@dataclass(frozen=True, repr=False)
class Keystore:
    """The keys of one enterprise, open in memory. ``certificate_pem`` is empty until the CA has certified the key."""

    uscc: str
    name: str
    token_key: ec.EllipticCurvePrivateKey
    _confirmation_secret: bytes
    certificate_pem: str = ""

    @classmethod
    def generate(cls, uscc: str, name: str, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Keystore:
        """Fresh keys. Raises :class:`HuilianError` USCC_MALFORMED."""
        token = ec.derive_private_key(_scalar(random_bytes, _P256_ORDER), ec.SECP256R1())
        confirmation = _scalar(random_bytes, _SECP256K1_ORDER).to_bytes(32, "big")
        return cls(check_uscc(uscc), name, token, confirmation)

    @classmethod
    def load(cls, path: Path | str, password: str) -> Keystore:
        """Open a keystore file. Raises ``ValueError`` for another file, a changed file or a wrong password."""
        value = object_with(parse_canonical(read_private(path)), _KEYS, "keystore")
        if value["type"] != TYPE:
            raise ValueError("not a keystore of this version")
        key = _derive(password, bytes_at(value, "salt", 16))
        try:
            opened = AESGCM(key).decrypt(
                bytes_at(value, "nonce", 12), b64u_decode(value["ciphertext"]), _associated(value)
            )
        except InvalidTag as error:
            raise ValueError("wrong password, or the file was changed") from error
        return cls._from_secrets(value, object_with(parse_canonical(opened), _SECRET_KEYS, "keys"))

    def save(
        self, path: Path | str, password: str, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        """Write the encrypted file, readable by its owner only. Raises ``ValueError`` for an empty password."""
        if not password:
            raise ValueError("a keystore needs a password")
        salt, nonce = random_bytes(16), random_bytes(12)
        value: dict[str, Any] = {
            "certificate_pem": self.certificate_pem,
            "name": self.name,
            "nonce": b64u_encode(nonce),
            "salt": b64u_encode(salt),
            "type": TYPE,
            "uscc": self.uscc,
        }
        sealed = AESGCM(_derive(password, salt)).encrypt(nonce, self._secrets(), _associated(value))
        write_private(path, canonicalise({**value, "ciphertext": b64u_encode(sealed)}))

    def with_certificate(self, certificate_pem: str) -> Keystore:
        """The same keys with the CA's certificate. Raises ``ValueError`` if it certifies another key."""
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode("ascii"))
        if certificate.public_key() != self._confirmation_key().public_key():
            raise ValueError("the certificate is for another key")
        return Keystore(self.uscc, self.name, self.token_key, self._confirmation_secret, certificate_pem)

    def signing_request_pem(self) -> str:
        """A PKCS#10 request (RFC 2986) for the confirmation key: CN = name, serialNumber = USCC."""
        subject = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, self.name), x509.NameAttribute(NameOID.SERIAL_NUMBER, self.uscc)]
        )
        request = x509.CertificateSigningRequestBuilder(subject).sign(self._confirmation_key(), hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def sign_delegation(self, statement: Delegation, certificate_pem: str) -> Link:
        """The company's delegation of ``statement``, proved by the key that the CA certified in ``certificate_pem``.

        Raises :class:`HuilianError` DELEGATION_INVALID for a statement of another company.
        """
        if statement.delegator != self.uscc:
            raise typed(HuilianError("DELEGATION_INVALID", reason="the delegator is another company"))
        signature = PrivateKey(self._confirmation_secret).sign_recoverable(statement.sha256, hasher=None)
        return Link(statement, EnterpriseProof(certificate_pem, signature[:64] + bytes([27 + signature[64]])))

    def sign_confirmation(self, message: ReceivableConfirmation) -> bytes:
        """The 65-byte EIP-712 signature r || s || v over ``message``.

        Raises :class:`HuilianError` CONFIRMATION_MISMATCH for a receivable of another buyer.
        """
        if message.buyer_uscc != self.uscc:
            raise typed(HuilianError("CONFIRMATION_MISMATCH", "the buyer is another enterprise", field="buyerUscc"))
        signature = PrivateKey(self._confirmation_secret).sign_recoverable(confirmation_digest(message), hasher=None)
        return signature[:64] + bytes([27 + signature[64]])

    @property
    def token_public_jwk(self) -> Jwk:
        """The public token key, as it is registered."""
        return public_key_to_jwk(self.token_key.public_key())

    @property
    def confirmation_public_key(self) -> ec.EllipticCurvePublicKey:
        """The public confirmation key, secp256k1."""
        return self._confirmation_key().public_key()

    def __repr__(self) -> str:
        return f"Keystore({self.uscc})"

    def _confirmation_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(self._confirmation_secret, "big"), ec.SECP256K1())

    def _secrets(self) -> bytes:
        token = self.token_key.private_numbers().private_value.to_bytes(32, "big")
        return canonicalise(
            {"confirmation_key": b64u_encode(self._confirmation_secret), "token_key": b64u_encode(token)}
        )

    @classmethod
    def _from_secrets(cls, value: dict[str, Any], opened: dict[str, Any]) -> Keystore:
        token = int.from_bytes(bytes_at(opened, "token_key", 32), "big")
        return cls(
            uscc=text_at(value, "uscc"),
            name=text_at(value, "name"),
            token_key=ec.derive_private_key(token, ec.SECP256R1()),
            _confirmation_secret=bytes_at(opened, "confirmation_key", 32),
            certificate_pem=text_at(value, "certificate_pem", most=65_536, least=0),
        )


_P256_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
_SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def _scalar(random_bytes: Callable[[int], bytes], order: int) -> int:
    """A private scalar in 1 .. order - 1; 16 spare bytes make the reduction's bias negligible (FIPS 186-5 A.2.1)."""
    return int.from_bytes(random_bytes(48), "big") % (order - 1) + 1


def _derive(password: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=SCRYPT_N, r=8, p=1).derive(password.encode("utf-8"))


def _associated(value: dict[str, Any]) -> bytes:
    return canonicalise({name: item for name, item in value.items() if name != "ciphertext"})
