"""A process of the edge, asked to stop at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys

EARLY = """
import asyncio
from connectors.kit.process import run_process

async def work():
    print("up", flush=True)
    await asyncio.sleep(60)

raise SystemExit(run_process("edge", work))
"""


def test_an_interrupt_before_it_waits_for_one_is_a_clean_stop_too() -> None:
    with subprocess.Popen([sys.executable, "-c", EARLY], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
