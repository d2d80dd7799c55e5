"""A small storm of the campaign `quota-race`."""

from __future__ import annotations

import random

from tests.soak.quota_race import storm


async def test_three_hub_processes_deliver_exactly_what_was_granted() -> None:
    assert await storm(random.Random(1), 600) >= 600
