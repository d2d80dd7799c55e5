"""How a process is told to end: SIGTERM from whoever supervises it, SIGINT from a keyboard."""

from __future__ import annotations

import asyncio
import signal

__all__ = ["stop_on_signals"]


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets from now on, in place of ending the process; call it in the running loop."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
