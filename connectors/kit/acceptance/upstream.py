"""A connector with its own sandbox on a free local port: the agency's side of an acceptance run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp import web
from huilian_protocol.clock import Clock

from connectors.kit.contract import Connector
from connectors.kit.credentials import Credentials
from connectors.kit.manifest import Manifest, load_manifest
from connectors.kit.plugin import ConnectorContext, build_connector, build_sandbox, limits_of, new_sandbox_credentials
from connectors.kit.sandbox_people import population
from connectors.kit.sandbox_server import Faults, SandboxContext


@dataclass(frozen=True)
class Upstream:
    """A running agency sandbox, the connector that speaks to it, and the folder where the sandbox keeps its books."""

    manifest: Manifest
    connector: Connector
    faults: Faults
    context: ConnectorContext
    kept: Path


async def serve(app: web.Application, stack: AsyncExitStack) -> str:
    """Serve an application on a free port of 127.0.0.1; returns its URL. `stack` stops it."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


@asynccontextmanager
async def running_upstream(package: str, clock: Clock, timeout_ms: int = 1_000) -> AsyncIterator[Upstream]:
    """Start the package's sandbox and build its connector against it, with a time limit fit for tests."""
    manifest, faults = load_manifest(package), Faults()
    # Drawn before any time limit runs.
    population()
    credentials = Credentials(new_sandbox_credentials(package, os.urandom))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = await serve(build_sandbox(package, SandboxContext(credentials, clock, faults, kept)), stack)
        limits = replace(limits_of(manifest), timeout_ms=timeout_ms)
        context = ConnectorContext(url, credentials, clock, os.urandom, limits, folder)
        connector = await build_connector(package, context, stack)
        yield Upstream(manifest, connector, faults, context, kept)
