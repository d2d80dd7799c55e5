"""The process: `python -m mini_program_api`. The only place that reads the environment."""

from __future__ import annotations

import asyncio
import logging
import sys

from aiohttp import web
from huilian_protocol.clock import SandboxClock, SystemClock
from huilian_protocol.collecting import spare_what_is_loaded
from huilian_protocol.settings import SettingsError
from huilian_protocol.stopping import stop_on_signals
from huilian_protocol.tls import CaFile, TlsFiles
from huilian_protocol.trust import TrustFile
from huilian_sdk import Huilian

from mini_program_api.app import create_app, create_desk
from mini_program_api.https import HttpsCertificate
from mini_program_api.settings import ApiSettings, Face

CANNOT_START = 2
STOP_GRACE_S = 5.0


async def serve(settings: ApiSettings) -> None:
    """Serve HTTPS until SIGTERM or SIGINT, then finish what is under way."""
    stop, trust = stop_on_signals(), TrustFile(settings.trust_anchors_file)
    certificate = HttpsCertificate(settings.tls_certificate_file, settings.tls_key_file)
    files = _hub_files(settings)
    async with Huilian.connect(settings.hub_address, tls_files=files, server_name=settings.hub_server_name) as hub:
        # Paths hold ids and bodies personal data: no access log.
        runner = web.AppRunner(_application(settings, hub, trust), access_log=None, shutdown_timeout=STOP_GRACE_S)
        await runner.setup()
        host, _, port = settings.listen.rpartition(":")
        await web.TCPSite(runner, host, int(port), ssl_context=certificate.context).start()
        spare_what_is_loaded()
        logging.getLogger("mini_program_api").info("api_serving address=%s", settings.listen)
        following = asyncio.create_task(certificate.follow())
        await stop.wait()
        following.cancel()
        await runner.cleanup()


def _hub_files(settings: ApiSettings) -> TlsFiles | CaFile:
    """The public face has no name of its own towards the hub: who calls is said by tokens alone."""
    if settings.face is Face.PUBLIC:
        return CaFile(settings.hub_ca_file)
    return TlsFiles(settings.tls_certificate_file, settings.tls_key_file, settings.hub_ca_file)


def _application(settings: ApiSettings, hub: Huilian, trust: TrustFile) -> web.Application:
    if settings.face is Face.DESK:
        return create_desk(hub, settings.web_dir, sandbox=settings.sandbox)
    clock = SandboxClock(settings.clock_file) if settings.clock_file is not None else SystemClock()
    return create_app(hub, trust, settings.web_dir, sandbox=settings.sandbox, clock=clock)


def set_up_logs() -> None:
    """Events of our own only: aiohttp quotes what it could not parse, and headers hold tokens."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def main() -> int:
    """Exit status 2, with a message that names the variable or file, when the process cannot start."""
    set_up_logs()
    try:
        asyncio.run(serve(ApiSettings.from_environment()))
    except (SettingsError, OSError, ValueError) as error:
        sys.stderr.write(f"mini_program_api: {error}\n")
        return CANNOT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())
