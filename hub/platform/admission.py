"""Lets a call in: certificate, token, revocation, policy, in this order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Protocol

from huilian_protocol.errors import HuilianError
from huilian_protocol.metadata import AUTHORIZATION, BEARER

from hub.platform import policy
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.calls import CallNotes, set_current_call
from hub.platform.peers import Peer, peer_of
from hub.platform.tokens import AccessToken, TokenVerifier


class TokenRevocations(Protocol):
    """Tokens that were ended before their time (hub/identity)."""

    async def is_revoked(self, token_id: str) -> bool:
        """Whether this token was revoked."""
        ...


class Admission:
    """Decides who is calling and whether they may."""

    def __init__(self, verifier: TokenVerifier, revocations: TokenRevocations) -> None:
        self._verifier = verifier
        self._revocations = revocations

    async def admit(
        self, method: str, metadata: Mapping[str, str], auth_context: Mapping[str, Iterable[bytes]]
    ) -> CallNotes:
        """Set the current caller and give the call's notes.

        A token, where there is one, says who is calling; without one the mTLS certificate does. Raises HuilianError
        UNAUTHENTICATED, TOKEN_EXPIRED or PERMISSION_DENIED; at the last it is known, and set, who was refused.
        """
        peer = peer_of(auth_context)
        notes = CallNotes(certificate=peer.certificate)
        caller = await self._caller(method, metadata.get(AUTHORIZATION, ""), peer, notes)
        set_current_caller(caller)
        policy.check(method, caller)
        set_current_call(notes)
        return notes

    async def _caller(self, method: str, authorization: str, peer: Peer, notes: CallNotes) -> Caller:
        if not authorization:
            return peer.caller
        try:
            token = await self._token(authorization, peer)
        except HuilianError:
            # Signing in again must work with an old token still in hand.
            if Role.ANONYMOUS in policy.allowed_roles(method):
                return peer.caller
            raise
        notes.token_id = token.token_id
        return token.caller

    async def _token(self, authorization: str, peer: Peer) -> AccessToken:
        if not authorization.startswith(BEARER):
            raise HuilianError("UNAUTHENTICATED", "not a bearer token")
        token = self._verifier.verify(authorization[len(BEARER) :])
        if token.certificate and token.certificate != peer.certificate:
            raise HuilianError("UNAUTHENTICATED", "the token is bound to another certificate")
        for ended in (token.token_id, person_mark(token.caller.id)):
            if await self._revocations.is_revoked(ended):
                raise HuilianError("UNAUTHENTICATED", "the token was revoked")
        return token


def person_mark(caller_id: str) -> str:
    """The name under which all tokens of one caller are revoked at once."""
    return "caller:" + sha256(caller_id.encode()).hexdigest()[:40]
