"""Processes of a site forked from one that has imported everything already.

Nine tenths of a start of `python -m hub.main` are imports, 1.3 s of CPU, and the suite starts hubs, edges and sandboxes
by the hundred. A fork runs the same module as `__main__` with settings, memory, log and death of its own. It holds what
its nursery imported, so hubs have one of their own: the register of persons is none of theirs. What only a real start
shows is left to real starts: `make demo`, `tests/integration/test_hub_process.py`,
`tests/contract/connectors/test_host.py`.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.process import ROOT, ProcessSpec, StartFailed, Supervisor, child_environment, python

PR_SET_PDEATHSIG = 1  # linux/prctl.h

HUBS = ("hub.main", "hub.evaluating")
OTHERS = (
    "connectors.authorities.business_registry.sandbox",
    "connectors.authorities.certificate_authority.sandbox",
    "connectors.authorities.identity_authority.sandbox",
    "connectors.authorities.movable_asset_registry.sandbox",
    "connectors.authorities.tax_authority.sandbox",
    "connectors.core_enterprise.tryton.rpc",
    "connectors.kit.host",
    "connectors.kit.sandbox_host",
    "ledger.embedded_chain.server",
    "mini_program_api.app",
)


class Forked:
    """A process of the nursery, with what a Supervisor asks of a Popen; its exit status nobody learns."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._fd = -1

    def poll(self) -> int | None:
        """None while it runs."""
        return None if self._fd >= 0 and not self._ends_within(0) else 0

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises TimeoutExpired."""
        if self._fd >= 0 and not self._ends_within(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return 0

    def send_signal(self, number: int) -> None:
        """To a process that ended nothing happens."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._fd, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _ends_within(self, seconds: float | None) -> bool:
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        return bool(poller.poll(None if seconds is None else seconds * 1000))

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class ForkingSupervisor(Supervisor):
    """Starts `python -m` processes as forks, everything else as it is."""

    def _spawn(self, spec: ProcessSpec) -> Any:
        if list(spec.arguments[:2]) != python("-m"):
            return super()._spawn(spec)
        log = self._logs / f"{spec.name}.log"
        return _fork(spec, log, log)

    async def output(self, spec: ProcessSpec) -> str:
        """As the base's."""
        with tempfile.TemporaryDirectory() as folder:
            out, errors = Path(folder) / "out", Path(folder) / "errors"
            await asyncio.to_thread(_fork(spec, out, errors).wait)
            if not (written := out.read_text()):
                raise StartFailed(f"{spec.name}: {errors.read_text()}")
            return written


class _Nursery:
    """The process that forks; it ends with us, when its socket does."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            environment = child_environment(ProcessSpec("nursery", (), _never))
            command = python("-m", "tests.support.nursery", str(theirs.fileno()), *modules)
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()])
        self._answers = self._ours.makefile("r")

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, errors: Path) -> Forked:
        """Start a module, with arguments, as a process of a session of its own."""
        wanted = {"arguments": arguments, "environment": environment, "streams": [str(out), str(errors)]}
        self._ours.sendall(json.dumps(wanted).encode() + b"\n")
        return Forked(int(self._answers.readline()))


async def _never() -> bool:
    return False


@functools.cache
def _nursery(modules: Sequence[str]) -> _Nursery:
    return _Nursery(modules)


def _fork(spec: ProcessSpec, out: Path, errors: Path) -> Forked:
    modules = HUBS if spec.arguments[2] in HUBS else OTHERS
    return _nursery(modules).fork(spec.arguments[2:], child_environment(spec), out, errors)


def main(descriptor: int, modules: Sequence[str]) -> None:
    """Import, then fork for each line until the other end closes."""
    requests = socket.socket(fileno=descriptor)
    for name in modules:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork keeps one thread only"
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a child ended
    wanted = _next_birth(requests)
    if wanted is not None:
        requests.close()
        _live(wanted)


def _next_birth(requests: socket.socket) -> dict[str, Any] | None:
    """What the process that returns is to be; None for the parent at its end."""
    with requests.makefile("r") as lines:
        for line in lines:
            if (pid := os.fork()) == 0:
                wanted: dict[str, Any] = json.loads(line)
                return wanted
            requests.sendall(f"{pid}\n".encode())
    return None


def _live(wanted: dict[str, Any]) -> None:
    os.setsid()
    # With the nursery, which ends with its user: tests that are killed leave no process behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    for descriptor, name in enumerate(wanted["streams"], start=1):
        opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)
    module, *arguments = wanted["arguments"]
    sys.argv = [module, *arguments]
    sys.modules.pop(module, None)  # it becomes __main__
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
