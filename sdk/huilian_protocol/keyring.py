"""Key rings: the keys of one purpose, of which one is used, one may be announced, and older ones still verify or open.

A ring changes one step at a time (`RingFile.advance`): first a *next* key is made and published, so that trust files
can name it; then it becomes *current* and the one before is *retired*. A retired key signs and seals nothing any more,
but what it signed verifies and what was sealed to it opens. The file beside the keys says which is which; a process
that runs sees a change at its next use of the ring.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huilian_protocol.canonical import parse_json
from huilian_protocol.sealing import Suite
from huilian_protocol.stamp import Stamp, stamp_of
from huilian_protocol.strict import integer_at, list_at, object_with

MAX_KEYS = 64


@dataclass(frozen=True, slots=True)
class RingState:
    """Which generation is used, and for which suite each was made (only sealing keys care)."""

    current: int
    suites: tuple[Suite, ...]

    @property
    def has_next(self) -> bool:
        """Whether a key is announced that is not used yet."""
        return len(self.suites) > self.current + 1

    def order(self) -> tuple[int, ...]:
        """All generations: the current one, the next one if any, then retired ones from the youngest."""
        after = (self.current + 1,) if self.has_next else ()
        return (self.current, *after, *range(self.current - 1, -1, -1))


class RingFile:
    """The state of one ring on disk; a ring that never changed has no file."""

    def __init__(self, path: Path) -> None:
        self._path, self._name = path, str(path)
        self._stamp: Stamp | None = None
        self._state = RingState(0, (Suite.XWING,))

    def read(self) -> RingState:
        """The state as it is now. Raises ValueError for a damaged file."""
        stamp = stamp_of(self._name)
        if stamp is None:
            return self._state
        if stamp != self._stamp:
            self._state, self._stamp = _parse(self._path), stamp
        return self._state

    def begin(self, suite: Suite) -> None:
        """A ring that is about to get its first key, made for this suite."""
        if suite is not Suite.XWING:
            self._write(RingState(0, (suite,)))

    def advance(self, suite: Suite, make: Callable[[int], None]) -> RingState:
        """One step: announce a next key, which `make` makes durable, or let the announced one become current."""
        with self._path.with_suffix(".lock").open("w") as lock:
            # Two commands at once: the second one sees what the first one did.
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.read()
            if state.has_next:
                changed = RingState(state.current + 1, state.suites)
            elif len(state.suites) == MAX_KEYS:
                raise ValueError(f"{self._path.name} is full with {MAX_KEYS} keys")
            else:
                make(len(state.suites))
                changed = RingState(state.current, (*state.suites, suite))
            self._write(changed)
        return self.read()

    def _write(self, state: RingState) -> None:
        """Durable before it is visible: a crash leaves the old state or the new one."""
        descriptor, temporary = tempfile.mkstemp(dir=self._path.parent)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump({"current": state.current, "suites": list(state.suites)}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path)


def _parse(path: Path) -> RingState:
    value = object_with(parse_json(path.read_bytes()), ["current", "suites"], path.name)
    suites = tuple(Suite(name) for name in list_at(value, "suites", MAX_KEYS, least=1))
    current = integer_at(value, "current", 0, len(suites) - 1)
    if current < len(suites) - 2:
        raise ValueError(f"{path.name}: more than one key is announced")
    return RingState(current, suites)
