"""A journey is a list of named steps; running one leaves a report and a file of evidence for each step."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from huilian_protocol.errors import HuilianError

Found = TypeVar("Found")
Action = Callable[[], Awaitable[Any]]

PATIENCE_S = 60.0


class Unexpected(Exception):
    """A step ended otherwise than the journey demands; the message says what was expected."""


@dataclass(frozen=True)
class Step:
    """One step. `action` answers what the step saw: something JSON can hold, or bytes of a receipt."""

    name: str
    title: str
    action: Action


@dataclass(frozen=True)
class StepResult:
    """One line of the report. `evidence` is a file beside the report."""

    name: str
    ok: bool
    ms: int
    evidence: str
    error: str = ""


async def run_steps(steps: Sequence[Step], folder: Path, prefix: str, say: Callable[[str], None]) -> list[StepResult]:
    """Run the steps in order and stop at the first that fails."""
    (folder / "evidence").mkdir(parents=True, exist_ok=True)
    results: list[StepResult] = []
    for number, step in enumerate(steps, start=1):
        result = await _run(step, folder, f"{prefix}-{number:02d}-{step.name}")
        results.append(result)
        mark = "ok  " if result.ok else "FAIL"
        say(f"  {mark} {number:2d}/{len(steps)} {step.title}  {result.ms} ms  {result.error}".rstrip())
        if not result.ok:
            break
    return results


async def _run(step: Step, folder: Path, stem: str) -> StepResult:
    started = time.monotonic()
    try:
        seen, error = await step.action(), ""
    except Exception as failure:  # noqa: BLE001 - whatever breaks a step belongs in the report
        seen, error = None, f"{type(failure).__name__}: {failure}"
    ms = round((time.monotonic() - started) * 1000)
    path = _write_evidence(folder / "evidence" / stem, seen if not error else {"error": error})
    return StepResult(stem, not error, ms, str(path.relative_to(folder)), error)


def _write_evidence(stem: Path, seen: Any) -> Path:
    if isinstance(seen, bytes):
        path = stem.with_suffix(".bin.json")
        path.write_bytes(seen)
        return path
    path = stem.with_suffix(".json")
    path.write_text(json.dumps(seen, ensure_ascii=False, indent=2, default=str) + "\n")
    return path


def write_report(path: Path, journeys: dict[str, Sequence[StepResult]], complete: bool) -> bool:
    """Write the report; answers whether every journey ran to its end with every step ok."""
    ok = complete and all(result.ok for results in journeys.values() for result in results)
    steps = {name: [asdict(result) for result in results] for name, results in journeys.items()}
    path.write_text(json.dumps({"ok": ok, "journeys": steps}, ensure_ascii=False, indent=2) + "\n")
    return ok


async def refused(action: Awaitable[Any], code: str) -> dict[str, str]:
    """Expect a refusal with this catalogue code; answers it. Raises Unexpected when the call goes through."""
    try:
        await action
    except HuilianError as error:
        if error.code == code:
            return {"refused_with": error.code, "text": str(error)}
        raise Unexpected(f"expected {code}, was refused with {error.code}: {error}") from error
    raise Unexpected(f"expected {code}, but the call went through")


async def until(look: Callable[[], Awaitable[Found | None]], what: str) -> Found:
    """Look again and again until there is something to see. Raises Unexpected after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := await look()) is None:
        if time.monotonic() > deadline:
            raise Unexpected(f"waited {PATIENCE_S:.0f} s for {what}")
        await asyncio.sleep(0.2)
    return found
