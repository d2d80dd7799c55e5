"""A claim key in shares: any quorum makes the fingerprints, fewer make none, liars are found, askers are counted."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.ledger.evaluators.desk import ClaimKeyEvaluator, Evaluation
from hub.ledger.evaluators.shared_keys import BATCH, Ask, SharedClaimKeys
from hub.platform.database import Database
from hub.platform.rate_buckets import RateBuckets
from hub.platform.rate_limits import RateLimiter
from hub.platform.rates import Limit, Rate, Rates
from ledger.registry import oprf, p256
from ledger.registry.fingerprints import QuorumMissing
from ledger.registry.threshold import Group, Share, deal, recover, refresh

ORIGINS = ["hub-a.example", "hub-b.example", "hub-c.example"]


async def _free(_caller: str, _count: int) -> None:
    return None


class Consortium:
    """Three evaluators in one process, each with its own share; a test may break any of them."""

    def __init__(self) -> None:
        self.group, shares = deal(1, 2, ORIGINS, os.urandom)
        self.shares = {share.origin: share for share in shares}
        self.groups: tuple[Group, ...] = (self.group,)
        self.ask: dict[str, Ask] = {origin: self._evaluator(share).evaluate for origin, share in self.shares.items()}
        self.seen: list[int] = []
        self.keys = SharedClaimKeys(lambda: self.groups, self.ask, os.urandom)

    def _evaluator(self, share: Share) -> ClaimKeyEvaluator:
        def find(epoch: int, generation: int) -> int | None:
            return share.secret if (epoch, generation) == (share.epoch, share.generation) else None

        return ClaimKeyEvaluator(find, os.urandom, _free)

    def break_with(self, origin: str, error: Exception) -> None:
        async def broken(epoch: int, generation: int, elements: Sequence[bytes]) -> Evaluation:
            raise error

        self.ask[origin] = broken


@pytest.fixture
def consortium() -> Consortium:
    return Consortium()


def _expected(consortium: Consortium, data: bytes) -> bytes:
    one = oprf.blind(data, 1, oprf.Mode.VOPRF)
    return oprf.finalize(one, one.element * recover(consortium.group, list(consortium.shares.values())))


async def test_the_fingerprints_are_those_of_the_whole_key(consortium: Consortium) -> None:
    inputs = [b"first", b"second", b"third"]
    assert consortium.keys.epochs() == (1,)
    found = await consortium.keys.evaluate(1, inputs)
    assert found == [_expected(consortium, data) for data in inputs]
    assert await consortium.keys.evaluate(1, inputs[1:]) == found[1:]


@pytest.mark.parametrize("origin", ORIGINS)
async def test_one_evaluator_may_be_away(consortium: Consortium, origin: str) -> None:
    consortium.break_with(origin, HuilianError("UNAVAILABLE"))
    assert await consortium.keys.evaluate(1, [b"x"]) == [_expected(consortium, b"x")]
    del consortium.ask[origin]
    assert await consortium.keys.evaluate(1, [b"x"]) == [_expected(consortium, b"x")]


async def test_without_a_quorum_there_are_no_fingerprints(consortium: Consortium) -> None:
    consortium.break_with(ORIGINS[0], HuilianError("RATE_LIMITED", retry_after_seconds=1))
    consortium.break_with(ORIGINS[1], OSError())
    with pytest.raises(QuorumMissing, match="epoch 1 of the claim key: 1 of 2 evaluators answered"):
        await consortium.keys.evaluate(1, [b"x"])


@pytest.mark.parametrize("lie", ["other share", "cut", "garbage", "proof"])
async def test_a_liar_is_found_and_replaced(consortium: Consortium, lie: str, caplog: pytest.LogCaptureFixture) -> None:
    honest = consortium.ask[ORIGINS[0]]

    async def lying(epoch: int, generation: int, elements: Sequence[bytes]) -> Evaluation:
        told = await honest(epoch, generation, elements)
        if lie == "other share":
            points = [p256.decode_element(element) for element in elements]
            results = oprf.evaluate(7, points)
            encoded = [p256.encode_element(point) for point in results]
            return Evaluation(encoded, oprf.prove(7, points, results, 5))
        if lie == "cut":
            return Evaluation(told.elements[:-1], told.proof)
        return Evaluation([b"x"] * BATCH, told.proof) if lie == "garbage" else Evaluation(told.elements, bytes(64))

    consortium.ask[ORIGINS[0]] = lying
    assert await consortium.keys.evaluate(1, [b"x"]) == [_expected(consortium, b"x")]
    assert "claim_key.bad_proof" in caplog.text


async def test_evaluators_see_neither_inputs_nor_how_many_there_are(consortium: Consortium) -> None:
    seen: list[list[bytes]] = []
    for origin, ask in list(consortium.ask.items()):

        async def watched(epoch: int, generation: int, elements: Sequence[bytes], ask: Ask = ask) -> Evaluation:
            seen.append(list(elements))
            return await ask(epoch, generation, elements)

        consortium.ask[origin] = watched
    for inputs in ([b"a"], [b"a", b"b", b"c"]):
        await consortium.keys.evaluate(1, inputs)
    assert {len(elements) for elements in seen} == {BATCH}
    # The same invoice asked for again looks like another one.
    assert len({element for elements in seen for element in elements}) == 2 * BATCH


async def test_a_refresh_changes_no_fingerprint(consortium: Consortium) -> None:
    before = await consortium.keys.evaluate(1, [b"x"])
    group, shares = refresh(consortium.group, list(consortium.shares.values()), os.urandom)
    consortium.groups = (group,)
    with pytest.raises(QuorumMissing):
        await consortium.keys.evaluate(1, [b"x"])
    for share in shares:
        consortium.ask[share.origin] = consortium._evaluator(share).evaluate
    assert await consortium.keys.evaluate(1, [b"x"]) == before


async def test_every_element_costs_its_asker_a_token(database: Database, clock: FixedClock) -> None:
    rates = Rates({Limit.CLAIM_KEY: Rate(per_minute=1, burst=10)}, bytes(32))
    pace = RateLimiter(RateBuckets(database), rates, clock)
    evaluator = ClaimKeyEvaluator(lambda _epoch, _generation: 5, os.urandom, pace.before_evaluation)
    elements = [p256.encode_element(p256.base())] * 4
    for _ in range(2):
        done = await evaluator.evaluate_for("hub.hub-b", 1, 0, elements)
        assert done.elements == [p256.encode_element(p256.base() * 5)] * 4
    with pytest.raises(HuilianError, match="RATE_LIMITED"):
        await evaluator.evaluate_for("hub.hub-b", 1, 0, elements)
    await evaluator.evaluate_for("hub.hub-c", 1, 0, elements)


async def test_an_evaluator_refuses_what_it_cannot_evaluate(consortium: Consortium) -> None:
    evaluator = consortium._evaluator(consortium.shares[ORIGINS[0]])
    good = p256.encode_element(p256.base())
    for epoch, generation in ((2, 0), (1, 1)):
        with pytest.raises(HuilianError, match="NOT_FOUND"):
            await evaluator.evaluate(epoch, generation, [good])
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        await evaluator.evaluate(1, 0, [good, b"\x02" + b"\xff" * 32])
