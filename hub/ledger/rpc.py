"""huilian.ledger.v1 on gRPC: proto in, proto out."""

from __future__ import annotations

from huilian.ledger.v1 import ledger_service_pb2 as pb
from huilian.ledger.v1 import ledger_service_pb2_grpc as pb_grpc

from hub.ledger.service import LedgerService
from hub.platform.callers import Role, current_caller


class LedgerServicer(pb_grpc.LedgerServiceServicer):
    """Reads only: records come from the other domains, in their own transactions."""

    def __init__(self, ledger: LedgerService) -> None:
        self._ledger = ledger

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: object) -> pb.GetCheckpointResponse:
        """See the proto."""
        return pb.GetCheckpointResponse(checkpoint=await self._ledger.checkpoint())

    async def GetInclusionProof(
        self, request: pb.GetInclusionProofRequest, context: object
    ) -> pb.GetInclusionProofResponse:
        """See the proto."""
        proof = await self._ledger.inclusion_proof(request.leaf_index, request.tree_size)
        return pb.GetInclusionProofResponse(proof=proof)

    async def GetConsistencyProof(
        self, request: pb.GetConsistencyProofRequest, context: object
    ) -> pb.GetConsistencyProofResponse:
        """See the proto."""
        proof = await self._ledger.consistency_proof(request.old_size, request.new_size)
        return pb.GetConsistencyProofResponse(proof=proof)

    async def GetTile(self, request: pb.GetTileRequest, context: object) -> pb.GetTileResponse:
        """See the proto."""
        return pb.GetTileResponse(tile=await self._ledger.tile(request.level, request.index, request.width))

    async def GetEntries(self, request: pb.GetEntriesRequest, context: object) -> pb.GetEntriesResponse:
        """See the proto."""
        return pb.GetEntriesResponse(bundle=await self._ledger.entries(request.index, request.width))

    async def GetReceipt(self, request: pb.GetReceiptRequest, context: object) -> pb.GetReceiptResponse:
        """See the proto."""
        caller = current_caller()
        reader = None if caller.role is Role.OPERATOR else caller.id
        return pb.GetReceiptResponse(receipt=await self._ledger.receipt(request.record_id, reader))
