"""huilian.identity.v1 on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.identity.v1 import identity_service_pb2 as pb
from huilian.identity.v1 import identity_service_pb2_grpc
from huilian_protocol.webauthn import Assertion

from hub.identity.keyset import KeyPublisher
from hub.identity.login import LoginService
from hub.identity.rules import check_registrar
from hub.identity.service import EnterpriseRegistration, IdentityService
from hub.identity.store import EnterpriseRow
from hub.platform.callers import current_caller
from hub.platform.calls import current_call
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE, id_token

USCC_LENGTH = 18


class IdentityServicer(identity_service_pb2_grpc.IdentityServiceServicer):
    """Serves registrations and the published keys."""

    def __init__(self, service: IdentityService, keys: KeyPublisher, idempotency: Idempotency) -> None:
        self._service, self._keys, self._idempotency = service, keys, idempotency

    async def RegisterPerson(self, request: pb.RegisterPersonRequest, context: Any) -> pb.RegisterPersonResponse:
        """Register a person whom the identity authority knows."""
        first = await self._idempotency.replay("RegisterPerson", request, pb.RegisterPersonResponse)
        if first is not None:
            return first
        # The authority is asked before the transaction: nothing waits for the network while it holds a lock.
        token, binding = await self._service.ask_authority(request.sealed_identity, request.device_public_key_jwk)

        async def use_case() -> pb.RegisterPersonResponse:
            await self._service.save_person(token, binding)
            return pb.RegisterPersonResponse(subject=binding.subject, key_binding=token)

        response_type = pb.RegisterPersonResponse
        return await self._idempotency.run("RegisterPerson", request, response_type, use_case, about=binding.subject)

    async def RequestGuardianship(
        self, request: pb.RequestGuardianshipRequest, context: Any
    ) -> pb.RequestGuardianshipResponse:
        """A guardian's delegation from the identity authority."""
        word = await self._service.ask_guardianship(current_caller().id, request.sealed_request)
        return pb.RequestGuardianshipResponse(delegation=word)

    async def RegisterEnterprise(
        self, request: pb.RegisterEnterpriseRequest, context: Any
    ) -> pb.RegisterEnterpriseResponse:
        """Register an enterprise with its certified key."""
        check_registrar(current_caller(), request.uscc)
        wanted = EnterpriseRegistration(
            request.uscc, request.name, request.confirmation_certificate_pem, request.token_public_key_jwk
        )

        async def use_case() -> pb.RegisterEnterpriseResponse:
            row = await self._service.register_enterprise(wanted)
            return pb.RegisterEnterpriseResponse(enterprise=_message(row))

        return await self._idempotency.run("RegisterEnterprise", request, pb.RegisterEnterpriseResponse, use_case)

    async def GetEnterprise(self, request: pb.GetEnterpriseRequest, context: Any) -> pb.GetEnterpriseResponse:
        """One enterprise."""
        return pb.GetEnterpriseResponse(enterprise=_message(await self._service.enterprise(request.uscc)))

    async def ListEnterprises(self, request: pb.ListEnterprisesRequest, context: Any) -> pb.ListEnterprisesResponse:
        """Enterprises in order of USCC."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        rows = await self._service.enterprises(id_token(request.page.page_token, USCC_LENGTH), size)
        more = rows[-1].uscc if len(rows) == size else ""
        return pb.ListEnterprisesResponse(
            enterprises=[_message(row) for row in rows], page=common_pb2.PageResponse(next_page_token=more)
        )

    async def GetKeySet(self, request: pb.GetKeySetRequest, context: Any) -> pb.GetKeySetResponse:
        """The published keys."""
        return await self._keys.key_set()


class TokenServicer(identity_service_pb2_grpc.TokenServiceServicer):
    """Serves logins."""

    def __init__(self, login: LoginService, database: Database) -> None:
        self._login, self._database = login, database

    async def CreateChallenge(self, request: pb.CreateChallengeRequest, context: Any) -> pb.CreateChallengeResponse:
        """A fresh challenge."""
        challenge, expires = self._login.create_challenge()
        answer = pb.CreateChallengeResponse(challenge=challenge)
        answer.expire_time.FromDatetime(expires)
        return answer

    async def IssueToken(self, request: pb.IssueTokenRequest, context: Any) -> pb.IssueTokenResponse:
        """A token for a proof."""
        certificate = current_call().certificate
        async with self._database.transaction():
            if request.HasField("person"):
                subject, proof = request.person.subject, request.person.assertion
                assertion = Assertion(proof.authenticator_data, proof.client_data_json, proof.signature)
                # A person's token is used through the channel's certificate, not their own: it is bound to none.
                token, expires = await self._login.login_person(subject, assertion, request.person.challenge, "")
            else:
                token, expires, subject = await self._login.login_client(request.client_assertion, certificate)
        answer = pb.IssueTokenResponse(access_token=token, subject=subject)
        answer.expire_time.FromDatetime(expires)
        return answer

    async def RevokeToken(self, request: pb.RevokeTokenRequest, context: Any) -> pb.RevokeTokenResponse:
        """End the caller's token."""
        async with self._database.transaction():
            await self._login.revoke(current_call().token_id)
        return pb.RevokeTokenResponse()


def _message(row: EnterpriseRow) -> pb.Enterprise:
    message = pb.Enterprise(uscc=row.uscc, name=row.name, confirmation_certificate_pem=row.confirmation_certificate_pem)
    message.registered_time.FromDatetime(row.registered_at)
    return message
