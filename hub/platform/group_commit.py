"""Lets use cases that come at the same time share one transaction, and so one wait for the disk.

Each is whole or not at all, and is answered only when it is durable. One that cannot be stored disturbs nobody: a
group that fails is rolled back and done again one by one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from huilian_protocol.grouping import MAX_TOGETHER, Grouped

from hub.platform.database import Database
from hub.platform.transactions import forbid_transaction

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Apply = Callable[[Sequence[Item]], Awaitable[Sequence[Outcome | Exception]]]


class GroupCommit(Generic[Item, Outcome]):
    """`apply` does a group inside the open transaction: an outcome for each item, or the error that is its answer.

    An error that it answers is committed like any outcome (a refusal leaves its record); one that it raises undoes the
    group. It must be fit to be called again with the same item after it was undone.
    """

    def __init__(
        self,
        database: Database,
        apply: Apply[Item, Outcome],
        most: int = MAX_TOGETHER,
        under_way: Callable[[], int] = lambda: 0,
    ) -> None:
        """`under_way` is how many use cases there are that come here, as `Grouped` wants it."""
        self._database, self._apply = database, apply
        self._grouped: Grouped[Item, Outcome] = Grouped(self._commit, most, under_way)

    async def run(self, item: Item) -> Outcome:
        """Do one item; raises its error. Durable when this returns or raises what `apply` answered."""
        forbid_transaction("a group commit")
        return await self._grouped.run(item)

    async def finish(self) -> None:
        """Wait until everything that was asked for is done."""
        await self._grouped.finish()

    async def _commit(self, items: Sequence[Item]) -> Sequence[Outcome | Exception]:
        try:
            async with self._database.transaction():
                return await self._apply(items)
        except Exception:
            if len(items) == 1:
                raise
        return [await self._alone(item) for item in items]

    async def _alone(self, item: Item) -> Outcome | Exception:
        try:
            async with self._database.transaction():
                return (await self._apply([item]))[0]
        except Exception as error:  # noqa: BLE001  raised by the call that it belongs to
            return error
