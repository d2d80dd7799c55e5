"""`python -m connectors.core_enterprise.tryton`: serves one enterprise's Tryton to hubs until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import uvloop

from connectors.core_enterprise.tryton.server import serving
from connectors.core_enterprise.tryton.settings import SettingsError, load_settings

_log = logging.getLogger("huilian.connector.tryton")


async def _serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(load_settings(os.environ)) as port:
        _log.info("connector.started port=%d", port)
        await stop.wait()
    _log.info("connector.stopped")


def main() -> int:
    """Runs the process and returns its exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        uvloop.run(_serve())
    except SettingsError as error:
        print(f"设置有误 wrong settings:\n{error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
