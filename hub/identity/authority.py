"""The client of the identity authority: one gRPC channel over mTLS, a deadline, faults told apart."""

from __future__ import annotations

import grpc
from huilian.identity.v1 import authority_service_pb2 as pb
from huilian.identity.v1 import authority_service_pb2_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error

from hub.platform.transactions import forbid_transaction

DEADLINE_S = 5.0
# The authority's word about the person is passed on; anything else means that it could not be asked.
_ABOUT_THE_PERSON = frozenset(
    {"RESIDENT_ID_MALFORMED", "PERSON_NOT_VERIFIED", "SEALED_DATA_INVALID", "INVALID_ARGUMENT", "DELEGATION_INVALID"}
)


class AuthorityClient:
    """Asks the identity authority on behalf of the relying party `origin`."""

    def __init__(self, channel: grpc.aio.Channel, origin: str) -> None:
        self._stub = authority_service_pb2_grpc.IdentityAuthorityServiceStub(channel)
        self._origin = origin

    async def bind_device_key(self, sealed_identity: bytes, device_public_key_jwk: str) -> str:
        """See `ports.IdentityAuthority`."""
        forbid_transaction("a call to the identity authority")
        request = pb.BindDeviceKeyRequest(
            sealed_identity=sealed_identity, device_public_key_jwk=device_public_key_jwk, relying_party=self._origin
        )
        try:
            answer = await self._stub.BindDeviceKey(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            raise _stated(error) from error
        binding: str = answer.key_binding
        return binding

    async def attest_guardianship(self, sealed_request: bytes) -> bytes:
        """See `ports.IdentityAuthority`."""
        forbid_transaction("a call to the identity authority")
        request = pb.AttestGuardianshipRequest(sealed_request=sealed_request, relying_party=self._origin)
        try:
            answer = await self._stub.AttestGuardianship(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            raise _stated(error) from error
        link: bytes = answer.delegation
        return link

    async def sealing_key(self) -> tuple[str, bytes]:
        """Suite and public key to which registrations are sealed; raises PROVIDER_UNAVAILABLE."""
        try:
            answer = await self._stub.GetAuthorityKeys(pb.GetAuthorityKeysRequest(), timeout=DEADLINE_S)
        except grpc.RpcError as error:
            raise _unavailable(from_rpc_error(error)) from error
        return answer.suite, answer.sealing_public_key


def _stated(error: grpc.RpcError) -> HuilianError:
    stated = from_rpc_error(error)
    return stated if stated.code in _ABOUT_THE_PERSON else _unavailable(stated)


def _unavailable(stated: HuilianError) -> HuilianError:
    return HuilianError("PROVIDER_UNAVAILABLE", stated.code, provider="identity_authority")
