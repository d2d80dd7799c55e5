"""Signing in: a challenge for the phone, its assertion for a short-lived token."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r204  # type: ignore[import-untyped]
from huilian.identity.v1 import identity_service_pb2 as pb
from huilian_protocol.canonical import b64u_decode, b64u_encode
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Base64Url, DeviceAssertion, Form, time_text


class Challenge(BaseModel):
    """Random bytes for the device to sign, good for one use until `expires_at`."""

    challenge: str
    expires_at: str


class DeviceLogin(Form):
    """The device's assertion over the challenge."""

    subject: str = Field(min_length=8, max_length=64)
    challenge: Base64Url
    assertion: DeviceAssertion


class ClientLogin(Form):
    """A client assertion of an enterprise (RFC 7523)."""

    client_assertion: str = Field(min_length=1, max_length=4096)


class Token(BaseModel):
    """An access token for `Authorization: Bearer`."""

    access_token: str
    expires_at: str
    subject: str


class ChallengeScreen(Screen):
    """POST /api/v1/login/challenges"""

    signed_in, keyed = False, False

    async def post(self) -> r201[Challenge]:
        """Ask for a challenge.

        Tags: login
        """
        made = await self.anonymous.identity.create_challenge()
        return answer(
            Challenge(challenge=b64u_encode(made.challenge), expires_at=time_text(made.expire_time)), status=201
        )


class DeviceLoginScreen(Screen):
    """POST /api/v1/login/device"""

    signed_in, keyed = False, False

    async def post(self, body: DeviceLogin) -> r200[Token]:
        """Sign a person in by the key of their phone.

        Tags: login
        """
        signed = body.assertion.to_assertion()
        assertion = pb.DeviceAssertion(
            authenticator_data=signed.authenticator_data,
            client_data_json=signed.client_data_json,
            signature=signed.signature,
        )
        grant = pb.PersonGrant(subject=body.subject, assertion=assertion, challenge=b64u_decode(body.challenge))
        return _token(await self.anonymous.identity.issue_token(pb.IssueTokenRequest(person=grant)))


class ClientLoginScreen(Screen):
    """POST /api/v1/login/client"""

    signed_in, keyed = False, False

    async def post(self, body: ClientLogin) -> r200[Token]:
        """Sign an enterprise in by its token key.

        Tags: login
        """
        request = pb.IssueTokenRequest(client_assertion=body.client_assertion)
        return _token(await self.anonymous.identity.issue_token(request))


class LogoutScreen(Screen):
    """DELETE /api/v1/login"""

    async def delete(self) -> r204:
        """End the token now.

        Tags: login
        """
        await self.hub.identity.revoke_token()
        return web.Response(status=204)


def _token(issued: pb.IssueTokenResponse) -> web.Response:
    return answer(
        Token(access_token=issued.access_token, expires_at=time_text(issued.expire_time), subject=issued.subject)
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/login/challenges", ChallengeScreen),
        web.view("/api/v1/login/device", DeviceLoginScreen),
        web.view("/api/v1/login/client", ClientLoginScreen),
        web.view("/api/v1/login", LogoutScreen),
    ]
