"""Processes of hubs and chains, forked from a server that has imported all that they need: a start costs a fraction of
a second where `python -m` takes two of CPU.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
# One server forks for every campaign of the process, so it imports what any of them starts.
FORKS.set_forkserver_preload(["tests.integration.ledger_hub_process", "tests.soak.ledger_kill_processes"])


def log_to(path: Path) -> None:
    """Let this process write to a file from now on, after what is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
