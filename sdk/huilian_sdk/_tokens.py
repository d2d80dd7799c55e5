"""Access tokens: fetched by a signer when first needed, shared by all calls, renewed before they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from huilian.identity.v1 import identity_service_pb2 as pb
from huilian_protocol.client_assertion import sign_client_assertion
from huilian_protocol.clock import Clock
from huilian_protocol.webauthn import Assertion

from huilian_sdk._calls import new_id

# Renew this long before the end, so that a token does not end on its way to the hub.
MARGIN = timedelta(seconds=20)


class AssertionSigner(Protocol):
    """A device that answers challenges: the software authenticator or a bridge to a real one."""

    def sign(self, challenge: bytes) -> Assertion:
        """The assertion over ``challenge``."""
        ...


class TokenSigner(Protocol):
    """Proves to the hub who asks for a token."""

    async def grant(self, challenge: Callable[[], Awaitable[bytes]]) -> pb.IssueTokenRequest:
        """The request for a token; ``challenge`` fetches one where the proof needs it."""
        ...


@dataclass(frozen=True, slots=True)
class DeviceSigner:
    """Signs a person in by a registered device key."""

    subject: str
    device: AssertionSigner

    async def grant(self, challenge: Callable[[], Awaitable[bytes]]) -> pb.IssueTokenRequest:
        """A fresh challenge answered by the device."""
        value = await challenge()
        assertion = assertion_message(self.device.sign(value))
        return pb.IssueTokenRequest(person=pb.PersonGrant(subject=self.subject, assertion=assertion, challenge=value))


@dataclass(frozen=True, slots=True)
class ClientSigner:
    """Signs an enterprise or a service in by a client assertion (RFC 7523) with its P-256 token key.

    ``audience`` is the hub's origin; ``clock`` must agree with the hub's (a sandbox whose clock is moved shares its
    clock file).
    """

    client_id: str
    key: ec.EllipticCurvePrivateKey
    audience: str
    clock: Clock
    ids: Callable[[], str] = new_id

    async def grant(self, challenge: Callable[[], Awaitable[bytes]]) -> pb.IssueTokenRequest:
        """A fresh client assertion; no challenge is needed."""
        assertion = sign_client_assertion(
            self.key, client_id=self.client_id, audience=self.audience, now=self.clock.now(), jti=self.ids()
        )
        return pb.IssueTokenRequest(client_assertion=assertion)


class NoTokens:
    """Calls without a token."""

    async def token(self) -> str:
        return ""

    def forget(self, token: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class FixedToken:
    """Calls with a token that somebody else fetched, for example a browser's session."""

    value: str

    async def token(self) -> str:
        return self.value

    def forget(self, token: str) -> bool:
        return False


class SignedTokens:
    """Tokens from a signer. One fetch at a time: calls that come together share it."""

    def __init__(
        self,
        signer: TokenSigner,
        clock: Clock,
        issue: Callable[[pb.IssueTokenRequest], Awaitable[pb.IssueTokenResponse]],
        challenge: Callable[[], Awaitable[bytes]],
    ) -> None:
        self._signer, self._clock, self._issue, self._challenge = signer, clock, issue, challenge
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = datetime.min.replace(tzinfo=UTC)

    async def token(self) -> str:
        """A token with at least :data:`MARGIN` to live. Raises as a call does if none can be had."""
        async with self._lock:
            if not self._token or self._clock.now() >= self._renew_at:
                await self._fetch()
            return self._token

    def forget(self, token: str) -> bool:
        """Drop ``token`` unless it was replaced in the meantime; a new one can always be asked for."""
        if token == self._token:
            self._token = ""
        return True

    async def _fetch(self) -> None:
        answer = await self._issue(await self._signer.grant(self._challenge))
        self._token = answer.access_token
        self._renew_at = answer.expire_time.ToDatetime(tzinfo=UTC) - MARGIN


def assertion_message(assertion: Assertion) -> pb.DeviceAssertion:
    """The wire form of a device assertion."""
    return pb.DeviceAssertion(
        authenticator_data=assertion.authenticator_data,
        client_data_json=assertion.client_data_json,
        signature=assertion.signature,
    )
