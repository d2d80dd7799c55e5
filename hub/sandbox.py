"""huilian.common.v1.SandboxService: what only a sandbox may do. In production every call is refused with
SANDBOX_ONLY.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from huilian.common.v1 import sandbox_service_pb2 as pb
from huilian.common.v1 import sandbox_service_pb2_grpc
from huilian_protocol.clock import Clock, SandboxClock
from huilian_protocol.errors import HuilianError

from hub.accounting.service import AccountKind, BankCore, Line, deposit_account
from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency

# Where play money comes from: the bank's cash at the central bank grows with the deposit, so the books stay balanced.
CASH_ACCOUNT = "cash:sandbox"
# Its number on the sandbox's bank statements.
CASH_NUMBER = "SANDBOX-CENTRAL-BANK-1"
BANK = "bank"
CHINA = timezone(timedelta(hours=8))
REPEATED_WITHIN = timedelta(minutes=5)
"""The clock is a file: a hub that dies between moving it and remembering the request is asked again, and finds it
moved."""


class SandboxServicer(sandbox_service_pb2_grpc.SandboxServiceServicer):
    """The sandbox's clock and play money. `clock` is None in production, which closes everything but reading the
    time.
    """

    def __init__(self, present: Clock, clock: SandboxClock | None, book: BankCore, idempotency: Idempotency) -> None:
        self._present, self._clock, self._book, self._idempotency = present, clock, book, idempotency

    async def GetClock(self, request: pb.GetClockRequest, context: Any) -> pb.GetClockResponse:
        """The time by which the hub lives."""
        answer = pb.GetClockResponse()
        answer.now_time.FromDatetime(self._present.now())
        return answer

    async def MoveClock(self, request: pb.MoveClockRequest, context: Any) -> pb.MoveClockResponse:
        """Move the clock of every process that shares its file, forward only."""
        clock = self._sandbox_clock()
        target = request.target_time.ToDatetime(tzinfo=UTC)

        async def use_case() -> pb.MoveClockResponse:
            _move(clock, target)
            answer = pb.MoveClockResponse()
            answer.now_time.FromDatetime(clock.now())
            return answer

        return await self._idempotency.run("MoveClock", request, pb.MoveClockResponse, use_case)

    async def FundAccount(self, request: pb.FundAccountRequest, context: Any) -> pb.FundAccountResponse:
        """Put play money on a party's deposit account."""
        today = self._sandbox_clock().now().astimezone(CHINA).date()
        account, party = deposit_account(request.party_id), request.party_id

        async def use_case() -> pb.FundAccountResponse:
            await self._book.open_account(CASH_ACCOUNT, BANK, AccountKind.CASH)
            await self._book.open_account(account, party, AccountKind.DEPOSIT)
            lines = [Line(CASH_ACCOUNT, request.amount_fen, 0), Line(account, 0, request.amount_fen)]
            await self._book.post(f"sandbox-fund:{party}:{request.request_id}", today, "sandbox funding", lines)
            return pb.FundAccountResponse(balance_fen=await self._book.balance_fen(account))

        return await self._idempotency.run("FundAccount", request, pb.FundAccountResponse, use_case)

    async def GetAccount(self, request: pb.GetAccountRequest, context: Any) -> pb.GetAccountResponse:
        """The balance of a party's deposit account; citizens and enterprises see their own."""
        self._sandbox_clock()
        caller = current_caller()
        if caller.role is not Role.OPERATOR and caller.id != request.party_id:
            raise HuilianError("NOT_FOUND", resource="account")
        return pb.GetAccountResponse(balance_fen=await self._book.balance_fen(deposit_account(request.party_id)))

    def _sandbox_clock(self) -> SandboxClock:
        if self._clock is None:
            raise HuilianError("SANDBOX_ONLY")
        return self._clock


def _move(clock: SandboxClock, target: datetime) -> None:
    ahead = target - clock.now()
    if ahead < -REPEATED_WITHIN:
        raise HuilianError("INVALID_ARGUMENT", "the clock only moves forward", field="target_time")
    if ahead > timedelta(0):
        # The file holds whole seconds: rounded up, so that the target is reached.
        clock.set_offset(clock.offset() + timedelta(seconds=math.ceil(ahead.total_seconds())))
