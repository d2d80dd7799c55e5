"""How the kit finds and builds a connector: a package with `manifest.yaml`, `connector.py` and `sandbox.py`.

`connector.py` offers `async create(context, stack) -> Connector`; `sandbox.py` offers `create(context) -> Application`
and `new_credentials(random_bytes) -> dict` (the secrets that the sandbox and its connector share).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from huilian_protocol.clock import Clock

from connectors.kit.contract import Connector
from connectors.kit.credentials import Credentials
from connectors.kit.manifest import Manifest
from connectors.kit.sandbox_server import SandboxContext
from connectors.kit.upstream import UpstreamLimits

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True)
class ConnectorContext:
    """What a connector is built from. `state_dir` is its own folder for what must outlive the process."""

    upstream_url: str
    credentials: Credentials
    clock: Clock
    random_bytes: RandomBytes
    limits: UpstreamLimits
    state_dir: Path


def limits_of(manifest: Manifest) -> UpstreamLimits:
    """The bounds that the manifest puts on one exchange with the agency."""
    return UpstreamLimits(manifest.timeout_ms, manifest.max_answer_bytes)


def connector_folder(state_dir: Path) -> Path:
    """The connector's own part of its edge's state folder; made when there is none."""
    folder = state_dir / "connector"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


async def build_connector(package: str, context: ConnectorContext, stack: AsyncExitStack) -> Connector:
    """Build the connector of this package; `stack` closes what it opens."""
    connector: Connector = await importlib.import_module(f"{package}.connector").create(context, stack)
    return connector


def build_sandbox(package: str, context: SandboxContext) -> web.Application:
    """Build the sandbox of this package."""
    app: web.Application = importlib.import_module(f"{package}.sandbox").create(context)
    return app


def new_sandbox_credentials(package: str, random_bytes: RandomBytes) -> dict[str, str]:
    """Fresh secrets for the sandbox of this package and its connector, to be written to one JSON file."""
    credentials: dict[str, str] = importlib.import_module(f"{package}.sandbox").new_credentials(random_bytes)
    return credentials
