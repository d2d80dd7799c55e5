"""`make soak`: campaigns in rounds until their targets or SOAK_MINUTES (default 30), then var/soak/report.json.

Cases run in SOAK_WORKERS processes (default: as many as there are cores).

`python -m tests.soak NAME …` runs the named ones only; the report always tells how far every campaign has come.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.soak.campaign import Campaign, Hand, Progress, ProgressFile, advance
from tests.soak.campaigns import CAMPAIGNS
from tests.soak.workers import workers

FOLDER = Path("var/soak")
ROUND_S = 30.0


async def soak(minutes: float, names: Collection[str], hands: Sequence[Hand]) -> bool:
    """Give each of the named campaigns a turn of ROUND_S until time is up; answers whether nothing failed."""
    record = ProgressFile(FOLDER / "state.json")
    progress = {campaign.name: record.of(campaign) for campaign in CAMPAIGNS}
    end = time.monotonic() + minutes * 60

    def open_campaigns() -> list[Campaign]:
        wanted = [campaign for campaign in CAMPAIGNS if campaign.name in names]
        return [c for c in wanted if progress[c.name].checks < c.target and not progress[c.name].failure]

    while time.monotonic() < end and open_campaigns():
        for campaign in open_campaigns():
            one = progress[campaign.name]
            await advance(campaign, one, min(end, time.monotonic() + ROUND_S), hands[:1] if campaign.alone else hands)
            record.save()
            print(f"{campaign.name}: {one.checks:,} of {campaign.target:,} checks  {one.failure or 'ok'}", flush=True)
    for campaign in CAMPAIGNS:
        if (missed := campaign.missed(progress[campaign.name])) and not progress[campaign.name].failure:
            progress[campaign.name].failure = f"too few for each thousand checks: {missed}"
    report = {c.name: {"title": c.title, "target": c.target, **asdict(progress[c.name])} for c in CAMPAIGNS}
    (FOLDER / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    for campaign in [campaign for campaign in CAMPAIGNS if campaign.name in names]:
        print(_figures(campaign, progress[campaign.name]), flush=True)
    return not any(one.failure for one in progress.values())


def _figures(campaign: Campaign, one: Progress) -> str:
    """One line that tells how far a campaign has come in all its runs, how fast, and what it counted."""
    rate = one.checks / one.seconds if one.seconds else 0.0
    counted = ", ".join(f"{name} {number:,}" for name, number in sorted(one.counted.items()))
    done = f"{one.checks:,} of {campaign.target:,} in {one.seconds / 60:.1f} min, {rate:.1f} a second"
    return f"FIGURES {campaign.name}: {done}; {counted or 'no counts'}; {one.failure or 'no failure'}"


def main(arguments: list[str]) -> int:
    """Exit status 0 when nothing failed, 2 for a name that no campaign has."""
    known = [campaign.name for campaign in CAMPAIGNS]
    if unknown := set(arguments) - set(known):
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    minutes = float(os.environ.get("SOAK_MINUTES", "30"))
    many = int(os.environ.get("SOAK_WORKERS", "0")) or os.cpu_count() or 1
    with workers(many) as hands:
        return 0 if asyncio.run(soak(minutes, arguments or known, hands)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
