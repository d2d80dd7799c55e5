"""What the edge knows about the running call beyond its caller."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class CallNotes:
    """Notes of one call. `replayed` is set when the answer is the first one, given again."""

    token_id: str = ""
    certificate: str = ""
    replayed: bool = False


_current: ContextVar[CallNotes | None] = ContextVar("huilian_call", default=None)


def current_call() -> CallNotes:
    """The notes of the running call; fresh ones that nobody reads outside one."""
    return _current.get() or CallNotes()


def set_current_call(notes: CallNotes) -> None:
    """Begin a call's notes for the rest of the current task."""
    _current.set(notes)
