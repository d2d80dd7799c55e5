"""Claim keys that no hub holds: fingerprints are made together with a quorum of evaluators, which learn nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import grpc
from huilian_protocol.errors import HuilianError

from hub.ledger.evaluators.desk import Evaluation
from ledger.registry import oprf, p256
from ledger.registry.fingerprints import QuorumMissing
from ledger.registry.oprf import Blinded, Mode
from ledger.registry.p256 import EccPoint
from ledger.registry.threshold import Evaluator, Group, combine

# What an evaluator sees of one invoice, whatever it really has: it cannot tell which identifiers are known.
BATCH = 4

Ask = Callable[[int, int, Sequence[bytes]], Awaitable[Evaluation]]
"""Asks one evaluator: epoch, generation, blinded elements. Raises HuilianError or grpc.RpcError."""

logger = logging.getLogger(__name__)


class SharedClaimKeys:
    """Implements `ClaimKeys` with a threshold OPRF; `groups` gives the pinned groups as they are now."""

    def __init__(
        self, groups: Callable[[], tuple[Group, ...]], ask: Mapping[str, Ask], random_bytes: Callable[[int], bytes]
    ) -> None:
        """`ask` has an entry for each evaluator that this hub can reach, by origin; itself first if it is one."""
        self._groups, self._ask, self._random_bytes = groups, ask, random_bytes

    def epochs(self) -> tuple[int, ...]:
        """See `ClaimKeys`."""
        return tuple(group.epoch for group in self._groups())

    async def evaluate(self, epoch: int, identifiers: Sequence[bytes]) -> list[bytes]:
        """See `ClaimKeys`."""
        group = {group.epoch: group for group in self._groups()}[epoch]
        fillers = [self._random_bytes(32) for _ in range(-len(identifiers) % BATCH)]
        blinded = await asyncio.to_thread(self._blind, [*identifiers, *fillers])
        partial = await self._collect(group, [one.element for one in blinded])
        return await asyncio.to_thread(_finalized, blinded[: len(identifiers)], partial)

    def _blind(self, inputs: Sequence[bytes]) -> list[Blinded]:
        return [oprf.blind(data, oprf.random_scalar(self._random_bytes), Mode.VOPRF) for data in inputs]

    async def _collect(self, group: Group, elements: Sequence[EccPoint]) -> dict[int, list[EccPoint]]:
        """Verified results of as many evaluators as the group needs; who fails is replaced by another one."""
        waiting = sorted(group.evaluators, key=self._order)
        good: dict[int, list[EccPoint]] = {}
        running: set[asyncio.Task[tuple[int, list[EccPoint]] | None]] = set()
        try:
            while len(good) < group.threshold:
                while waiting and len(running) < group.threshold - len(good):
                    running.add(asyncio.create_task(self._one(group, waiting.pop(0), elements)))
                if not running:
                    raise QuorumMissing(group.epoch, group.threshold, len(good))
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                good.update(answer for task in done if (answer := task.result()) is not None)
        finally:
            for task in running:
                task.cancel()
        return dict(list(good.items())[: group.threshold])

    def _order(self, evaluator: Evaluator) -> tuple[bool, bytes]:
        """Ourselves first, the others in an order that spreads the load."""
        return next(iter(self._ask), "") != evaluator.origin, self._random_bytes(8)

    async def _one(
        self, group: Group, evaluator: Evaluator, elements: Sequence[EccPoint]
    ) -> tuple[int, list[EccPoint]] | None:
        ask, known = self._ask.get(evaluator.origin), {"epoch": group.epoch, "evaluator": evaluator.origin}
        if ask is None:
            return None
        try:
            encoded = [p256.encode_element(element) for element in elements]
            answer = await ask(group.epoch, group.generation, encoded)
            return evaluator.index, await asyncio.to_thread(_verified, evaluator, elements, answer)
        except ValueError:
            logger.error("claim_key.bad_proof", extra=known)
        except (HuilianError, grpc.RpcError, OSError) as error:
            kind = getattr(error, "code", None) if isinstance(error, HuilianError) else type(error).__name__
            logger.warning("claim_key.no_answer", extra={**known, "error_type": str(kind)})
        return None


def _verified(evaluator: Evaluator, elements: Sequence[EccPoint], answer: Evaluation) -> list[EccPoint]:
    """The evaluated elements. Raises ValueError unless the pinned share made them."""
    results = [p256.decode_element(data) for data in answer.elements]
    oprf.check(evaluator.public, elements, results, answer.proof)
    return results


def _finalized(blinded: Sequence[Blinded], partial: Mapping[int, Sequence[EccPoint]]) -> list[bytes]:
    return [
        oprf.finalize(one, combine({index: results[at] for index, results in partial.items()}))
        for at, one in enumerate(blinded)
    ]
