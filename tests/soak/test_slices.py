"""A small, seeded slice of each campaign, and proof that the runner resumes and reports failures."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.soak import ledger_kills
from tests.soak.campaign import Campaign, CaseFailed, Progress, ProgressFile, advance, seed_of
from tests.soak.campaigns import CAMPAIGNS


# A campaign without a slice has tests of its own elsewhere; its entry in campaigns.py says where.
@pytest.mark.parametrize("campaign", [c for c in CAMPAIGNS if c.slice_cases], ids=lambda campaign: campaign.name)
async def test_slice(campaign: Campaign) -> None:
    for case in range(campaign.slice_cases):
        progress = Progress()
        progress.add(await campaign.case(seed_of(campaign, case)))
        assert progress.checks > 0


async def test_the_ledger_survives_a_few_kills() -> None:
    assert await ledger_kills.play(random.Random("slice"), 4) == 4


async def test_runner_stops_at_a_failure_and_resumes_at_the_same_case(tmp_path: Path) -> None:
    broken = {"on": True}

    async def case(rng: random.Random) -> int:
        if broken["on"] and rng.random() > 0.5:
            raise ValueError("broken")
        return 1

    campaign = Campaign("probe", "probe", target=20, slice_cases=1, case=case)
    record = ProgressFile(tmp_path / "state.json")
    await advance(campaign, record.of(campaign), time.monotonic() + 10)
    record.save()
    stopped = ProgressFile(tmp_path / "state.json")
    failed: Progress = stopped.of(campaign)
    assert failed.next_case < 20
    broken["on"] = False
    await advance(campaign, failed, time.monotonic() + 10)
    assert (failed.checks, failed.failure) == (20, "")


async def test_cases_that_end_out_of_order_are_done_once_wherever_it_stops() -> None:
    played: list[int] = []

    async def seeded(_: random.Random) -> int:
        return 1

    async def hand(_: Campaign, case: int) -> int:
        if case == 2 and case not in played:
            played.append(case)
            await asyncio.sleep(0)
            raise CaseFailed("not yet")
        await asyncio.sleep(0.001 * (case % 3))
        played.append(case)
        return 1

    campaign, progress = Campaign("probe", "probe", target=12, slice_cases=1, case=seeded), Progress()
    await advance(campaign, progress, time.monotonic() + 10, [hand] * 3)
    assert (progress.next_case, progress.failure) == (2, "case 2: not yet")
    again = Progress(**{**asdict(progress), "failure": ""})
    await advance(campaign, again, time.monotonic() + 10, [hand] * 3)
    done = [*range(again.next_case), *again.ahead]
    assert (len(done), again.checks) == (len(set(done)), len(done))
    assert sorted(played) == sorted([*done, 2])


def test_a_campaign_that_misses_what_matters_fails() -> None:
    async def case(rng: random.Random) -> int:
        return 1

    campaign = Campaign("probe", "probe", target=1, slice_cases=1, case=case, floors={"lent": 2})
    assert campaign.missed(Progress(checks=20_000, counted={"lent": 40})) == ""
    assert campaign.missed(Progress(checks=20_000, counted={"lent": 39})) == "lent: 1.9 of 2"
    assert campaign.missed(Progress(checks=100)) == ""
