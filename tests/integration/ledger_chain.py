"""Starting, killing and asking a real embedded chain process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import coincurve

from ledger.anchor.transaction import address_of

ROOT = Path(__file__).resolve().parents[2]
CHAIN_ID = 202_577
ADMIN, HUB, OTHER_HUB, NEXT_KEY = (coincurve.PrivateKey(bytes([number]) * 32) for number in (1, 2, 3, 4))
FUNDED = tuple(address_of(key) for key in (ADMIN, HUB, OTHER_HUB, NEXT_KEY))


class ChainProcess:
    """`python -m ledger.embedded_chain` as a child process."""

    def __init__(self, state: Path, clock_file: Path | None = None, allocate: Iterable[str] = FUNDED) -> None:
        self._arguments = ["--state", str(state), "--chain-id", str(CHAIN_ID)]
        for address in allocate:
            self._arguments += ["--allocate", f"{address}={10**24}"]
        if clock_file:
            self._arguments += ["--clock-file", str(clock_file)]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self, port: int = 0) -> None:
        """Start and wait until it listens. Raises RuntimeError with its message when it refuses."""
        command = [sys.executable, "-m", "ledger.embedded_chain", "--port", str(port), *self._arguments]
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout and self._process.stderr
        line = self._process.stdout.readline()
        match = re.search(r"http://\S+", line)
        if not match:
            self._process.wait(10)
            raise RuntimeError(self._process.stderr.read())
        self.url = match[0]

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def call(self, method: str, *params: object) -> Any:
        """Return a JSON-RPC result; ValueError with the error's text otherwise."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.loads(response.read())
        if "error" in answer:
            raise ValueError(answer["error"]["message"])
        return answer["result"]
