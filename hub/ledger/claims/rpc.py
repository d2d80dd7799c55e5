"""huilian.ledger.v1.ClaimService on gRPC: proto in, proto out."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp
from huilian.ledger.v1 import claim_service_pb2 as pb
from huilian.ledger.v1 import claim_service_pb2_grpc as pb_grpc
from huilian_protocol.errors import HuilianError

from hub.ledger.conflicts.desk import DisclosureService
from hub.ledger.conflicts.store import ConflictRow
from hub.ledger.evaluators.desk import ClaimKeyEvaluator
from hub.platform.callers import current_caller
from hub.platform.peers import hub_origin

DEFAULT_PAGE_SIZE = 50


class EvaluatorServicer(pb_grpc.ClaimServiceServicer):
    """The part of one who holds a share of the claim key and no claims: of those it knows nothing."""

    def __init__(self, evaluator: ClaimKeyEvaluator) -> None:
        self._evaluator = evaluator

    async def EvaluateClaimKey(
        self, request: pb.EvaluateClaimKeyRequest, context: object
    ) -> pb.EvaluateClaimKeyResponse:
        """See the proto."""
        caller = current_caller().id
        done = await self._evaluator.evaluate_for(caller, request.epoch, request.generation, request.elements)
        return pb.EvaluateClaimKeyResponse(elements=done.elements, proof=done.proof)

    async def GetDisclosureKey(
        self, request: pb.GetDisclosureKeyRequest, context: object
    ) -> pb.GetDisclosureKeyResponse:
        """See the proto."""
        raise HuilianError("NOT_FOUND", "no claims are held here", resource="claim")

    async def DiscloseConflict(
        self, request: pb.DiscloseConflictRequest, context: object
    ) -> pb.DiscloseConflictResponse:
        """See the proto."""
        raise HuilianError("NOT_FOUND", "no claims are held here", resource="claim")

    async def ListConflicts(self, request: pb.ListConflictsRequest, context: object) -> pb.ListConflictsResponse:
        """See the proto."""
        return pb.ListConflictsResponse()


class ClaimServicer(EvaluatorServicer):
    """What other hubs ask, and what the bank's desk reads of conflicts."""

    def __init__(self, evaluator: ClaimKeyEvaluator, disclosure: DisclosureService) -> None:
        super().__init__(evaluator)
        self._disclosure = disclosure

    async def GetDisclosureKey(
        self, request: pb.GetDisclosureKeyRequest, context: object
    ) -> pb.GetDisclosureKeyResponse:
        """See the proto."""
        return pb.GetDisclosureKeyResponse(public_key=await self._disclosure.key(request.owner_commitment))

    async def DiscloseConflict(
        self, request: pb.DiscloseConflictRequest, context: object
    ) -> pb.DiscloseConflictResponse:
        """See the proto."""
        caller = hub_origin(current_caller().id)
        reply = await self._disclosure.answer(caller, request.owner_commitment, request.notice)
        return pb.DiscloseConflictResponse(reply=reply)

    async def ListConflicts(self, request: pb.ListConflictsRequest, context: object) -> pb.ListConflictsResponse:
        """See the proto."""
        rows = await self._disclosure.list(request.page_size or DEFAULT_PAGE_SIZE)
        return pb.ListConflictsResponse(conflicts=[_conflict(row) for row in rows])


def _conflict(row: ConflictRow) -> pb.Conflict:
    claimed = Timestamp()
    claimed.FromDatetime(row.counterpart_claimed_at)
    return pb.Conflict(
        claim_id=row.claim_id,
        refused=row.refused,
        counterpart_hub=row.counterpart_hub,
        counterpart_claim_id=row.counterpart_claim_id,
        counterpart_claimed_at=claimed,
        record_id=row.id,
    )
