"""What two banks in a conflict over one invoice have learned of each other, read at each bank's own desk."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from huilian.ledger.v1 import claim_service_pb2 as pb
from huilian.ledger.v1.claim_service_pb2_grpc import ClaimServiceStub

from deploy.journeys.step import Unexpected, until
from deploy.site import HubPlace, Site


async def disclosed(site: Site, holder: HubPlace, refused: HubPlace) -> Any:
    """Both banks' conflict, once both know of it. Raises Unexpected when one of them knows anything else."""
    ours = await _conflict_at(site, holder)
    theirs = await _conflict_at(site, refused)
    if (ours.refused, ours.counterpart_hub) != (False, refused.origin):
        raise Unexpected(f"the holder knows {MessageToDict(ours)}")
    if (theirs.refused, theirs.counterpart_hub) != (True, holder.origin):
        raise Unexpected(f"the refused bank knows {MessageToDict(theirs)}")
    if (ours.claim_id, theirs.claim_id) != (theirs.counterpart_claim_id, ours.counterpart_claim_id):
        raise Unexpected("the banks speak of different claims")
    return {holder.origin: MessageToDict(ours), refused.origin: MessageToDict(theirs)}


async def _conflict_at(site: Site, hub: HubPlace) -> pb.Conflict:
    async with grpc.aio.secure_channel(f"127.0.0.1:{hub.partner_port}", site.operator_credentials()) as channel:
        stub = ClaimServiceStub(channel)

        async def look() -> pb.Conflict | None:
            found = (await stub.ListConflicts(pb.ListConflictsRequest(), timeout=10)).conflicts
            return found[0] if found else None

        return await until(look, f"{hub.name} to know of the conflict")
