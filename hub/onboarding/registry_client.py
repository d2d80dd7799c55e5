"""The hub's side of the business registry: `BusinessRegistry` over gRPC, fail-closed."""

from __future__ import annotations

from datetime import date

import grpc
from huilian.onboarding.v1 import business_registry_service_pb2 as pb
from huilian.onboarding.v1 import business_registry_service_pb2_grpc as pb_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error

from hub.onboarding.ports import RegistryEntry, RegistryStatus
from hub.platform.transactions import forbid_transaction

DEADLINE_S = 5.0
PROVIDER = "business_registry"
_STATUS = {
    pb.REGISTRY_STATUS_IN_BUSINESS: RegistryStatus.IN_BUSINESS,
    pb.REGISTRY_STATUS_ABNORMAL: RegistryStatus.ABNORMAL,
    pb.REGISTRY_STATUS_REVOKED: RegistryStatus.REVOKED,
}


class GrpcBusinessRegistry:
    """One channel (mTLS); None for a hub that has no registry, which then verifies nobody."""

    def __init__(self, channel: grpc.aio.Channel | None) -> None:
        self._stub = pb_grpc.BusinessRegistryServiceStub(channel) if channel is not None else None

    async def look_up(self, uscc: str, salt: bytes) -> RegistryEntry | None:
        """See `ports.BusinessRegistry`."""
        forbid_transaction("a call to the business registry")
        if self._stub is None:
            raise HuilianError("PROVIDER_UNAVAILABLE", "no business registry is set", provider=PROVIDER)
        try:
            answer = await self._stub.LookUpEnterprise(
                pb.LookUpEnterpriseRequest(uscc=uscc, salt=salt), timeout=DEADLINE_S
            )
        except grpc.RpcError as error:
            stated = from_rpc_error(error)
            code = "PROVIDER_TIMEOUT" if stated.code == "DEADLINE_EXCEEDED" else "PROVIDER_UNAVAILABLE"
            raise HuilianError(code, stated.code, provider=PROVIDER) from error
        if not answer.found:
            return None
        if answer.status not in _STATUS:
            raise HuilianError("PROVIDER_FAULT", "a status that is not known", provider=PROVIDER)
        return RegistryEntry(
            answer.name,
            _STATUS[answer.status],
            answer.legal_person_digest,
            _day(answer.licence_until),
            answer.business_scope,
            answer.serious_violation,
        )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise HuilianError("PROVIDER_FAULT", "a day that is none", provider=PROVIDER) from error
