"""A process that group-commits until it is killed: prints the number of each item once it was answered."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Awaitable, Callable, Sequence

from hub.platform.database import Database
from hub.platform.group_commit import GroupCommit

PARTS = 3
CALLERS = 8


def apply_to(
    database: Database, bad: int | None = None
) -> Callable[[Sequence[int]], Awaitable[Sequence[int | Exception]]]:
    """What a group does: each item writes its parts, one statement for each part of all items."""

    async def apply(items: Sequence[int]) -> Sequence[int | Exception]:
        for part in range(PARTS):
            # A row without a count breaks a rule of the table.
            rows = [(f"{item}/{part}", None if item == bad else part) for item in items]
            await database.execute_many(
                "INSERT INTO platform_rate_bucket (name, full_at_us, granted) VALUES ($1, $2, 0)", rows
            )
        return list(items)

    return apply


async def main(url: str) -> None:
    """Never ends by itself."""
    database, numbers = Database(url, ["hub.platform"]), itertools.count()
    await database.open()
    await database.migrate()
    group: GroupCommit[int, int] = GroupCommit(database, apply_to(database))

    async def caller() -> None:
        while True:
            sys.stdout.write(f"{await group.run(next(numbers))}\n")
            sys.stdout.flush()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
