"""The load scenarios run against a real site: every journey comes through, and nothing fails."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.launch import launch
from deploy.pki import SitePki
from deploy.process import ROOT
from deploy.site import Site
from tests.support.nursery import ForkingSupervisor

SECONDS, TIMEOUT_S = 10, 150
# Calls late in each journey: who comes this far has done all before them.
REACHED = {
    "RevokeConsent",
    "/consents/[id]/revocation",
    "/flash-loans",
    "AcceptCertificate",
    "from signature to money",
}


async def test_each_journey_comes_through(tmp_path: Path) -> None:
    site, supervisor = Site(tmp_path, SitePki(tmp_path / "pki", datetime.now(UTC))), ForkingSupervisor(tmp_path)
    try:
        await launch(site, supervisor, [site.hub("hub-a")], lambda line: None)
        figures = await _locust(tmp_path)
    finally:
        supervisor.stop_all()
    failures = {one["name"]: one["num_failures"] for one in figures if one["num_failures"]}
    assert failures == {}
    assert {one["name"] for one in figures if one["num_requests"]} >= REACHED


async def _locust(folder: Path) -> list[dict[str, Any]]:
    """What locust counted, request by request. In a process of its own: gevent patches the interpreter."""
    options = ["--headless", "-u", "3", "-r", "3", "-t", f"{SECONDS}s", "--stop-timeout", "10", "--json"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", *options),
        cwd=ROOT,
        env={**os.environ, "HUILIAN_LOAD_SITE": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(TIMEOUT_S):
        out, errors = await process.communicate()
    assert process.returncode == 0, f"{out.decode()}\n{errors.decode()}"
    figures: list[dict[str, Any]] = json.loads(out)
    return figures
