"""Everything that a hub keeps, read from beside it: what a refused call must not change."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Proofs of logins that were used up, how often who called, what was counted and told afterwards, who may write the log
# until when, and migrations.
FOLLOWING = {"exchange_access_event", "exchange_tally", "exchange_notice"}
BOOKKEEPING = {"identity_used_proof", "platform_rate_bucket", "ledger_lease", "tortoise_migrations"} | FOLLOWING
QUIET_S, PATIENCE_S = 0.2, 30.0
Dump = dict[str, list[tuple[Any, ...]]]


def dump(database: Path) -> Dump:
    """Every row of every table but bookkeeping, in order."""
    with _open(database) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        wanted = [name for name in names if name not in BOOKKEEPING and not name.startswith("sqlite_")]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in sorted(wanted)}


async def quiet_dump(database: Path) -> Dump:
    """The content once nothing is under way any more: every record in its place and anchored, the outbox empty."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        # First quiet, then the content: the other way round the last record could be anchored in between.
        if _is_quiet(database):
            return dump(database)
        await asyncio.sleep(QUIET_S)
    raise AssertionError("the hub did not come to rest")


def _is_quiet(database: Path) -> bool:
    with _open(database) as connection:
        [leaves, placed] = connection.execute("SELECT count(*), count(leaf_index) FROM ledger_leaf").fetchone()
        [anchored] = connection.execute("SELECT coalesce(max(size), 0) FROM ledger_anchor").fetchone()
        [waiting] = connection.execute("SELECT count(*) FROM platform_outbox WHERE state = 'waiting'").fetchone()
    return bool(leaves == placed == anchored and not waiting)


@contextmanager
def _open(database: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5.0)
    try:
        yield connection
    finally:
        connection.close()


def log_size(content: Dump) -> int:
    """Records in the log, with those that still wait for their place."""
    return len(content["ledger_leaf"])


def difference(before: Dump, after: Dump) -> dict[str, int]:
    """How many rows of each table are new or changed."""
    return {name: len(set(after[name]) ^ set(before[name])) for name in after if after[name] != before[name]}
