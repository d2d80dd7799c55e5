"""Pure rules of identity: what a well-formed USCC is, which key belongs to whom."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.binding import Binding
from huilian_protocol.canonical import parse_json
from huilian_protocol.certificate import verify_enterprise_certificate
from huilian_protocol.errors import HuilianError, malformed_uscc
from huilian_protocol.jose import Jwk, jwk_to_public_key, public_key_to_jwk, thumbprint
from stdnum.cn import uscc as uscc_standard

from hub.platform.callers import Caller, Role


def check_uscc(text: str) -> str:
    """The unified social credit code (GB 32100-2015) if it is well formed; raises USCC_MALFORMED."""
    if uscc_standard.compact(text) != text or not uscc_standard.is_valid(text):
        raise malformed_uscc(text)
    return text


def check_registrar(caller: Caller, uscc: str) -> None:
    """Raise PERMISSION_DENIED when an enterprise registers another than itself.

    A certificate is public: without this, whoever has one could put a token key of their own beside it.
    """
    if caller.role is Role.ENTERPRISE and caller.id != uscc:
        raise HuilianError("PERMISSION_DENIED", "an enterprise registers itself only")


def read_public_jwk(text: str, field: str) -> ec.EllipticCurvePublicKey:
    """The P-256 key of a JWK in JSON; raises INVALID_ARGUMENT naming the field."""
    try:
        return jwk_to_public_key(parse_json(text.encode("utf-8")))
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", f"{field}: {error}", field=field) from error


def canonical_jwk(key: ec.EllipticCurvePublicKey) -> Jwk:
    """The form in which a key is stored: required members only."""
    return public_key_to_jwk(key)


def check_binding_for(binding: Binding, device_key: ec.EllipticCurvePublicKey) -> None:
    """Raise BINDING_INVALID unless the authority bound this very device key."""
    if thumbprint(binding.device_key) != thumbprint(device_key):
        raise HuilianError("BINDING_INVALID", "the authority bound another device key")


def check_confirmation_certificate(pem: str, uscc: str, name: str, ca_pem: str, now: datetime) -> None:
    """Raise ENTERPRISE_CERTIFICATE_INVALID unless the pinned CA certified the key over this very USCC and name.

    The name is what others will see, so nobody chooses one that the CA did not check.
    """
    certified = verify_enterprise_certificate(pem, ca_pem, now)
    if (certified.uscc, certified.name) != (uscc, name):
        raise HuilianError("ENTERPRISE_CERTIFICATE_INVALID", "the certificate names another enterprise")
