"""Breaks a unit of work at each of its SQL statements in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from hub.platform.database import Database


class Broken(Exception):
    """The statement that the test chose did not run."""


async def break_at_each_statement(
    database: Database, work: Callable[[], Awaitable[object]], most: int = 200
) -> AsyncIterator[int]:
    """Run `work` failing at its first statement, then its second, … until it gets through; yields after each failure.

    The caller checks at each yield that nothing was left behind, and after the loop that the work is done.
    """
    for number in range(1, most):
        database.on_statement = _at(number)
        try:
            await work()
        except Broken:
            database.on_statement = None
            yield number
        else:
            database.on_statement = None
            assert number > 1, "the work touched no statement"
            return
    raise AssertionError(f"not done after {most} statements")


def _at(number: int) -> Callable[[str], None]:
    seen = 0

    def listener(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise Broken

    return listener
