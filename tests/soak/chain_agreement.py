"""Random histories of the contract on three EVMs: the same status, gas and events, transaction by transaction.

One case is one history on a fresh embedded chain, py-evm and a real node process.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path

from tests.integration.ledger_nodes import Embedded, PyEvm, anvil
from tests.integration.test_ledger_node_agreement import random_step, started

STEPS = 60


async def case(rng: random.Random) -> int:
    """One history; answers how many transactions were compared."""
    return await asyncio.to_thread(_history, rng)


def _history(rng: random.Random) -> int:
    with tempfile.TemporaryDirectory(prefix="huilian-agreement-") as folder, anvil() as node:
        embedded = Embedded(Path(folder))
        try:
            lockstep = started({"embedded": embedded, "py-evm": PyEvm(), "anvil": node})
            for _ in range(STEPS):
                random_step(lockstep, rng)
            return lockstep.count
        finally:
            embedded.close()
