"""Walking the supplier journey while its processes die: repeating what was cut off, and judging the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from huilian_protocol.errors import HuilianError
from huilian_protocol.trust import TrustAnchors

from deploy.journeys.step import Step, StepResult
from deploy.site import Site
from ledger.verify.files import verify_file

# What a client sees of a hub that just died or is just coming up.
CUT_OFF = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
LEAST_RECEIPTS = 8


def repeated(step: Step, patience_s: float) -> Step:
    """The step, tried again as a client would try it while the hub cannot be reached; its request ids are fixed."""

    async def action() -> object:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                return await step.action()
            except HuilianError as error:
                if error.code not in CUT_OFF or time.monotonic() > deadline:
                    raise

    return Step(step.name, step.title, action)


def check_journey(site: Site, results: Sequence[StepResult], steps: int, receipts: Path) -> None:
    """Every step went well, which covers states and balances to the fen, and every receipt verifies offline."""
    assert [result.error for result in results if not result.ok] == []
    assert len(results) == steps
    trust = TrustAnchors.load(site.trust_file)
    files = sorted(receipts.glob("*.json"))
    assert len(files) >= LEAST_RECEIPTS
    assert [file.name for file in files if not verify_file(file, trust).ok] == []
