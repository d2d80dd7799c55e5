"""Five hub processes race for the same invoices on one chain while hubs and chain are killed with -9.

One case is one race on a fresh chain: either the embedded one, which is killed and started again, or a real node whose
blocks come late and are undone now and then. Every invoice has exactly one winner, the chain's locks say the same, and
nobody else's lock is left on it once reservations have run out.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coincurve
from huilian_protocol.keccak import keccak256

from ledger.anchor.deploy import deploy_contract
from ledger.anchor.transaction import address_of
from ledger.contract.calls import LockState
from ledger.registry.fingerprints import PADDED_SIZES, fingerprints
from tests.integration.ledger_chain import ADMIN, ROOT, ChainProcess
from tests.integration.ledger_hub_process import CONSORTIUM_KEY, READY, invoice
from tests.integration.ledger_nodes import Anvil, anvil

HUBS = (11, 12, 13, 14, 15)
INVOICES = 200
# What a claim shows on the chain: its fingerprints and others that hide how many they are.
SHOWN = PADDED_SIZES[0]
LOCK_EVENTS = {
    "0x" + keccak256(text.encode()).hex(): state
    for text, state in (
        ("Reserved(bytes32,uint32,uint64,bytes22)", LockState.RESERVED),
        ("Financed(bytes32,uint32)", LockState.FINANCED),
        ("Released(bytes32,uint32)", LockState.RELEASED),
    )
}
PATIENCE_S = 300
_Call = Callable[..., Any]


class RacingHub:
    """One hub process that can be killed and started again on its database."""

    def __init__(self, folder: Path, url: str, contract: str, number: int, race: Race) -> None:
        path = str(folder / f"hub{number}.sqlite")
        self._arguments = [path, url, contract, str(number), str(race.invoices), race.profile]
        self._said = folder / f"hub{number}.txt"
        self.start()

    def start(self) -> None:
        """Start on what is in the database."""
        command = [sys.executable, "-m", "tests.integration.ledger_hub_process", *self._arguments]
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
        with self._said.open("w") as said:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)

    def crash(self) -> None:
        """kill -9, if it is at work, and start again."""
        if self.process.poll() is None and READY in self._said.read_text():
            self.process.kill()
            self.process.wait()
            self.start()

    def decisions(self) -> dict[str, str]:
        """What was decided; the process has ended."""
        text = self._said.read_text()
        assert self.process.returncode == 0, text[-2_000:]
        decided: dict[str, str] = json.loads(text.splitlines()[-1])
        return decided


@dataclass(frozen=True, slots=True)
class Race:
    """Where it happens, and what disturbs it there. `call` asks the node."""

    folder: Path
    url: str
    call: _Call
    profile: str
    disturb: Callable[[], None]
    rng: random.Random
    invoices: int


async def case(rng: random.Random) -> int:
    """One race; answers the number of attempts."""
    return await asyncio.to_thread(rng.choice([on_undone_blocks, on_killed_chain]), rng, INVOICES)


def on_killed_chain(rng: random.Random, invoices: int) -> int:
    """A race on the embedded chain, which is killed now and then."""
    with tempfile.TemporaryDirectory(prefix="huilian-race-") as name:
        chain = ChainProcess(Path(name) / "chain.sqlite", allocate=[address_of(ADMIN)])
        chain.start()

        def disturb() -> None:
            port = chain.port
            chain.kill()
            chain.start(port)

        try:
            return _run(Race(Path(name), chain.url, chain.call, "embedded", disturb, rng, invoices))
        finally:
            chain.kill()


def on_undone_blocks(rng: random.Random, invoices: int) -> int:
    """A race on a real node, whose blocks come late and are undone now and then."""
    with tempfile.TemporaryDirectory(prefix="huilian-race-") as name, anvil(int(time.time())) as node:
        node.call("anvil_setBalance", address_of(ADMIN), hex(10**24))
        race = Race(Path(name), node.url, node.call, "race", lambda: _rewrite(node, rng), rng, invoices)
        return _run(race)


def _rewrite(node: Anvil, rng: random.Random) -> None:
    """Undo up to two blocks for others without transactions: whoever was in them has to come again."""
    head = int(node.call("eth_blockNumber"), 16)
    node.call("anvil_reorg", min(rng.randint(1, 2), head - 20), [])


def _run(race: Race) -> int:
    keys = [address_of(coincurve.PrivateKey(bytes([number]) * 32)) for number in HUBS]
    contract = asyncio.run(deploy_contract(race.url, ADMIN, keys))
    if race.profile == "race":
        _slow_down(race.call, keys)
    hubs = [RacingHub(race.folder, race.url, contract, number, race) for number in HUBS]
    try:
        _disturb_until_done(hubs, race)
        _check(race, contract, [hub.decisions() for hub in hubs])
    finally:
        for hub in hubs:
            hub.process.kill()
            hub.process.wait()
    return race.invoices * len(HUBS)


def _slow_down(call: _Call, keys: Sequence[str]) -> None:
    """From now on blocks come late, and also without transactions."""
    for key in keys:
        call("anvil_setBalance", key, hex(10**24))
    call("anvil_mine", hex(25))
    call("evm_setAutomine", False)
    call("evm_setIntervalMining", 1)


def _disturb_until_done(hubs: Sequence[RacingHub], race: Race) -> None:
    end = time.monotonic() + PATIENCE_S
    calm = race.rng.uniform(0.5, 3.0)
    while time.monotonic() < end:
        running = [hub for hub in hubs if hub.process.poll() is None]
        if not running:
            return
        try:
            running[0].process.wait(calm)
        except subprocess.TimeoutExpired:
            # Ever more slowly, so that it ends on any machine.
            calm = race.rng.uniform(1.0, 1.5) * calm
            if race.rng.random() < 0.4:
                race.disturb()
            else:
                race.rng.choice(running).crash()
    raise AssertionError("the race does not end")


def _check(race: Race, contract: str, decided: Sequence[dict[str, str]]) -> None:
    winners = {}
    for number in range(race.invoices):
        states = [decisions[f"claim-{number}"] for decisions in decided]
        assert sorted(states) == ["FINANCED", *["REFUSED"] * (len(HUBS) - 1)], (number, states)
        for fingerprint in fingerprints(invoice(number), CONSORTIUM_KEY):
            winners["0x" + fingerprint.hex()] = states.index("FINANCED") + 1
    locks = _locks(race.call, contract)
    # What a reservation left behind would lock somebody out, or run out unused; there is none of any hub.
    assert {state for _, state in locks.values()} == {LockState.FINANCED}
    assert len(locks) == race.invoices * SHOWN
    assert {fingerprint: locks[fingerprint][0] for fingerprint in winners} == winners


def _locks(call: _Call, contract: str) -> dict[str, tuple[int, LockState]]:
    """Owner and state of every fingerprint that any hub ever locked, as the chain's events tell it."""
    wanted = {"address": contract, "fromBlock": "0x0", "toBlock": "latest", "topics": [list(LOCK_EVENTS)]}
    return {
        log["topics"][1]: (int(log["topics"][2], 16), LOCK_EVENTS[log["topics"][0]])
        for log in call("eth_getLogs", wanted)
    }
