"""`python -m hub.evaluating`: one who holds a share of the claim key and is no bank, e.g. the registry's operator.

It evaluates for the hubs of the consortium over mTLS and counts their calls. `… import-share FILE` takes its share in,
before it serves.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from huilian_protocol.clock import SystemClock
from huilian_protocol.sealing import Suite
from huilian_protocol.settings import Address, SealingSuite
from huilian_protocol.settings import Settings as BaseSettings
from huilian_protocol.stopping import stop_on_signals
from huilian_protocol.tls import TlsFiles
from pydantic import Field, Json

from hub.claim_keys import groups, import_share, shares
from hub.keys import open_vault
from hub.ledger.claims.rpc import EvaluatorServicer
from hub.ledger.evaluators.desk import ClaimKeyEvaluator
from hub.platform.admission import Admission
from hub.platform.interceptors import Edge
from hub.platform.logs import set_up_logs
from hub.platform.rate_limits import RateLimiter
from hub.platform.rate_memory import MemoryBuckets
from hub.platform.rates import Limit, Rate, Rates
from hub.platform.server import HubServer
from hub.platform.tokens import TokenVerifier
from hub.platform.vault import VaultLocked
from hub.settings import SettingsError

CANNOT_START = 2


class EvaluatorSettings(BaseSettings):
    """What an evaluator needs to know to start."""

    origin: str = Field(pattern=r"^[a-z0-9.-]{3,100}$", description="its name in the group file")
    state_dir: Path = Field(description="folder for keys")
    master_key_file: Path | None = Field(None, description="file with 64 hexadecimal digits, or several lines")
    sealing_suite: SealingSuite = Field(Suite.XWING, description="xwing, x25519 or sm: for new keys")
    claim_groups_file: Path = Field(description="JSON file of the groups that hold shared claim keys")
    listen: Address = Field(description="host:port of the mTLS port")
    tls_certificate_file: Path = Field(description="PEM file")
    tls_key_file: Path = Field(description="PEM file")
    tls_ca_file: Path = Field(description="PEM file")
    rate_limits: Json[dict[Limit, Rate]] = Field(
        default={}, description='JSON object of limits to replace: {"claim_key": {"per_minute": 240, "burst": 8000}}'
    )
    log_level: str = Field("INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR")


class _NoTokens:
    """Nobody calls here by a token; certificates say who it is."""

    async def is_revoked(self, token_id: str) -> bool:
        """No token is good here."""
        return True


async def serve(settings: EvaluatorSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises SettingsError and VaultLocked; RuntimeError when the port is taken."""
    vault, _ = open_vault(settings)
    groups(settings.claim_groups_file)
    rates = Rates(settings.rate_limits, vault.secret("rate-limits"))
    pace = RateLimiter(MemoryBuckets(), rates, SystemClock())
    admission = Admission(TokenVerifier({}, settings.origin, SystemClock()), _NoTokens())
    tls = TlsFiles(settings.tls_certificate_file, settings.tls_key_file, settings.tls_ca_file)
    server = HubServer(Edge(admission, pace), tls, "", settings.listen)
    server.serve(EvaluatorServicer(ClaimKeyEvaluator(shares(vault), os.urandom, pace.before_evaluation)))
    await server.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(pace.run(stop))
        await stop.wait()
        await server.stop()


async def run(arguments: Sequence[str]) -> int:
    """Serve, or take a share in; 2 with a message for settings that do not allow it."""
    try:
        settings = EvaluatorSettings.from_environment()
        if arguments:
            (_, file) = arguments
            sys.stdout.write(json.dumps(import_share(settings, open_vault(settings)[0], Path(file))) + "\n")
            return 0
        set_up_logs(settings.log_level)
        await serve(settings, stop_on_signals())
    except (SettingsError, VaultLocked) as error:
        sys.stderr.write(f"evaluator: {error}\n")
        return CANNOT_START
    return 0


def main(arguments: Sequence[str]) -> int:
    """Command line entry."""
    if arguments and (len(arguments) != 2 or arguments[0] != "import-share"):
        sys.stderr.write("usage: python -m hub.evaluating [import-share FILE]\n")
        return CANNOT_START
    return asyncio.run(run(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
