"""Starts the processes of a site, waits until each is healthy, stops them all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).resolve().parent.parent
STOP_GRACE_S = 10.0


class StartFailed(Exception):
    """A process ended or did not become healthy in time; the message shows the end of its log."""


@dataclass(frozen=True)
class ProcessSpec:
    """How to start one process and how to tell that it is up."""

    name: str
    arguments: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0


class Supervisor:
    """Owns the child processes of one site; their output goes to `<folder>/logs/<name>.log`."""

    def __init__(self, folder: Path) -> None:
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._running: dict[str, tuple[ProcessSpec, subprocess.Popen[bytes]]] = {}

    async def start(self, spec: ProcessSpec) -> None:
        """Start one process and wait until it is healthy. Raises StartFailed."""
        self._running[spec.name] = (spec, self._spawn(spec))
        deadline = time.monotonic() + spec.timeout_s
        while not await spec.ready():
            if self._running[spec.name][1].poll() is not None:
                raise StartFailed(f"{spec.name} ended at start:\n{self.log_tail(spec.name)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{spec.name} not healthy after {spec.timeout_s:.0f} s:\n{self.log_tail(spec.name)}")
            await asyncio.sleep(0.1)

    async def start_all(self, specs: Sequence[ProcessSpec]) -> None:
        """Start several processes that do not need each other, at the same time."""
        await asyncio.gather(*(self.start(spec) for spec in specs))

    async def output(self, spec: ProcessSpec) -> str:
        """What a command that ends by itself writes. Raises StartFailed when it fails."""
        environment = child_environment(spec)
        done = await asyncio.to_thread(
            subprocess.run, spec.arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise StartFailed(f"{spec.name}: {done.stderr}")
        written: str = done.stdout
        return written

    def kill(self, name: str) -> ProcessSpec:
        """SIGKILL, as a crash would; answers the spec with which to start it again."""
        spec, process = self._running.pop(name)
        process.kill()
        process.wait()
        return spec

    def pid(self, name: str) -> int:
        """Process id of a process that was started; KeyError for any other."""
        return self._running[name][1].pid

    def ended(self) -> list[str]:
        """Names of processes that ended by themselves."""
        return [name for name, (_, process) in self._running.items() if process.poll() is not None]

    def stop_all(self) -> list[str]:
        """SIGTERM to everybody, newest first; answers the names of those that had to be killed."""
        stubborn = []
        for _, process in reversed(self._running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_GRACE_S
        for name, (_, process) in self._running.items():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                stubborn.append(name)
        self._running.clear()
        return stubborn

    def log_tail(self, name: str, lines: int = 30) -> str:
        """The last lines of a process's log."""
        path = self._logs / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(no log)"

    def _spawn(self, spec: ProcessSpec) -> subprocess.Popen[bytes]:
        with (self._logs / f"{spec.name}.log").open("ab") as log:
            return subprocess.Popen(
                spec.arguments,
                cwd=ROOT,
                env=child_environment(spec),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C goes to us alone: we stop the children in order.
                start_new_session=True,
            )


def child_environment(spec: ProcessSpec) -> dict[str, str]:
    """The environment of a child: ours without our own settings, and its settings."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("HUILIAN_")}
    path = os.pathsep.join([str(ROOT), str(ROOT / "sdk")])
    return {**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **spec.environment}


def python(*arguments: str) -> list[str]:
    """Argument list that runs a module or script with this interpreter."""
    return [sys.executable, *arguments]


# Below the ports that the kernel gives to outgoing connections: one of those may sit on a port between the death of a
# process and its restart.
_PORTS = range(10_240, 32_000)
# A port is given long before somebody listens on it, and several sites start side by side: a name that the kernel
# knows until its process ends (unix(7), abstract) says which ones are spoken for.
_given: deque[socket.socket] = deque()
_MOST_GIVEN = 200


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on, was given lately, or may get for an outgoing connection.

    Raises StartFailed when there is none.
    """
    # What a test seeds makes all workers draw the same.
    for port in random.SystemRandom().sample(_PORTS, 1_000):
        with contextlib.suppress(OSError):
            _give(port)
            return port
    raise StartFailed("no free port between 10240 and 32000")


def _give(port: int) -> None:
    given = socket.socket(socket.AF_UNIX)
    try:
        given.bind(f"\0huilian-port-{port}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        given.close()
        raise
    _given.append(given)
    if len(_given) > _MOST_GIVEN:
        _given.popleft().close()


def grpc_serving(
    port: int, credentials: Callable[[], grpc.ChannelCredentials], service: str = ""
) -> Callable[[], Awaitable[bool]]:
    """Readiness: the gRPC health service on the port says SERVING, of itself or of a service.

    A bound port alone says nothing yet.
    """

    asked, listening = health_pb2.HealthCheckRequest(service=service), port_open(port)

    async def ready() -> bool:
        # A channel costs milliseconds, and most questions come before anybody listens.
        if not await listening():
            return False
        async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials()) as channel:
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(asked, timeout=2)
            except grpc.RpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return ready


def port_open(port: int) -> Callable[[], Awaitable[bool]]:
    """Readiness: something accepts connections on the port."""

    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return ready
