"""What a transaction forbids while it is open, whatever the database.

A transaction holds the process's only SQLite connection (or one of PostgreSQL's few), so nothing inside may wait for
the network, and its statements must come from the task that opened it: a task spawned inside would inherit the
connection and write into a transaction it does not own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


class TransactionMisuse(RuntimeError):
    """A programming error around transactions: nested, used by another task, or the network touched inside."""


@dataclass(slots=True)
class OpenTransaction:
    """The transaction of the current task and what to call once it is durable."""

    owner: asyncio.Task[object] | None
    after_commit: list[Callable[[], None]] = field(default_factory=list)


_current: ContextVar[OpenTransaction | None] = ContextVar("huilian_transaction", default=None)


def current_transaction() -> OpenTransaction | None:
    """The open transaction this code runs inside, or None."""
    return _current.get()


@contextmanager
def entered_transaction() -> Iterator[OpenTransaction]:
    """Mark the current task as being inside a transaction. Raises TransactionMisuse when it already is."""
    if _current.get() is not None:
        raise TransactionMisuse("a transaction is open already; one use case is one transaction")
    opened = OpenTransaction(owner=asyncio.current_task())
    token = _current.set(opened)
    try:
        yield opened
    finally:
        _current.reset(token)


def require_transaction(what: str) -> OpenTransaction:
    """The open transaction. Raises TransactionMisuse when there is none, naming what needs it."""
    opened = _current.get()
    if opened is None:
        raise TransactionMisuse(f"{what} needs an open transaction")
    return opened


def forbid_transaction(what: str) -> None:
    """Raise TransactionMisuse when a transaction is open: network calls and background work must wait for its end."""
    if _current.get() is not None:
        raise TransactionMisuse(f"{what} must not happen inside a transaction")


def check_statement_owner() -> None:
    """Raise TransactionMisuse when a task spawned inside a transaction uses the connection it inherited."""
    opened = _current.get()
    if opened is not None and opened.owner is not asyncio.current_task():
        raise TransactionMisuse("a task spawned inside a transaction used its connection")
