"""CPU time of other processes: counted, and waited for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loadtests.cpu import cpu_seconds, quiet

SPIN = "import sys\nprint(flush=True)\nwhile True: pass"
SLEEP = "import time\nprint(flush=True)\ntime.sleep(60)"


@contextmanager
def child(program: str) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


async def test_a_busy_process_uses_time_and_is_not_quiet() -> None:
    with child(SPIN) as pid:
        before = cpu_seconds([pid])
        assert not await quiet([pid], patience_s=0.6)
        assert cpu_seconds([pid]) > before


async def test_a_sleeping_process_is_quiet() -> None:
    with child(SLEEP) as pid:
        assert await quiet([pid], patience_s=5)


async def test_nobody_is_quiet_at_once() -> None:
    started = time.monotonic()
    assert await quiet([])
    assert time.monotonic() - started < 0.1
    assert cpu_seconds([]) == 0


def test_a_process_that_is_gone_is_an_error() -> None:
    with child(SLEEP) as pid:
        pass
    with pytest.raises(OSError):
        cpu_seconds([pid])
