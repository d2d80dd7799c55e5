"""One person's data destroyed, from the signed order to the hub's certificate, over the wire.

Each person has a consent, reads with their records and notices, and answers that the hub remembers. The baseline is the
least that such a person's call can write durably: their choice about notices.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from connectors.kit import sandbox_people
from loadtests.bench.citizen import BenchCitizen, registered_citizen
from loadtests.bench.world import World
from loadtests.pairs import Pair, Side

PERSONS, READS_EACH = 6, 20


class Leavers:
    """Persons who register, live a little, and leave."""

    def __init__(self, world: World, stack: AsyncExitStack) -> None:
        self._world, self._stack = world, stack
        self._people: Iterator[sandbox_people.Person] = iter(
            person for person in sandbox_people.population().values() if person.kind == "ordinary"
        )
        self._waiting: list[BenchCitizen] = []

    async def prepare(self, count: int) -> None:
        """As many persons with something to be destroyed."""
        while len(self._waiting) < count:
            person = next(person for person in self._people if person not in sandbox_people.DEMO_PEOPLE)
            citizen = await self._stack.enter_async_context(registered_citizen(self._world, person))
            await citizen.allow(READS_EACH, READS_EACH)
            for number in range(READS_EACH):
                await citizen.read(number)
            self._waiting.append(citizen)

    async def erase(self, count: int) -> Sequence[float]:
        """Erase so many; the seconds of each, until the certificate is there."""
        seconds = []
        for _ in range(count):
            citizen, erasure_id = self._waiting.pop(), uuid.uuid4().hex
            started = time.perf_counter()
            prepared = await citizen.hub.privacy.prepare_erasure(erasure_id)
            done = await citizen.hub.privacy.erase_my_data(erasure_id, citizen.sign(prepared.order))
            seconds.append(time.perf_counter() - started)
            assert done.certificate, "an erasure ends with a certificate"
        return seconds


@asynccontextmanager
async def erasure_pairs(world: World, citizen: BenchCitizen) -> AsyncIterator[list[Pair]]:
    """One figure; its p99 is the one that counts: a second at most."""

    async def choose(count: int) -> Sequence[float]:
        seconds = []
        for number in range(count):
            started = time.perf_counter()
            await citizen.hub.notices.set_digest(number % 2 == 0)
            seconds.append(time.perf_counter() - started)
        return seconds

    async with AsyncExitStack() as stack:
        leavers = Leavers(world, stack)
        yield [
            Pair(
                f"erasure of one person, {READS_EACH} reads",
                "persons",
                Side("order prepared, signed and carried out", leavers.erase, PERSONS, leavers.prepare),
                Side("one durable choice of a person", choose, 60),
                rounds=3,
            )
        ]
