"""A process that serves lets its threads have the interpreter's lock soon."""

from __future__ import annotations

import sys

from huilian_protocol.turns import TURN_S, take_short_turns


def test_turns_become_short() -> None:
    before = sys.getswitchinterval()
    try:
        take_short_turns()
        assert sys.getswitchinterval() == TURN_S < before
    finally:
        sys.setswitchinterval(before)
