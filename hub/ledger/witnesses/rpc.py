"""huilian.ledger.v1.WitnessService on gRPC: proto in, proto out."""

from __future__ import annotations

from huilian.ledger.v1 import witness_service_pb2 as pb
from huilian.ledger.v1 import witness_service_pb2_grpc as pb_grpc

from hub.ledger.witnesses.desk import WitnessService


class WitnessServicer(pb_grpc.WitnessServiceServicer):
    """Other hubs ask; what they submit proves itself by its signatures."""

    def __init__(self, witness: WitnessService) -> None:
        self._witness = witness

    async def AddCheckpoint(self, request: pb.AddCheckpointRequest, context: object) -> pb.AddCheckpointResponse:
        """See the proto."""
        answer = await self._witness.add_checkpoint(request.old_size, list(request.proof), request.checkpoint)
        if answer.equivocation:
            return pb.AddCheckpointResponse(equivocation=answer.equivocation)
        if answer.known_size is not None:
            return pb.AddCheckpointResponse(known_size=answer.known_size)
        return pb.AddCheckpointResponse(cosignatures=answer.cosignatures)

    async def GetWitnessedLog(self, request: pb.GetWitnessedLogRequest, context: object) -> pb.GetWitnessedLogResponse:
        """See the proto."""
        note, equivocations = await self._witness.witnessed(request.origin)
        return pb.GetWitnessedLogResponse(checkpoint=note, equivocations=equivocations)
