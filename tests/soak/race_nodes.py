"""The chains of the campaign `claim_races`, and what happens to them while hubs race."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ledger.anchor.transaction import address_of
from tests.integration.ledger_chain import ADMIN, ChainProcess
from tests.integration.ledger_nodes import Anvil, anvil

FINALITY = 3
"""Blocks that the profile of hubs on a real node waits for: fewer than these may be undone."""
_BLOCK_S = 1
_STEADY_S = 0.3
_WEALTH = hex(10**24)


class RaceNode(Protocol):
    """A chain that hubs race on."""

    profile: str
    """What the hubs take it for."""
    happened: Counter[str]

    @property
    def url(self) -> str:
        """JSON-RPC."""

    def call(self, method: str, *params: object) -> Any:
        """Ask the node."""

    def begin(self, keys: list[str]) -> None:
        """The contract is deployed and these accounts will race: from now on it is a chain like any other."""

    def disturb(self, rng: random.Random) -> None:
        """Let something happen to it."""


class KilledChain:
    """The embedded chain, which is killed and started again."""

    profile = "embedded"

    def __init__(self, chain: ChainProcess) -> None:
        self._chain = chain
        self.happened: Counter[str] = Counter()
        self.call = chain.call

    @property
    def url(self) -> str:
        """See `RaceNode`."""
        return self._chain.url

    def begin(self, keys: list[str]) -> None:
        """See `RaceNode`: nobody pays here."""

    def disturb(self, rng: random.Random) -> None:
        """See `RaceNode`."""
        port = self._chain.port
        self._chain.kill()
        time.sleep(rng.uniform(0, 0.5))
        self._chain.start(port)
        self.happened["kills of the embedded chain"] += 1


class RealNode:
    """A node process: blocks come late and are undone, and it is killed and starts on what it held a moment before."""

    profile = "race"

    def __init__(self, node: Anvil, folder: Path) -> None:
        self._node, self._state = node, folder / "node.json"
        self._highest = 0
        self.happened: Counter[str] = Counter()
        self.call = node.call

    @property
    def url(self) -> str:
        """See `RaceNode`."""
        return self._node.url

    def begin(self, keys: list[str]) -> None:
        """See `RaceNode`: blocks come by the clock, also without transactions."""
        for key in keys:
            self.call("anvil_setBalance", key, _WEALTH)
        self.call("anvil_mine", hex(25))
        self.call("evm_setAutomine", False)
        self.call("evm_setIntervalMining", _BLOCK_S)

    def disturb(self, rng: random.Random) -> None:
        """See `RaceNode`."""
        # Twice in a row would undo more than hubs wait for.
        while self._height() < self._highest:
            time.sleep(_STEADY_S)
        rng.choice([self._delay, self._undo, self._restart])(rng)

    def _height(self) -> int:
        return int(self.call("eth_blockNumber"), 16)

    def _halted(self) -> int:
        """The height at which no block comes any more, nor is one in the making."""
        self.call("evm_setIntervalMining", 0)
        height = -1
        while height != (height := self._height()):
            time.sleep(_STEADY_S)
        return height

    def _delay(self, rng: random.Random) -> None:
        """No block for a while."""
        self.call("evm_setIntervalMining", 0)
        time.sleep(rng.uniform(_BLOCK_S, 4 * _BLOCK_S))
        self.call("evm_setIntervalMining", _BLOCK_S)
        self.happened["pauses without a block"] += 1

    def _undo(self, rng: random.Random) -> None:
        """Others without transactions in place of the newest blocks: whoever was in them has to come again."""
        self.call("anvil_reorg", rng.randint(1, FINALITY - 1), [])
        self._highest = self._height()
        self.happened["reorganisations"] += 1

    def _restart(self, rng: random.Random) -> None:
        """Dead and back again, without the blocks of the last moment and without whatever waited to be mined."""
        saved, lost = 0, FINALITY
        while lost >= FINALITY:  # a busy machine may let more blocks come than hubs wait for
            saved = self._halted()
            self._node.save(self._state)
            self.call("evm_setIntervalMining", _BLOCK_S)
            time.sleep(rng.uniform(0, (FINALITY - 1) * _BLOCK_S))
            lost = self._halted() - saved
        self._node.restart(self._state, "--block-time", str(_BLOCK_S), away_s=rng.uniform(0, 1))
        self._highest = saved + lost
        self.happened["restarts of the node"] += 1


@contextmanager
def killed_chain(folder: Path) -> Iterator[RaceNode]:
    """The embedded chain as a process."""
    chain = ChainProcess(folder / "chain.sqlite", allocate=[address_of(ADMIN)])
    try:
        chain.start()
        yield KilledChain(chain)
    finally:
        chain.kill()


@contextmanager
def real_node(folder: Path) -> Iterator[RaceNode]:
    """A node process of its own."""
    with anvil(int(time.time())) as node:
        yield RealNode(node, folder)
