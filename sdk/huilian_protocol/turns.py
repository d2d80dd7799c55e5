"""How soon a thread that waits for the interpreter's lock gets it."""

from __future__ import annotations

import sys

__all__ = ["TURN_S", "take_short_turns"]

TURN_S = 0.001
"""Python's own 5 ms are how long a busy event loop keeps a thread waiting that has only to say: it is on the disk."""


def take_short_turns() -> None:
    """Let a process that serves hand the lock over after :data:`TURN_S`; a read waits for its threads four times."""
    sys.setswitchinterval(TURN_S)
