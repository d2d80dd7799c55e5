"""SIGKILLs of two hubs (each with its sequencer) and of their chain at random moments while they log, claim and anchor.

One case is a world that dies some eighty times, then is left alone until everything is final, and is then looked at
from outside. After each kill the world's clock jumps as far as the leases of the dead last: nobody waits for them.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import SandboxClock
from huilian_protocol.jose import keys_to_jwks
from huilian_protocol.trust import TrustAnchors

from deploy.process import free_port
from hub.ledger.claims.store import ClaimRow
from hub.ledger.fsck import describe, fsck
from hub.ledger.log.store import LeafRow
from hub.platform.vault import SubjectVault, Wrapping
from ledger.anchor.contract import LedgerContract
from ledger.anchor.deploy import deploy_contract
from ledger.anchor.transaction import address_of
from ledger.contract import calls
from ledger.registry.fingerprints import fingerprints
from ledger.verify import verify_bytes
from tests.integration.ledger_chain import ADMIN, CHAIN_ID, HUB, OTHER_HUB
from tests.integration.ledger_hub_process import CONSORTIUM_KEY, PACKAGES, HubProcess, invoice
from tests.soak.databases import new_url
from tests.soak.ledger_kill_processes import LONGEST_CALM_S, Place, start_chain, start_hub
from tests.unit.protocol import world

KILLS = 80
KEYS = {2: address_of(HUB), 3: address_of(OTHER_HUB)}
CHAIN = 0
VICTIMS = ((2,), (3,), (CHAIN,), (2,), (3,), (2, 3), (2, CHAIN), (2, 3, CHAIN))
CALM_S, DOWN_S, PATIENCE_S = (0.0, 0.3), (0.0, 0.1), 60.0
WORKING = 0.8
"""How often a hub is let come to work before it is killed; else it dies while it starts."""
JUMP_S = 3
"""Longer than any lease of these processes."""

logger = logging.getLogger(__name__)


async def case(rng: random.Random) -> int:
    """One world; answers how many kills it survived."""
    return await play(rng, KILLS)


async def play(rng: random.Random, kills: int) -> int:
    """The same with so many kills."""
    with tempfile.TemporaryDirectory(prefix="ledger-kills-") as name:
        folder = Path(name)
        dialect = rng.choice(["sqlite", "sqlite", "postgres"])
        urls = {number: await new_url(dialect, PACKAGES) for number in KEYS}
        living = _World(Place(folder, urls, free_port()))
        try:
            await living.begin()
            await living.suffer(rng, kills)
            await living.come_to_rest()
            await _inspect(living.place)
        finally:
            living.end()
    return kills


class _World:
    """The processes, by the number of a hub's key or `CHAIN`."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._clock = SandboxClock(place.clock_file)
        self._lives = dict.fromkeys([*KEYS, CHAIN], 0)
        self._processes: dict[int, BaseProcess] = {}
        self._before = dict.fromkeys(KEYS, 0)

    async def begin(self) -> None:
        """A chain with the contract, and both hubs."""
        self._clock.set_offset(timedelta(0))
        await self._start(CHAIN)
        contract = await deploy_contract(self.place.chain_url, ADMIN, KEYS.values())
        self.place = Place(self.place.folder, self.place.databases, self.place.chain_port, contract)
        for number in KEYS:
            await self._start(number)
        await self._working(KEYS)

    async def _working(self, hubs: Iterable[int]) -> None:
        """Each of these has answered for something since its last start."""
        deadline = time.monotonic() + PATIENCE_S
        while idle := [who for who in hubs if self._answers(who) == self._before[who]]:
            self._require_alive()
            if time.monotonic() > deadline:
                raise AssertionError(f"{idle} do no work: {[self._last_words(who) for who in idle]}")
            await asyncio.sleep(0.02)

    def _answers(self, who: int) -> int:
        path = self.place.acknowledged_file(who)
        return path.stat().st_size if path.exists() else 0

    async def _start(self, who: int) -> None:
        self._lives[who] += 1
        if who != CHAIN:
            self._before[who] = self._answers(who)
            self._processes[who] = start_hub(self.place, who, self._lives[who])
            return
        self._processes[who] = start_chain(self.place)
        await _listening(self.place.chain_port)

    async def suffer(self, rng: random.Random, kills: int) -> None:
        """Kill and restart. Whoever ended without being killed is a failure."""
        done = 0
        while done < kills:
            self._require_alive()
            victims = rng.choice(VICTIMS)[: kills - done]
            if rng.random() < WORKING:
                await self._working(set(victims) & set(KEYS))
                await asyncio.sleep(rng.uniform(*CALM_S))
            for who in victims:
                self._processes[who].kill()
                self._processes[who].join()
            done += len(victims)
            await asyncio.sleep(rng.uniform(*DOWN_S))
            self._clock.set_offset(self._clock.offset() + timedelta(seconds=JUMP_S))
            for who in rng.sample(victims, len(victims)):
                await self._start(who)

    def _require_alive(self) -> None:
        for who, process in self._processes.items():
            if process.exitcode is not None:
                raise AssertionError(f"{who} ended by itself with {process.exitcode}: {self._last_words(who)}")

    def _last_words(self, who: int) -> str:
        path = self.place.folder / ("chain.log" if who == CHAIN else f"hub-{who}.log")
        return path.read_text()[-2_000:]

    async def come_to_rest(self) -> None:
        """No more load: each hub ends by itself when all that it has is final."""
        self.place.calm_file.touch()
        deadline = time.monotonic() + 2 * LONGEST_CALM_S
        while any(self._processes[who].exitcode is None for who in KEYS) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            # A hub may have been killed last with a message in hand: its lease is over in the world's time.
            self._clock.set_offset(self._clock.offset() + timedelta(seconds=2))
        for who in KEYS:
            if self._processes[who].exitcode != 0:
                code = self._processes[who].exitcode
                raise AssertionError(f"hub {who} did not come to rest ({code}): {self._last_words(who)}")

    def end(self) -> None:
        """Nothing is left running."""
        for process in self._processes.values():
            process.kill()
            process.join()


async def _listening(port: int) -> None:
    for _ in range(400):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the chain does not listen")


async def _inspect(place: Place) -> None:
    """Look at both hubs' books and at the chain, and let nothing pass."""
    decided = {}
    for number in KEYS:
        # A process has one database at a time; a context of its own keeps the two apart.
        task = asyncio.create_task(_inspect_hub(place, number), context=contextvars.copy_context())
        decided[number] = await task
    await _one_winner(place, decided)


async def _inspect_hub(place: Place, number: int) -> dict[str, str]:
    hub = place.hub(number)
    await hub.database.open()
    try:
        await _logged_once(place, number)
        await _receipts_verify(hub, _trust(place, number))
        await _fsck_is_clean(hub, place, number)
        return {row.claim_id: row.state for row in await ClaimRow.all()}
    finally:
        await hub.rpc.close()
        await hub.database.close()


async def _logged_once(place: Place, number: int) -> None:
    rows = await LeafRow.all()
    assert rows and place.acknowledged(number, "record"), "nothing was logged: nothing was tested"
    places = sorted(row.leaf_index for row in rows if row.leaf_index is not None)
    assert places == list(range(len(rows))), "a record without a place, or a place twice"
    stored = [row.record_id for row in rows]
    assert len(set(stored)) == len(stored), "a record twice"
    lost = set(place.acknowledged(number, "record")) - set(stored)
    assert not lost, f"acknowledged and not in the log: {sorted(lost)[:5]}"
    claims = set(place.acknowledged(number, "claim"))
    undecided = {f"decision:{claim}" for claim in claims} - set(stored)
    assert not undecided, f"claims without a logged decision: {sorted(undecided)[:5]}"


async def _receipts_verify(hub: HubProcess, trust: TrustAnchors) -> None:
    now = hub.clock.now()
    for record_id in [row.record_id for row in await LeafRow.all()]:
        verdict = verify_bytes(await hub.ledger.receipt(record_id), trust, now)
        assert verdict.ok, f"{record_id}: {[check for check in verdict.checks if not check.ok]}"


async def _fsck_is_clean(hub: HubProcess, place: Place, number: int) -> None:
    cipher = SubjectVault(hub.database, Wrapping(bytes(32), bytes), bytes, hub.clock)
    contract = LedgerContract(hub.rpc, CHAIN_ID, place.contract)
    report = await fsck(hub.database, cipher, hub.log_keys, contract, KEYS[number])
    assert report.clean, describe(report)
    logger.info("ledger_kills.inspected hub=%d %s", number, describe(report))


def _trust(place: Place, number: int) -> TrustAnchors:
    value = world.trust_dict()
    key = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    vkey = place.hub(number).log_keys.epochs[0].keys[0].vkey()
    value["hubs"][0] |= {"signing_keys": keys_to_jwks([key]), "log_vkey": vkey, "chain_address": KEYS[number]}
    return TrustAnchors.from_dict({**value, "chain": {"chain_id": CHAIN_ID, "contract": place.contract}})


async def _one_winner(place: Place, decided: dict[int, dict[str, str]]) -> None:
    """Every invoice that anybody claimed is financed by exactly one, and the chain says the same one."""
    hub = place.hub(min(KEYS))
    try:
        contract = LedgerContract(hub.rpc, CHAIN_ID, place.contract)
        numbers = {number: await contract.hub_number(address) for number, address in KEYS.items()}
        for count in range(max(map(len, decided.values()))):
            states = {who: claims[f"claim-{count}"] for who, claims in decided.items() if f"claim-{count}" in claims}
            winners = [who for who, state in states.items() if state == "FINANCED"]
            assert len(winners) == 1, f"claim-{count}: {states}"
            assert set(states.values()) <= {"FINANCED", "REFUSED"}, f"claim-{count}: {states}"
            prints = fingerprints(invoice(count), CONSORTIUM_KEY)
            locks = await contract.locks(prints)
            held = {(lock.owner, lock.state) for lock in locks}
            assert held == {(numbers[winners[0]], calls.LockState.FINANCED)}, f"claim-{count}: {held}"
    finally:
        await hub.rpc.close()
