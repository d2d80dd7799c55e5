"""`python -m loadtests.bench`: measures, prints a table of ratios and writes var/bench/report.json.

`--only "hub call,log records"` measures the figures whose names contain one of these.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from deploy.process import ROOT, StartFailed
from ledger.contract.gas import PerConfirmation, gas_per_confirmation
from loadtests.bench import log_fsck
from loadtests.bench.appends import append_pairs
from loadtests.bench.appends_postgres import postgres_append_pairs
from loadtests.bench.calls import call_pairs
from loadtests.bench.citizen import registered_citizen
from loadtests.bench.claims import claim_pairs, shared_claim_pairs
from loadtests.bench.closes import CLOSE, close_pairs
from loadtests.bench.erasures import ON_POSTGRES, erasure_pairs, postgres_pairs, second_process_pairs
from loadtests.bench.exchange import SLOW_AGENCIES, exchange_pairs, slow_agency_pairs
from loadtests.bench.goods_to_money import AT_ONCE, ONE_BY_ONE, goods_to_money_pairs
from loadtests.bench.log_size import SIZES, LogSize, apart, described
from loadtests.bench.receipts import receipt_pairs
from loadtests.bench.revocations import revocation_pairs
from loadtests.bench.trade_postgres import trade_pairs
from loadtests.bench.transfers import transfer_pairs
from loadtests.bench.world import FOLDER, running_world
from loadtests.cpu import quiet
from loadtests.pairs import Measured, Pair, measure, table

GAS_BATCHES = (1_000, 10_000)


def say(line: str) -> None:
    """Progress on screen."""
    print(f"[bench] {line}", flush=True)


async def bench(wanted: Sequence[str]) -> list[Measured]:
    """Every figure whose name contains one of `wanted`, all of them when there are none."""
    rows: list[Measured] = []

    async def run(pairs: Sequence[Pair], busy_pids: tuple[int, ...] = ()) -> None:
        for pair in pairs:
            if is_wanted(pair.name, wanted):
                say(f"{pair.name} …")
                rows.append(await measure(pair, partial(quiet, busy_pids)))

    async with append_pairs() as pairs:
        await run(pairs)
    async with postgres_append_pairs(partial(is_wanted, wanted=wanted)) as pairs:
        await run(pairs)
    if not wanted or any(part in CLOSE for part in wanted):
        async with close_pairs() as pairs:
            await run(pairs)
    async with trade_pairs(partial(is_wanted, wanted=wanted)) as pairs:
        await run(pairs)
    for locks in (claim_pairs, shared_claim_pairs):
        async with locks() as pairs:
            await run(pairs)
    if not wanted or any(part in ON_POSTGRES for part in wanted):
        async with postgres_pairs() as pairs:
            await run(pairs)
    if any(is_wanted(name, wanted) for name in (ONE_BY_ONE, AT_ONCE)):
        async with goods_to_money_pairs(say) as pairs:
            await run(pairs)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(running_world(say))
        citizen = await stack.enter_async_context(registered_citizen(world))
        await run(await stack.enter_async_context(call_pairs(world)), world.busy_pids)
        await run(await stack.enter_async_context(exchange_pairs(world, citizen)), world.busy_pids)
        for capacity in SLOW_AGENCIES:
            async with slow_agency_pairs(world, citizen, capacity) as pairs:
                await run(pairs, world.busy_pids)
        await run(await stack.enter_async_context(revocation_pairs(world, citizen)), world.busy_pids)
        await run(await stack.enter_async_context(erasure_pairs(world, citizen)), world.busy_pids)
        async with second_process_pairs(world, citizen) as pairs:
            await run(pairs, world.busy_pids)
        await run(await stack.enter_async_context(transfer_pairs(world)), world.busy_pids)
        await run(await receipt_pairs(world, citizen), world.busy_pids)
    return rows


async def bench_until_told(wanted: Sequence[str]) -> list[Measured]:
    """The same, stopping cleanly on SIGTERM as on Ctrl-C: nobody else would stop the site."""
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await bench(wanted)


def log_sizes(wanted: Sequence[str]) -> list[LogSize]:
    """Logs of great sizes, each in a process of its own; named "log of … leaves"."""
    return [apart(size) for size in SIZES if is_wanted(f"log of {size:,} leaves", wanted)]


def is_wanted(name: str, wanted: Sequence[str]) -> bool:
    """Whether a figure of this name was asked for."""
    return not wanted or any(part in name for part in wanted)


def gas(wanted: Sequence[str]) -> list[PerConfirmation]:
    """Gas of a confirmation in batches of 1,000 and 10,000, from the contract itself."""
    sizes = [size for size in GAS_BATCHES if is_wanted(f"gas per confirmation, {size:,} at a time", wanted)]
    return [one for one in gas_per_confirmation() if one.batch in sizes] if sizes else []


def gas_described(found: PerConfirmation) -> str:
    """One line for people."""
    return (
        f"gas per confirmation, {found.batch:,} at a time: {found.anchored:,.1f} anchored,"
        f" {found.locked:,.0f} anchored and its invoice locked"
    )


def fsck_runs(wanted: Sequence[str]) -> list[log_fsck.FsckRun]:
    """fsck over a great log, in a process of its own."""
    name = f"fsck of {log_fsck.RECORDS:,} records"
    return [log_fsck.apart(log_fsck.RECORDS)] if is_wanted(name, wanted) else []


def report(
    rows: Sequence[Measured],
    sizes: Sequence[LogSize],
    checked: Sequence[log_fsck.FsckRun],
    confirmed: Sequence[PerConfirmation],
    wanted: Sequence[str],
    started: datetime,
    took_s: float,
) -> dict[str, Any]:
    """What goes into the file: the figures, and on what they were measured."""
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "load_average": os.getloadavg()}
    return {
        "started": started.isoformat(timespec="seconds"),
        "took_s": round(took_s, 1),
        "machine": machine,
        "only": list(wanted),
        "figures": [row.as_json() for row in rows],
        "log_sizes": [asdict(size) for size in sizes],
        "fsck": [asdict(run) for run in checked],
        "gas_per_confirmation": [asdict(one) for one in confirmed],
    }


def main() -> int:
    """Exit status 1 when the site did not start, or when it was stopped."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description=__doc__)
    parser.add_argument("--only", default="", help="parts of names, with commas")
    wanted = [part for part in parser.parse_args().only.split(",") if part]
    started, clock = datetime.now(UTC), time.monotonic()
    try:
        rows = uvloop.run(bench_until_told(wanted))
        sizes, checked, confirmed = log_sizes(wanted), fsck_runs(wanted), gas(wanted)
    except StartFailed as error:
        print(f"did not start: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped; nothing is reported", file=sys.stderr)
        return 1
    path = _write(report(rows, sizes, checked, confirmed, wanted, started, time.monotonic() - clock))
    lines = "\n".join(
        [table(rows), *map(described, sizes), *map(log_fsck.described, checked), *map(gas_described, confirmed)]
    )
    print(f"\n{lines}\n\n{path.relative_to(ROOT)} after {time.monotonic() - clock:.0f} s")
    return 0


def _write(content: dict[str, Any]) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "report.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
