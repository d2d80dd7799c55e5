"""`make demo`: all journeys on a fresh site in a temporary folder; the report and the receipts stay in var/demo."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from deploy.journeys.citizen import CitizenJourney
from deploy.journeys.convenience import ConvenienceJourney
from deploy.journeys.step import Step, StepResult, run_steps, write_report
from deploy.journeys.supplier import SupplierJourney
from deploy.launch import launch
from deploy.pki import SitePki
from deploy.process import ROOT, Supervisor, python
from deploy.site import Site

FOLDER = ROOT / "var" / "demo"


def say(line: str) -> None:
    """Progress on screen."""
    print(line, flush=True)


async def demo() -> int:
    """0 when every step of all journeys went well and every receipt verifies with all servers stopped."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    results: dict[str, Sequence[StepResult]] = {}
    with tempfile.TemporaryDirectory(prefix="huilian-demo-") as folder:
        site = Site(Path(folder), SitePki(Path(folder) / "pki", datetime.now(UTC)))
        supervisor = Supervisor(Path(folder))
        try:
            await _walk(site, supervisor, results)
        finally:
            supervisor.stop_all()
            shutil.copytree(Path(folder) / "logs", FOLDER / "logs")
    results["offline"] = await run_steps(
        [Step("verify", "离线核验全部回执 every receipt offline", _verify)], FOLDER, "offline", say
    )
    ok = write_report(FOLDER / "report.json", results, complete=len(results) == 4)
    say(f"{'通过 passed' if ok else '未通过 FAILED'}: {(FOLDER / 'report.json').relative_to(ROOT)}")
    return 0 if ok else 1


async def _walk(site: Site, supervisor: Supervisor, results: dict[str, Sequence[StepResult]]) -> None:
    first, second = site.hub("hub-a"), site.hub("hub-b")
    await launch(site, supervisor, [first, second], say)
    shutil.copy(site.trust_file, FOLDER / "trust-anchors.json")
    receipts = FOLDER / "receipts"
    async with CitizenJourney(site, first, receipts) as citizen:
        say("公民 citizen")
        results["citizen"] = await run_steps(citizen.steps(), FOLDER, "citizen", say)
    async with ConvenienceJourney(site, first, receipts) as zone:
        say("便民专区 convenience zone")
        results["convenience"] = await run_steps(zone.steps(), FOLDER, "convenience", say)
    async with SupplierJourney(site, first, second, receipts) as supplier:
        say("供应商 supplier")
        results["supplier"] = await run_steps(supplier.steps(), FOLDER, "supplier", say)


async def _verify() -> dict[str, str]:
    """Run the offline verifier as anybody would, in a process of its own, on every file."""
    files = sorted((FOLDER / "receipts").glob("*.json"))
    command = python("-m", "ledger.verify", *map(str, files))
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not files:
        raise AssertionError(f"{len(files)} receipts, verifier says:\n{done.stdout}{done.stderr}")
    return {"receipts": str(len(files)), "verifier": done.stdout}
