"""The client of another hub's witness: one gRPC channel, a deadline for each call."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from huilian.ledger.v1 import witness_service_pb2 as pb
from huilian.ledger.v1 import witness_service_pb2_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error

from hub.ledger.witness import Answer
from hub.platform.transactions import forbid_transaction
from ledger.merkle.note import NoteKey

DEADLINE_S = 3.0


class GrpcWitness:
    """See `ports.WitnessPeer`."""

    def __init__(self, channel: grpc.aio.Channel, key: NoteKey) -> None:
        self._stub = witness_service_pb2_grpc.WitnessServiceStub(channel)
        self.key = key

    async def add_checkpoint(self, old_size: int, proof: Sequence[bytes], note: str) -> Answer:
        """See the port."""
        forbid_transaction("a call to a witness")
        request = pb.AddCheckpointRequest(old_size=old_size, proof=proof, checkpoint=note)
        try:
            answer = await self._stub.AddCheckpoint(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        if answer.WhichOneof("outcome") == "known_size":
            return Answer(known_size=answer.known_size)
        return Answer(answer.cosignatures, equivocation=answer.equivocation)

    async def witnessed(self, log_name: str) -> str | None:
        """See the port."""
        try:
            answer = await self._stub.GetWitnessedLog(pb.GetWitnessedLogRequest(origin=log_name), timeout=DEADLINE_S)
        except grpc.RpcError as error:
            stated: HuilianError = from_rpc_error(error)
            if stated.code == "NOT_FOUND":
                return None
            raise stated from error
        checkpoint: str = answer.checkpoint
        return checkpoint
