"""Logins: a proof of a registered key, used once, becomes a short-lived access token.

A challenge is signed by nobody and stored nowhere: it is `expiry || MAC`, so creating one costs the hub no memory, and
the table remembers only those that were used.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.client_assertion import claimed_client_id, verify_client_assertion
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import Jwk, jwk_to_public_key, thumbprint
from huilian_protocol.trust import TrustAnchors
from huilian_protocol.webauthn import Assertion, verify_assertion

from hub.identity.ports import TokenIssuer
from hub.identity.service import IdentityService
from hub.identity.store import IdentityStore
from hub.platform.callers import Caller, Role

CHALLENGE_LIFE = timedelta(minutes=2)
# A revocation may be forgotten once the token would have ended anyway.
LONGEST_TOKEN_LIFE = timedelta(hours=1)
_TIME_BYTES, _NONCE_BYTES, _MAC_BYTES = 5, 11, 16


class LoginService:
    """Turns proofs into tokens. `services` holds the token keys and roles of services that are not enterprises."""

    def __init__(
        self,
        identity: IdentityService,
        store: IdentityStore,
        tokens: TokenIssuer,
        trust: TrustAnchors,
        clock: Clock,
        *,
        origin: str,
        challenge_key: bytes,
        random_bytes: Callable[[int], bytes],
        services: Mapping[str, tuple[Role, Jwk]],
    ) -> None:
        self._identity, self._store, self._tokens = identity, store, tokens
        self._trust, self._clock, self._origin = trust, clock, origin
        self._challenge_key, self._random_bytes = challenge_key, random_bytes
        self._services = services

    def create_challenge(self) -> tuple[bytes, datetime]:
        """A challenge of 32 bytes and the instant at which it ends."""
        expires = self._clock.now().replace(microsecond=0) + CHALLENGE_LIFE
        head = int(expires.timestamp()).to_bytes(_TIME_BYTES, "big") + self._random_bytes(_NONCE_BYTES)
        return head + self._mac(head), expires

    async def login_person(
        self, subject: str, assertion: Assertion, challenge: bytes, certificate: str
    ) -> tuple[str, datetime]:
        """A token for a person whose bound device answered the challenge.

        Raises UNAUTHENTICATED for a person who is unknown or a challenge that is not ours, expired or used, and
        ASSERTION_INVALID or BINDING_INVALID.
        """
        expires = self._challenge_end(challenge)
        try:
            binding = await self._identity.device_binding(subject)
        except HuilianError as error:
            if error.code == "NOT_FOUND":
                raise HuilianError("UNAUTHENTICATED", "no such person") from error
            raise
        verify_assertion(assertion, binding.device_key, challenge, self._trust.rp_id, self._trust.origin)
        await self._use_once(f"challenge/{_digest(challenge)}", expires)
        return self._tokens.issue(Caller(subject, Role.CITIZEN), certificate)

    async def login_client(self, client_assertion: str, certificate: str) -> tuple[str, datetime, str]:
        """Token, its end and whom it is for: an enterprise or service by client assertion. A service's, an operator's
        above all, is good only through the mTLS certificate over which it was asked for. Raises UNAUTHENTICATED.
        """
        client_id = claimed_client_id(client_assertion)
        role, jwk = await self._client(client_id)
        if role is not Role.ENTERPRISE and not certificate:
            raise HuilianError("UNAUTHENTICATED", "services sign in over mutual TLS")
        key = jwk_to_public_key(jwk)
        proof = verify_client_assertion(client_assertion, {thumbprint(key): key}, self._origin, self._clock.now())
        await self._use_once(
            f"jti/{b64u_encode(hashlib.sha256(f'{client_id}/{proof.jti}'.encode()).digest())}", proof.expires_at
        )
        token, expires_at = self._tokens.issue(Caller(client_id, role), certificate)
        return token, expires_at, client_id

    async def revoke(self, token_id: str) -> None:
        """End a token before its time; a caller who came without one has nothing to end."""
        if token_id:
            await self._store.revoke_token(token_id, self._clock.now() + LONGEST_TOKEN_LIFE, self._clock.now())

    async def _client(self, client_id: str) -> tuple[Role, Jwk]:
        if client_id in self._services:
            return self._services[client_id]
        row = await self._store.enterprise(client_id)
        if row is None:
            raise HuilianError("UNAUTHENTICATED", "no such client")
        return Role.ENTERPRISE, dict(row.token_jwk)

    async def _use_once(self, proof_id: str, expires_at: datetime) -> None:
        if not await self._store.use_proof(proof_id, expires_at, self._clock.now()):
            raise HuilianError("UNAUTHENTICATED", "this proof was used before")

    def _challenge_end(self, challenge: bytes) -> datetime:
        head, mac = challenge[:-_MAC_BYTES], challenge[-_MAC_BYTES:]
        if len(challenge) != _TIME_BYTES + _NONCE_BYTES + _MAC_BYTES or not hmac.compare_digest(mac, self._mac(head)):
            raise HuilianError("UNAUTHENTICATED", "not a challenge of this hub")
        expires = datetime.fromtimestamp(int.from_bytes(head[:_TIME_BYTES], "big"), UTC)
        if expires <= self._clock.now():
            raise HuilianError("UNAUTHENTICATED", "the challenge has expired")
        return expires

    def _mac(self, head: bytes) -> bytes:
        return hmac.new(self._challenge_key, head, hashlib.sha256).digest()[:_MAC_BYTES]


def _digest(proof: bytes) -> str:
    return b64u_encode(hashlib.sha256(proof).digest())
