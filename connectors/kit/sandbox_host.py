"""The process of one agency sandbox: `python -m connectors.kit.sandbox_host connectors.gov_data.housing_fund`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys

from aiohttp import web
from huilian_protocol.clock import SandboxClock, SystemClock

from connectors.kit.credentials import Credentials
from connectors.kit.keys import write_private
from connectors.kit.plugin import build_sandbox, new_sandbox_credentials
from connectors.kit.sandbox_server import SANDBOX_NOTICE_EN, SandboxContext
from connectors.kit.server import wait_for_stop
from connectors.kit.settings import SandboxSettings, SettingsError


async def run(package: str, settings: SandboxSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    path = settings.upstream_credentials_file
    if not path.exists():
        write_private(path, json.dumps(new_sandbox_credentials(package, os.urandom)).encode("utf-8"))
    clock = SandboxClock(settings.clock_file) if settings.clock_file is not None else SystemClock()
    runner = web.AppRunner(build_sandbox(package, SandboxContext(Credentials.load(path), clock)), access_log=None)
    await runner.setup()
    host, _, port = settings.listen.rpartition(":")
    await web.TCPSite(runner, host, int(port)).start()
    logging.getLogger(__name__).info("sandbox_serving package=%s %s", package, SANDBOX_NOTICE_EN)
    await wait_for_stop()
    await runner.cleanup()


def main() -> int:
    """Read the environment and run; 2 and a message that names the variable when that is not possible."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m connectors.kit.sandbox_host PACKAGE\n")
        return 2
    try:
        asyncio.run(run(sys.argv[1], SandboxSettings.from_environment()))
    except (SettingsError, OSError, ValueError) as error:
        sys.stderr.write(f"{sys.argv[1]}: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
