"""Access tokens: ES256 JWTs (RFC 9068 `at+jwt`) that live 15 minutes, and the cache of verified ones.

Verifying a signature on every call would halve throughput, so a verified token is remembered by its hash until it ends;
revocation is a separate question, asked every time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import sign_jws, thumbprint, verify_jws

from hub.platform.callers import Caller, Role
from hub.platform.ids import Ids

TYP = "at+jwt"
LIFE = timedelta(minutes=15)
CACHE_SIZE = 20_000


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a verified token says. `certificate` is the thumbprint of the mTLS certificate it is bound to, or empty."""

    caller: Caller
    token_id: str
    expires_at: datetime
    certificate: str


class TokenIssuer:
    """Signs access tokens with the hub's present key."""

    def __init__(self, key: Callable[[], ec.EllipticCurvePrivateKey], origin: str, clock: Clock, ids: Ids) -> None:
        self._key = key
        self._origin = origin
        self._clock = clock
        self._ids = ids

    def issue(self, caller: Caller, certificate: str = "") -> tuple[str, datetime]:
        """A token for the caller and when it ends; with a certificate's thumbprint it is good on that mTLS peer
        only.
        """
        now = self._clock.now()
        expires = (now + LIFE).replace(microsecond=0)
        claims: dict[str, Any] = {
            "aud": self._origin,
            "exp": int(expires.timestamp()),
            "iat": int(now.timestamp()),
            "iss": self._origin,
            "jti": self._ids(),
            "role": caller.role.value,
            "sub": caller.id,
        }
        if certificate:
            claims["cnf"] = {"x5t#S256": certificate}  # RFC 8705 section 3.1
        key = self._key()
        return sign_jws(key, claims, TYP, thumbprint(key.public_key())), expires


class TokenVerifier:
    """Verifies access tokens of this hub."""

    def __init__(self, keys: Mapping[str, ec.EllipticCurvePublicKey], origin: str, clock: Clock) -> None:
        self._keys = keys
        self._origin = origin
        self._clock = clock
        self._verified: OrderedDict[bytes, AccessToken] = OrderedDict()

    def verify(self, token: str) -> AccessToken:
        """What the token says. Raises HuilianError UNAUTHENTICATED or TOKEN_EXPIRED. Does not look at revocations."""
        digest = sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None:
            known = self._remember(digest, self._read(token))
        if known.expires_at <= self._clock.now():
            self._verified.pop(digest, None)
            raise HuilianError("TOKEN_EXPIRED")
        return known

    def _remember(self, digest: bytes, token: AccessToken) -> AccessToken:
        self._verified[digest] = token
        if len(self._verified) > CACHE_SIZE:
            self._verified.popitem(last=False)
        return token

    def _read(self, token: str) -> AccessToken:
        claims = verify_jws(token, self._keys, TYP)
        if claims.get("iss") != self._origin or claims.get("aud") != self._origin:
            raise HuilianError("UNAUTHENTICATED", "a token of another hub")
        try:
            return AccessToken(
                caller=Caller(str(claims["sub"]), Role(claims["role"])),
                token_id=str(claims["jti"]),
                expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
                certificate=str(claims.get("cnf", {}).get("x5t#S256", "")),
            )
        except (KeyError, ValueError) as error:
            raise HuilianError("UNAUTHENTICATED", "a token with unexpected claims") from error
