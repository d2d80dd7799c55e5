"""The append-only log: ``hub.ledger``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huilian.ledger.v1 import ledger_service_pb2 as pb

from huilian_sdk._calls import Call, Calls

_SERVICE = "huilian.ledger.v1.LedgerService"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Checkpoints, proofs and receipts."""

    calls: Calls

    async def checkpoint(self, *, call: Call | None = None) -> str:
        """The newest signed checkpoint, a C2SP signed note."""
        return (await self.calls.unary(_SERVICE, pb.GetCheckpointRequest(), pb.GetCheckpointResponse, call)).checkpoint

    async def inclusion_proof(self, leaf_index: int, tree_size: int, *, call: Call | None = None) -> Sequence[bytes]:
        """The hashes that prove a leaf to be in the tree of ``tree_size`` (RFC 9162 section 2.1.3)."""
        request = pb.GetInclusionProofRequest(leaf_index=leaf_index, tree_size=tree_size)
        return (await self.calls.unary(_SERVICE, request, pb.GetInclusionProofResponse, call)).proof

    async def consistency_proof(self, old_size: int, new_size: int, *, call: Call | None = None) -> Sequence[bytes]:
        """The hashes that prove the tree only grew (RFC 9162 section 2.1.4)."""
        request = pb.GetConsistencyProofRequest(old_size=old_size, new_size=new_size)
        return (await self.calls.unary(_SERVICE, request, pb.GetConsistencyProofResponse, call)).proof

    async def tile(self, level: int, index: int, *, width: int = 256, call: Call | None = None) -> bytes:
        """``width`` hashes of 32 bytes: a tile of the tree (C2SP tlog-tiles), partial below 256."""
        request = pb.GetTileRequest(level=level, index=index, width=width)
        return (await self.calls.unary(_SERVICE, request, pb.GetTileResponse, call)).tile

    async def entries(self, index: int, *, width: int = 256, call: Call | None = None) -> bytes:
        """The leaves' data beside a level-0 tile, as a C2SP entry bundle."""
        request = pb.GetEntriesRequest(index=index, width=width)
        return (await self.calls.unary(_SERVICE, request, pb.GetEntriesResponse, call)).bundle

    async def receipt(self, record_id: str, *, call: Call | None = None) -> bytes:
        """The receipt of one record of the caller, a file to keep and to check offline.

        Raises :class:`HuilianError` RECEIPT_PENDING while the record is not anchored, after some tries of its own.
        """
        request = pb.GetReceiptRequest(record_id=record_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetReceiptResponse, call)).receipt
