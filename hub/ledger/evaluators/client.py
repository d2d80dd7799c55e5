"""The other hubs of the consortium, over mTLS."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from huilian.ledger.v1 import claim_service_pb2 as pb
from huilian.ledger.v1.claim_service_pb2_grpc import ClaimServiceStub
from huilian_protocol.status import from_rpc_error

from hub.ledger.evaluators.desk import Evaluation

Answer = TypeVar("Answer")
DEADLINE_S, HEALTH_DEADLINE_S = 5.0, 2.0


class PeerHub:
    """One other hub. Every call raises HuilianError: what the peer answered, or UNAVAILABLE."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub, self._health = ClaimServiceStub(channel), health_pb2_grpc.HealthStub(channel)

    async def serves(self) -> bool:
        """Whether it says now that it serves. Never raises."""
        try:
            answer = await self._health.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_DEADLINE_S)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def evaluate(self, epoch: int, generation: int, elements: Sequence[bytes]) -> Evaluation:
        """Its part in the claim key; not verified yet."""
        request = pb.EvaluateClaimKeyRequest(epoch=epoch, generation=generation, elements=elements)
        answer = await _called(self._stub.EvaluateClaimKey(request, timeout=DEADLINE_S))
        return Evaluation(list(answer.elements), answer.proof)

    async def disclosure_key(self, commitment: bytes) -> bytes:
        """See `conflicts.desk.Peer`."""
        request = pb.GetDisclosureKeyRequest(owner_commitment=commitment)
        return (await _called(self._stub.GetDisclosureKey(request, timeout=DEADLINE_S))).public_key

    async def disclose(self, commitment: bytes, notice: bytes) -> bytes:
        """See `conflicts.desk.Peer`."""
        request = pb.DiscloseConflictRequest(owner_commitment=commitment, notice=notice)
        return (await _called(self._stub.DiscloseConflict(request, timeout=DEADLINE_S))).reply


async def _called(call: Awaitable[Answer]) -> Answer:
    try:
        return await call
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error
