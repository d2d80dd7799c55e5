"""`python -m loadtests.bench.log_fsck [RECORDS …]`: how long fsck takes over a hub's log, and in how much memory.

Real records in SQLite, placed by the sequencer itself. Each size is built in one process and checked in another, whose
memory is the most that it ever had: fsck streams, so it hardly grows with the log.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.clock import SystemClock
from huilian_protocol.record import SALT_BYTES, commit_record

from deploy.process import ROOT
from hub.ledger.fsck import describe, fsck
from hub.ledger.log.sequencer import BATCH, Sequencer
from hub.ledger.log.stored import LogStore, NewLeaf
from hub.ledger.rules import logged_record, pack_body
from hub.platform.database import Database
from hub.platform.vault import SubjectVault, Wrapping
from ledger.merkle.checkpoint import LogSigner

RECORDS = 1_000_000
PACKAGES = ["hub.platform", "hub.ledger"]
SIGNER = LogSigner("bench.huilian.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))


@dataclass(frozen=True)
class FsckRun:
    """What a check of so many records took."""

    records: int
    seconds: float
    memory_mb: int


async def build(records: int, path: Path) -> None:
    """A log of so many records."""
    database = Database(f"sqlite://{path}", PACKAGES)
    await database.open()
    await database.migrate()
    sequencer, log = Sequencer(database, SystemClock(), SIGNER), LogStore(database)
    for first in range(0, records, BATCH):
        async with database.transaction():
            await log.add_leaves([_leaf(number) for number in range(first, min(first + BATCH, records))])
        await sequencer.integrate()
    await database.close()


def _leaf(number: int) -> NewLeaf:
    now, salt, record_id = datetime.now(UTC), os.urandom(SALT_BYTES), f"bench:{number}"
    content = {"certificate_id": f"{number:032d}", "state": "ISSUED", "amount_fen": 12_345_600, "currency": "CNY"}
    record = logged_record("certificate.issued", record_id, content, {}, now)
    return NewLeaf(record_id, None, commit_record(record, salt), pack_body(record, salt, {}), now)


async def check(path: Path) -> FsckRun:
    """Check it. Raises RuntimeError when fsck finds a fault in a log that has none."""
    database = Database(f"sqlite://{path}", PACKAGES)
    await database.open()
    started = time.perf_counter()
    cipher = SubjectVault(database, Wrapping(bytes(32), os.urandom), os.urandom, SystemClock())
    report = await fsck(database, cipher, SIGNER.keys, None, "")
    seconds = time.perf_counter() - started
    await database.close()
    if not report.clean:
        raise RuntimeError(describe(report))
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return FsckRun(report.leaves, round(seconds, 2), memory_mb)


def apart(records: int) -> FsckRun:
    """Build and check, each in a process of its own. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="log-fsck-") as folder:
        path = str(Path(folder) / "hub.sqlite")
        command = [sys.executable, "-m", "loadtests.bench.log_fsck"]
        subprocess.run([*command, "--build", str(records), path], cwd=ROOT, check=True)
        done = subprocess.run([*command, "--check", path], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return FsckRun(**json.loads(done.stdout))


def described(found: FsckRun) -> str:
    """One line for people."""
    per_s = found.records / found.seconds
    return f"fsck of {found.records:,} records: {found.seconds} s, {per_s:,.0f} a second, {found.memory_mb} MB at most"


def main(arguments: Sequence[str]) -> int:
    """Print a line for each size; `--build` and `--check` are the two halves."""
    if arguments[:1] == ["--build"]:
        asyncio.run(build(int(arguments[1]), Path(arguments[2])))
    elif arguments[:1] == ["--check"]:
        sys.stdout.write(json.dumps(asdict(asyncio.run(check(Path(arguments[1]))))) + "\n")
    else:
        for records in [int(text) for text in arguments] or [RECORDS]:
            sys.stdout.write(described(apart(records)) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
