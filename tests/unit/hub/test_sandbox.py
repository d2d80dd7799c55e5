"""The sandbox's clock: moved once, forward only, whatever dies while it is moved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from huilian.common.v1 import sandbox_service_pb2 as pb
from huilian_protocol.clock import SandboxClock
from huilian_protocol.errors import HuilianError

from hub.accounting.service import BankCore
from hub.platform.callers import ANONYMOUS, Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.sandbox import SandboxServicer
from tests.support.breaking import break_at_each_statement


@pytest.fixture(autouse=True)
def _caller() -> Iterator[None]:
    set_current_caller(Caller("desk", Role.OPERATOR))
    yield
    set_current_caller(ANONYMOUS)


async def test_a_clock_is_moved_once_by_a_hub_that_dies_on_the_way(database: Database, tmp_path: Path) -> None:
    clock = SandboxClock(tmp_path / "clock.json")
    servicer = SandboxServicer(clock, clock, cast("BankCore", None), Idempotency(database, clock))
    before = clock.now()
    request = pb.MoveClockRequest(request_id="request-0001")
    request.target_time.FromDatetime(before + timedelta(days=90))
    async for _ in break_at_each_statement(database, lambda: servicer.MoveClock(request, None)):
        assert clock.offset() in {timedelta(0), timedelta(days=90)}
    assert clock.offset() == timedelta(days=90)
    backward = pb.MoveClockRequest(request_id="request-0002")
    backward.target_time.FromDatetime(before)
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        await servicer.MoveClock(backward, None)
