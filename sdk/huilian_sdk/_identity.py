"""Who is who: ``hub.identity``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.identity.v1 import identity_service_pb2 as pb
from huilian_protocol.jose import Jwk

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.identity.v1.IdentityService"
_TOKENS = "huilian.identity.v1.TokenService"


@dataclass(frozen=True, slots=True)
class Identity:
    """Persons by network number, enterprises by USCC, and the keys that are published."""

    calls: Calls

    async def register_person(
        self, sealed_identity: bytes, device_public_jwk: Jwk, *, call: Call | None = None
    ) -> pb.RegisterPersonResponse:
        """Register a person, whose identity is sealed to the identity authority, with a first device key.

        Who is not registered yet has no token: use a client without a signer.
        """
        request = pb.RegisterPersonRequest(
            sealed_identity=sealed_identity, device_public_key_jwk=json.dumps(device_public_jwk)
        )
        return await self.calls.unary(_SERVICE, request, pb.RegisterPersonResponse, call)

    async def request_guardianship(self, sealed_request: bytes, *, call: Call | None = None) -> bytes:
        """The identity authority's word that the caller is a child's guardian
        (:meth:`huilian_sdk.Person.seal_guardianship`): a delegation document to consent for the child with
        (:func:`huilian_protocol.delegation.link_from`).

        Raises :class:`HuilianError` DELEGATION_INVALID when the register of families says otherwise.
        """
        request = pb.RequestGuardianshipRequest(sealed_request=sealed_request)
        return (await self.calls.unary(_SERVICE, request, pb.RequestGuardianshipResponse, call)).delegation

    async def register_enterprise(
        self,
        *,
        uscc: str,
        name: str,
        confirmation_certificate_pem: str,
        token_public_jwk: Jwk,
        call: Call | None = None,
    ) -> pb.Enterprise:
        """Register an enterprise with its certified confirmation key and its token key; the sandbox's operator may."""
        request = pb.RegisterEnterpriseRequest(
            uscc=uscc,
            name=name,
            confirmation_certificate_pem=confirmation_certificate_pem,
            token_public_key_jwk=json.dumps(token_public_jwk),
        )
        answer = await self.calls.unary(_SERVICE, request, pb.RegisterEnterpriseResponse, call)
        return answer.enterprise

    async def enterprise(self, uscc: str, *, call: Call | None = None) -> pb.Enterprise:
        """One enterprise."""
        request = pb.GetEnterpriseRequest(uscc=uscc)
        return (await self.calls.unary(_SERVICE, request, pb.GetEnterpriseResponse, call)).enterprise

    def enterprises(self) -> Pages[pb.Enterprise]:
        """All registered enterprises."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Enterprise], common_pb2.PageResponse]:
            request = pb.ListEnterprisesRequest(page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListEnterprisesResponse)
            return list(answer.enterprises), answer.page

        return Pages(fetch)

    async def key_set(self, *, call: Call | None = None) -> pb.GetKeySetResponse:
        """The hub's signing keys, the parties' sealing keys, the log's verifier key and the hub's origin."""
        request = pb.GetKeySetRequest()
        return await self.calls.unary(_SERVICE, request, pb.GetKeySetResponse, call, authenticated=False)

    async def create_challenge(self, *, call: Call | None = None) -> pb.CreateChallengeResponse:
        """A challenge for a device assertion, good for one use."""
        request = pb.CreateChallengeRequest()
        return await self.calls.unary(_TOKENS, request, pb.CreateChallengeResponse, call, authenticated=False)

    async def issue_token(self, request: pb.IssueTokenRequest, *, call: Call | None = None) -> pb.IssueTokenResponse:
        """Exchange a proof for an access token. A proof counts once, so this call is not tried again by itself."""
        return await self.calls.unary(
            _TOKENS, request, pb.IssueTokenResponse, call, idempotent=False, authenticated=False
        )

    async def revoke_token(self, *, call: Call | None = None) -> None:
        """End the caller's token now."""
        await self.calls.unary(_TOKENS, pb.RevokeTokenRequest(), pb.RevokeTokenResponse, call)
