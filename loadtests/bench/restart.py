"""`python -m loadtests.bench.restart [CLAIMS …]`: how long the embedded chain takes to start, and in how much memory.

Real blocks of batched claims (two fingerprints each) are few at this size; the slots of the rest are put into the state
as the same claims would leave them. What is timed is a process from its start until it answers.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from deploy.process import ROOT
from ledger.embedded_chain.journal import Genesis, Journal
from ledger.embedded_chain.state import SlotChange

CHAIN_ID, PRINTS_PER_CLAIM, LIMIT_S = 202_577, 2, 120
CONTRACT = "0x" + "c0" * 20


def fill(path: Path, claims: int) -> None:
    """Write a chain's file with the locks of so many claims."""
    journal = Journal(path)
    journal.genesis(Genesis(CHAIN_ID, 1_800_000_000, {}))
    lock = (1 << 224) | (2 << 216) | 7
    slots = (
        SlotChange(CONTRACT, int.from_bytes(hashlib.sha256(number.to_bytes(8)).digest()), 0, lock)
        for number in range(claims * PRINTS_PER_CLAIM)
    )
    with journal.transaction():
        journal.state.move(0, (), slots)
    journal.close()


def measure(path: Path) -> tuple[float, int]:
    """Start a chain on a file; seconds until it listens, and its memory in MB."""
    command = [sys.executable, "-m", "ledger.embedded_chain", "--port", "0", "--chain-id", str(CHAIN_ID)]
    started = time.perf_counter()
    with subprocess.Popen([*command, "--state", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        took_s = time.perf_counter() - started
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.kill()
    if "listening" not in line:
        raise RuntimeError("the chain did not start")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return took_s, int(found[1]) // 1024 if found else 0


def main(sizes: list[int]) -> int:
    """Print a line for each size."""
    with tempfile.TemporaryDirectory(prefix="restart-") as folder:
        for claims in sizes:
            path = Path(folder) / f"{claims}.sqlite"
            fill(path, claims)
            with closing(sqlite3.connect(path)) as connection:
                slots = connection.execute("SELECT SUM(LENGTH(joined)) / 64 FROM bucket").fetchone()[0]
            took_s, memory_mb = measure(path)
            line = f"{claims:>9,} claims, {slots:>9,} slots: {took_s:.2f} s, {memory_mb} MB\n"
            sys.stdout.write(line)
            sys.stdout.flush()
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main([int(text) for text in sys.argv[1:]] or [10_000, 100_000, 1_000_000]))
