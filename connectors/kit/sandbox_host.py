"""The process of one agency sandbox: `python -m connectors.kit.sandbox_host connectors.gov_data.housing_fund`."""

from __future__ import annotations

import json
import logging
import os
import sys

from aiohttp import web
from huilian_protocol.clock import SandboxClock, SystemClock
from huilian_protocol.collecting import spare_what_is_loaded
from huilian_protocol.stopping import stop_on_signals

from connectors.kit.credentials import Credentials
from connectors.kit.keys import write_private
from connectors.kit.plugin import build_sandbox, new_sandbox_credentials
from connectors.kit.process import main_of_package
from connectors.kit.sandbox_capacity import limit_capacity
from connectors.kit.sandbox_server import SANDBOX_NOTICE_EN, SandboxContext
from connectors.kit.settings import SandboxSettings


async def run(package: str, settings: SandboxSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    path = settings.upstream_credentials_file
    if not path.exists():
        write_private(path, json.dumps(new_sandbox_credentials(package, os.urandom)).encode("utf-8"))
    clock = SandboxClock(settings.clock_file) if settings.clock_file is not None else SystemClock()
    context = SandboxContext(Credentials.load(path), clock, folder=path.parent)
    app = build_sandbox(package, context)
    if settings.service_time_ms:
        limit_capacity(app, settings.service_time_ms / 1_000, settings.workers)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, _, port = settings.listen.rpartition(":")
    await web.TCPSite(runner, host, int(port)).start()
    spare_what_is_loaded()
    logging.getLogger(__name__).info("sandbox_serving package=%s %s", package, SANDBOX_NOTICE_EN)
    await stop_on_signals().wait()
    await runner.cleanup()


if __name__ == "__main__":
    sys.exit(
        main_of_package("connectors.kit.sandbox_host", lambda package: run(package, SandboxSettings.from_environment()))
    )
