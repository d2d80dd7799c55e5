"""The same request id gives the first answer; other input under the same id is an error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from huilian.common.v1.sandbox_service_pb2 import FundAccountRequest, FundAccountResponse
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.platform.callers import ANONYMOUS, Caller, Role, set_current_caller
from hub.platform.database import Database
from hub.platform.idempotency import Idempotency
from hub.platform.store import SubjectKey

REQUEST = FundAccountRequest(request_id="request-0001", party_id="party-0001", amount_fen=5)


class UseCase:
    """Counts its runs and writes a row, so that a second run would be seen."""

    def __init__(self, clock: FixedClock) -> None:
        self.runs = 0
        self._clock = clock

    async def __call__(self) -> FundAccountResponse:
        self.runs += 1
        await SubjectKey.create(subject=f"run-{self.runs}", created_at=self._clock.now())
        return FundAccountResponse(balance_fen=self.runs)


@pytest.fixture
def idempotency(database: Database, clock: FixedClock) -> Idempotency:
    return Idempotency(database, clock)


@pytest.fixture
def use_case(clock: FixedClock) -> UseCase:
    return UseCase(clock)


@pytest.fixture(autouse=True)
def _caller() -> Iterator[None]:
    set_current_caller(Caller("bank", Role.OPERATOR))
    yield
    set_current_caller(ANONYMOUS)


async def _run(idempotency: Idempotency, use_case: UseCase, request: FundAccountRequest = REQUEST) -> int:
    answer = await idempotency.run("FundAccount", request, FundAccountResponse, use_case)
    return answer.balance_fen


async def test_the_first_answer_is_given_again(idempotency: Idempotency, use_case: UseCase) -> None:
    assert [await _run(idempotency, use_case) for _ in range(3)] == [1, 1, 1]
    assert use_case.runs == 1
    assert await SubjectKey.all().count() == 1


async def test_concurrent_repeats_run_once(idempotency: Idempotency, use_case: UseCase) -> None:
    assert await asyncio.gather(*(_run(idempotency, use_case) for _ in range(8))) == [1] * 8
    assert use_case.runs == 1


async def test_other_input_under_the_same_id_is_refused(idempotency: Idempotency, use_case: UseCase) -> None:
    await _run(idempotency, use_case)
    other = FundAccountRequest(request_id="request-0001", party_id="party-0001", amount_fen=6)
    with pytest.raises(HuilianError, match="REQUEST_ID_REUSED"):
        await _run(idempotency, use_case, other)
    with pytest.raises(HuilianError, match="REQUEST_ID_REUSED"):
        await idempotency.run("Withdraw", REQUEST, FundAccountResponse, use_case)
    assert await SubjectKey.all().count() == 1


async def test_ids_of_different_callers_do_not_meet(idempotency: Idempotency, use_case: UseCase) -> None:
    assert await _run(idempotency, use_case) == 1
    set_current_caller(Caller("other", Role.OPERATOR))
    assert await _run(idempotency, use_case) == 2


async def test_a_refusal_leaves_the_id_free(idempotency: Idempotency, use_case: UseCase) -> None:
    async def refuse() -> FundAccountResponse:
        await use_case()
        raise HuilianError("INSUFFICIENT_FUNDS")

    with pytest.raises(HuilianError, match="INSUFFICIENT_FUNDS"):
        await idempotency.run("FundAccount", REQUEST, FundAccountResponse, refuse)
    assert await SubjectKey.all().count() == 0
    assert await _run(idempotency, use_case) == 2


async def test_a_request_without_an_id_is_refused(idempotency: Idempotency, use_case: UseCase) -> None:
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        await _run(idempotency, use_case, FundAccountRequest(party_id="party-0001", amount_fen=5))


async def test_a_break_at_any_statement_leaves_all_or_nothing(
    idempotency: Idempotency, use_case: UseCase, database: Database
) -> None:
    for position in range(1, 20):
        statements = 0

        def break_here(sql: str, at: int = position) -> None:
            nonlocal statements
            statements += 1
            if statements == at:
                raise ConnectionError(sql)

        database.on_statement = break_here
        try:
            await _run(idempotency, use_case)
        except ConnectionError:
            database.on_statement = None
            assert await SubjectKey.all().count() == 0
        else:
            break
    database.on_statement = None
    assert position > 4, "the last round was not broken and did the work"
    assert await SubjectKey.all().count() == 1


@pytest.mark.databases("postgres")
async def test_two_that_wait_for_each_other_are_both_done(
    idempotency: Idempotency, database: Database, clock: FixedClock
) -> None:
    """Loan and receivable, say, that two use cases lock in the order in which each comes to them."""
    both_hold_one, tried = asyncio.Barrier(2), 0

    async def run(name: str, *keys: str) -> int:
        first = True

        async def use_case() -> FundAccountResponse:
            nonlocal first, tried
            tried += 1
            await SubjectKey.create(subject=f"{name}-{tried}", created_at=clock.now())
            await database.lock(keys[0])
            if first:
                first = False
                await both_hold_one.wait()
            await database.lock(keys[1])
            return FundAccountResponse(balance_fen=1)

        request = FundAccountRequest(request_id=f"request-{name}", party_id="party-0001", amount_fen=5)
        answer = await idempotency.run("FundAccount", request, FundAccountResponse, use_case)
        return answer.balance_fen

    assert await asyncio.gather(run("a", "loan", "receivable"), run("b", "receivable", "loan")) == [1, 1]
    assert tried == 3
    assert await SubjectKey.all().count() == 2


async def test_any_other_failure_is_not_tried_again(idempotency: Idempotency, use_case: UseCase) -> None:
    async def fail() -> FundAccountResponse:
        await use_case()
        raise ConnectionError("the database is away")

    with pytest.raises(ConnectionError):
        await idempotency.run("FundAccount", REQUEST, FundAccountResponse, fail)
    assert use_case.runs == 1
    assert await SubjectKey.all().count() == 0
