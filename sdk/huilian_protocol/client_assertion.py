"""Client assertions (RFC 7523, private_key_jwt): how an enterprise or a service asks for an access token.

A client assertion is a JWS of type ``client-authentication+jwt`` with ``iss`` = ``sub`` = client id (a USCC or the name
of a service), ``aud`` = the hub's origin, ``iat``, ``exp`` at most five minutes later and a ``jti`` that is used once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import b64u_decode, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import MAX_TOKEN_CHARS, sign_jws, thumbprint, verify_jws
from huilian_protocol.strict import integer_at, matching_at, object_with, text_at

__all__ = ["ClientAssertion", "claimed_client_id", "sign_client_assertion", "verify_client_assertion"]

TYP = "client-authentication+jwt"
LIFE = timedelta(minutes=2)
MAX_LIFE = timedelta(minutes=5)
CLOCK_SKEW = timedelta(seconds=60)
_CODE = "UNAUTHENTICATED"
_CLAIMS = ("aud", "exp", "iat", "iss", "jti", "sub")
_MAX_SECONDS = 2**40
_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """A verified client assertion; whoever accepts it must remember ``jti`` until ``expires_at``."""

    client_id: str
    jti: str
    expires_at: datetime


def sign_client_assertion(
    key: ec.EllipticCurvePrivateKey, *, client_id: str, audience: str, now: datetime, jti: str
) -> str:
    """A client assertion that lives two minutes; the ``kid`` is the key's thumbprint."""
    issued = int(now.timestamp())
    expires = issued + int(LIFE.total_seconds())
    claims = {"aud": audience, "exp": expires, "iat": issued, "iss": client_id, "jti": jti, "sub": client_id}
    return sign_jws(key, claims, TYP, thumbprint(key.public_key()))


def claimed_client_id(token: str) -> str:
    """Who the token says it is from, to look its key up; nothing is verified yet.

    Raises :class:`HuilianError` UNAUTHENTICATED if the token is malformed.
    """
    try:
        if len(token) > MAX_TOKEN_CHARS or token.count(".") != 2:
            raise ValueError("not a compact JWS")
        claims = object_with(parse_canonical(b64u_decode(token.split(".")[1])), _CLAIMS, "client assertion")
        return matching_at(claims, "iss", _CLIENT_ID)
    except ValueError as error:
        raise HuilianError(_CODE, f"client assertion: {error}") from error


def verify_client_assertion(
    token: str, keys: Mapping[str, ec.EllipticCurvePublicKey], audience: str, now: datetime
) -> ClientAssertion:
    """The assertion that one of the client's ``keys`` signed for this ``audience`` and that is valid at ``now``.

    Raises :class:`HuilianError` UNAUTHENTICATED. Whether ``jti`` was used before is the caller's to check.
    """
    claims = verify_jws(token, keys, TYP, code=_CODE)
    try:
        return _read(object_with(claims, _CLAIMS, "client assertion"), audience, now)
    except ValueError as error:
        raise HuilianError(_CODE, f"client assertion: {error}") from error


def _read(claims: dict[str, Any], audience: str, now: datetime) -> ClientAssertion:
    client_id, jti = text_at(claims, "iss"), text_at(claims, "jti", least=8)
    if claims["sub"] != client_id or claims["aud"] != audience:
        raise ValueError("for another subject or audience")
    issued, expires = (
        datetime.fromtimestamp(integer_at(claims, name, 0, _MAX_SECONDS), UTC) for name in ("iat", "exp")
    )
    if expires - issued > MAX_LIFE or issued > now + CLOCK_SKEW:
        raise ValueError("lives too long or comes from the future")
    if expires <= now:
        raise ValueError("expired")
    return ClientAssertion(client_id, jti, expires)
