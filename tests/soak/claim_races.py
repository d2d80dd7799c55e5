"""Five hub processes race for the same invoices on one chain while hubs and chain are killed with -9.

One case is one race on a fresh chain: the embedded one, which is killed and started again, or a real node that is
killed and comes back without its last blocks, whose blocks come late, and are undone. Of the attempts some are given
up while they race. Every invoice that nobody gave up has exactly one winner, no invoice has two, the chain's locks say
the same, and nobody's lock is left on anything else.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import coincurve
from huilian_protocol.keccak import keccak256

from ledger.anchor.deploy import deploy_contract
from ledger.anchor.transaction import address_of
from ledger.contract.calls import LockState
from ledger.registry.fingerprints import PADDED_SIZES, fingerprints
from tests.integration.ledger_chain import ADMIN
from tests.integration.ledger_hub_process import CONSORTIUM_KEY, READY, gives_up, invoice
from tests.integration.ledger_hub_process import main as race_process
from tests.soak.campaign import Tally
from tests.soak.forks import FORKS, log_to
from tests.soak.race_nodes import RaceNode, killed_chain, real_node

HUBS = (11, 12, 13, 14, 15)
INVOICES = 400
AT_ONCE = 2
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
PATIENCE_S = 600
ON_THE_CHAIN = 0.4
"""How often a disturbance is the chain's and not a hub's."""
Place = Callable[[Path], AbstractContextManager[RaceNode]]


class RacingHub:
    """One hub process that can be killed and started again on its database."""

    def __init__(self, race: Race, contract: str, number: int) -> None:
        path = str(race.folder / f"hub{number}.sqlite")
        self._arguments = [path, race.node.url, contract, str(number), str(race.invoices), race.node.profile]
        self._said = race.folder / f"hub{number}.txt"
        self.start()

    def start(self) -> None:
        """Start on what is in the database."""
        self._said.write_text("")
        self.process = FORKS.Process(target=_race, args=(self._said, self._arguments), daemon=True)
        self.process.start()

    def crash(self) -> bool:
        """kill -9, if it is at work, and start again; whether it was."""
        if self.process.exitcode is not None or READY not in self._said.read_text():
            return False
        self.process.kill()
        self.process.join()
        self.start()
        return True

    def ends(self) -> dict[str, str]:
        """How each attempt ended; the process has ended."""
        text = self._said.read_text()
        assert self.process.exitcode == 0, text[-2_000:]
        ended: dict[str, str] = json.loads(text.splitlines()[-1])
        return ended


def _race(said: Path, arguments: Sequence[str]) -> None:
    log_to(said)
    race_process(arguments)


@dataclass(frozen=True, slots=True)
class Race:
    """Where it happens, and how much of it."""

    folder: Path
    node: RaceNode
    rng: random.Random
    invoices: int


async def case(rng: random.Random) -> Tally:
    """Two races side by side; a check is an attempt."""
    places = [rng.choice([killed_chain, real_node, real_node]) for _ in range(AT_ONCE)]
    # A real node's race waits for blocks most of the time; two of them fill the machine.
    tallies = await asyncio.gather(
        *(asyncio.to_thread(race, place, random.Random(rng.random()), INVOICES) for place in places)
    )
    counted = sum((tally.counted for tally in tallies), Counter[str]())
    return Tally(sum(tally.checks for tally in tallies), counted)


def race(place: Place, rng: random.Random, invoices: int) -> Tally:
    """One race at a place."""
    with tempfile.TemporaryDirectory(prefix="huilian-race-") as name, place(Path(name)) as node:
        return _run(Race(Path(name), node, rng, invoices))


def _run(race: Race) -> Tally:
    keys = [address_of(coincurve.PrivateKey(bytes([number]) * 32)) for number in HUBS]
    contract = asyncio.run(deploy_contract(race.node.url, ADMIN, keys))
    race.node.begin(keys)
    hubs = [RacingHub(race, contract, number) for number in HUBS]
    try:
        _disturb_until_done(hubs, race)
        ends = [hub.ends() for hub in hubs]
    except AssertionError as failure:
        raise AssertionError(f"{failure}; {_who_used_it(race.node, str(failure))}") from failure
    finally:
        for hub in hubs:
            hub.process.kill()
            hub.process.join()
    _check(race, contract, ends)
    counted = Counter({f"attempts {state}": count for state, count in _states(ends).items()})
    return Tally(race.invoices * len(HUBS), counted + race.node.happened)


def _who_used_it(node: RaceNode, text: str) -> str:
    """Which transactions of the chain have the nonce that a hub missed: a node may have lost its own."""
    missed = re.search(r"NonceTaken: nonce (\d+) of (0x\w+)", text)
    if missed is None:
        return "no nonce was missed"
    head = int(node.call("eth_blockNumber"), 16)
    blocks = [node.call("eth_getBlockByNumber", hex(number), True) for number in range(head + 1)]
    own = [one for block in blocks for one in block["transactions"] if one["from"] == missed[2]]
    at_it = [(one["blockNumber"], one["hash"]) for one in own if int(one["nonce"], 16) == int(missed[1])]
    return f"{len(own)} transactions of it in {head} blocks, with this nonce {at_it}"


def _states(ends: Sequence[dict[str, str]]) -> Counter[str]:
    return Counter(state for one in ends for state in one.values())


def _disturb_until_done(hubs: Sequence[RacingHub], race: Race) -> None:
    end = time.monotonic() + PATIENCE_S
    calm = race.rng.uniform(0.5, 3.0)
    while time.monotonic() < end:
        running = [hub for hub in hubs if hub.process.exitcode is None]
        if not running:
            return
        running[0].process.join(calm)
        if running[0].process.exitcode is None:
            # Ever more slowly, so that it ends on any machine.
            calm = race.rng.uniform(1.0, 1.5) * calm
            if race.rng.random() < ON_THE_CHAIN:
                race.node.disturb(race.rng)
            elif race.rng.choice(running).crash():
                race.node.happened["kills of a hub"] += 1
    raise AssertionError("the race does not end")


def _check(race: Race, contract: str, ends: Sequence[dict[str, str]]) -> None:
    locks, owners = _locks(race.node, contract), 0
    for number in range(race.invoices):
        winner = _winner(number, [one[f"claim-{number}"] for one in ends])
        for fingerprint in fingerprints(invoice(number), CONSORTIUM_KEY):
            owner, state = locks["0x" + fingerprint.hex()]
            held = owner if state is LockState.FINANCED else 0
            assert held == winner and state is not LockState.RESERVED, (number, winner, owner, state)
        owners += bool(winner)
    # What a reservation left behind would lock somebody out, or run out unused; there is none of any hub.
    left = Counter(state for _, state in locks.values())
    assert left[LockState.RESERVED] == 0 and left[LockState.FINANCED] == owners * SHOWN, left


def _winner(number: int, states: Sequence[str]) -> int:
    """The hub, as the contract counts, that financed an invoice; 0 for none, if one who gave up came between."""
    ended = Counter(states)
    given_up = {place for place, key_number in enumerate(HUBS) if gives_up(key_number, number)}
    assert {place for place, state in enumerate(states) if state == "RELEASED"} <= given_up, (number, states)
    assert ended["FINANCED"] + ended["REFUSED"] + ended["RELEASED"] == len(HUBS), (number, states)
    assert ended["FINANCED"] == 1 or (ended["FINANCED"] == 0 and ended["RELEASED"] > 0), (number, states)
    assert all(states[place] != "FINANCED" for place in given_up), (number, states)
    return states.index("FINANCED") + 1 if ended["FINANCED"] else 0


def _locks(node: RaceNode, contract: str) -> dict[str, tuple[int, LockState]]:
    """Owner and state of every fingerprint that any hub ever locked, as the chain's events tell it."""
    wanted = {"address": contract, "fromBlock": "0x0", "toBlock": "latest", "topics": [list(LOCK_EVENTS)]}
    return {
        log["topics"][1]: (int(log["topics"][2], 16), LOCK_EVENTS[log["topics"][0]])
        for log in node.call("eth_getLogs", wanted)
    }
