"""CPU time of other processes, and waiting until they have nothing left to do. Linux only (`/proc`)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
QUIET_SHARE = 0.06
"""Below this share of one core a process is taken to be idle; heartbeats and polling stay."""

LOOK_S = 0.25
PATIENCE_S = 15.0


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time that these processes have used so far, in seconds; their resolution is 10 ms."""
    return sum(_cpu_seconds(pid) for pid in pids)


def _cpu_seconds(pid: int) -> float:
    # Fields are counted after the command's name, which may itself hold spaces and brackets (proc(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / _TICKS_PER_S


async def quiet(pids: Sequence[int], patience_s: float = PATIENCE_S) -> bool:
    """Wait until these processes are idle together, at once when there are none; False when they still were not after
    `patience_s`.
    """
    if not pids:
        return True
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        before, started = cpu_seconds(pids), time.monotonic()
        await asyncio.sleep(LOOK_S)
        if cpu_seconds(pids) - before <= QUIET_SHARE * (time.monotonic() - started):
            return True
    return False
