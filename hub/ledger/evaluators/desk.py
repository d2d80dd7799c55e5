"""This hub's part in the shared claim key: it multiplies what it cannot read, proves it, and counts who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from huilian_protocol.errors import HuilianError

from ledger.registry import oprf, p256

FindShare = Callable[[int, int], int | None]
"""The secret share of an epoch and generation, None when this hub has none."""

Pace = Callable[[str, int], Awaitable[None]]
"""Counts so many evaluations for a caller; raises HuilianError RATE_LIMITED."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Evaluated elements and the proof that this hub's share made them."""

    elements: list[bytes]
    proof: bytes


class ClaimKeyEvaluator:
    """Evaluates for other hubs. Guessing invoice numbers costs a call for each guess, and calls are limited."""

    def __init__(self, share: FindShare, random_bytes: Callable[[int], bytes], pace: Pace) -> None:
        self._share, self._random_bytes, self._pace = share, random_bytes, pace

    async def evaluate_for(self, caller: str, epoch: int, generation: int, elements: Sequence[bytes]) -> Evaluation:
        """Evaluate for another hub. Raises HuilianError RATE_LIMITED, NOT_FOUND for a share that is not here, and
        INVALID_ARGUMENT for what is no element.
        """
        await self._pace(caller, len(elements))
        return await self.evaluate(epoch, generation, elements)

    async def evaluate(self, epoch: int, generation: int, elements: Sequence[bytes]) -> Evaluation:
        """Evaluate, without counting, for this hub itself; raises NOT_FOUND and INVALID_ARGUMENT as above."""
        share = self._share(epoch, generation)
        if share is None:
            raise HuilianError("NOT_FOUND", "no share of this epoch and generation", resource="claim key share")
        # Several milliseconds of arithmetic, which must not hold other calls up.
        return await asyncio.to_thread(self._compute, share, elements)

    def _compute(self, share: int, elements: Sequence[bytes]) -> Evaluation:
        try:
            points = [p256.decode_element(element) for element in elements]
        except ValueError as error:
            raise HuilianError("INVALID_ARGUMENT", str(error), field="elements") from error
        results = oprf.evaluate(share, points)
        proof = oprf.prove(share, points, results, oprf.random_scalar(self._random_bytes))
        return Evaluation([p256.encode_element(point) for point in results], proof)
