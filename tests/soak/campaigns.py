"""The campaigns. Each one lives in its own file beside this one."""

from __future__ import annotations

from tests.soak.campaign import Campaign

CAMPAIGNS: list[Campaign] = []
