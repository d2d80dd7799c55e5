"""Certificates for the load scenarios: each user takes one; when they run out, another trade is made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from loadtests.site import ROOT

TRADE_TIMEOUT_S = 60.0


class CertificatePool:
    """Certificates that the sandbox's supplier holds and nobody uses yet."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._ids: list[str] = []

    def fill(self, folder: Path) -> None:
        """Make a trade on the sandbox in this folder unless there are certificates left. Raises RuntimeError."""
        with self._one_at_a_time:
            self._ids = self._ids or _traded(folder)

    def take(self, folder: Path) -> str:
        """A certificate of the sandbox in this folder. Raises RuntimeError when no trade can be made."""
        with self._one_at_a_time:
            self._ids = self._ids or _traded(folder)
            return self._ids.pop()


def _traded(folder: Path) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
    command = [sys.executable, "-m", "loadtests.prepare", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TRADE_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"no trade could be made:\n{done.stderr}")
    ids: list[str] = json.loads(done.stdout)
    return ids
