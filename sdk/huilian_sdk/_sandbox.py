"""What only a sandbox may do: ``hub.sandbox``. A production hub refuses with SANDBOX_ONLY."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from huilian.common.v1 import sandbox_service_pb2 as pb

from huilian_sdk._calls import Call, Calls

_SERVICE = "huilian.common.v1.SandboxService"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox's clock and play money."""

    calls: Calls

    async def now(self, *, call: Call | None = None) -> datetime:
        """The sandbox's time."""
        answer = await self.calls.unary(_SERVICE, pb.GetClockRequest(), pb.GetClockResponse, call)
        return answer.now_time.ToDatetime(tzinfo=UTC)

    async def move_clock(self, target: datetime, *, call: Call | None = None) -> datetime:
        """Move the whole sandbox forward to ``target``; the time it then has."""
        timestamp = Timestamp()
        timestamp.FromDatetime(target)
        request = pb.MoveClockRequest(target_time=timestamp)
        answer = await self.calls.unary(_SERVICE, request, pb.MoveClockResponse, call)
        return answer.now_time.ToDatetime(tzinfo=UTC)

    async def fund(self, party_id: str, amount_fen: int, *, call: Call | None = None) -> int:
        """Put play money on a party's deposit account; its balance in fen."""
        request = pb.FundAccountRequest(party_id=party_id, amount_fen=amount_fen)
        return (await self.calls.unary(_SERVICE, request, pb.FundAccountResponse, call)).balance_fen

    async def balance(self, party_id: str, *, call: Call | None = None) -> int:
        """The balance of a party's deposit account in fen."""
        request = pb.GetAccountRequest(party_id=party_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetAccountResponse, call)).balance_fen
