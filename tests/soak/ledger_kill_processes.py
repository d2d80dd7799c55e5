"""The processes of the campaign `ledger_kills`: a hub's ledger under load, and a chain. Forked ready-made, so that a
kill and a restart cost a fraction of a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from huilian_protocol.clock import SandboxClock
from huilian_protocol.errors import HuilianError

from hub.ledger.claims.store import ClaimRow
from hub.ledger.log.store import LeafRow
from hub.platform.store import OutboxMessage
from ledger.embedded_chain.__main__ import main as serve_chain
from tests.integration.ledger_chain import CHAIN_ID, FUNDED
from tests.integration.ledger_hub_process import HubProcess, invoice
from tests.soak.forks import FORKS, log_to

RECORD_PAUSE_S, CLAIM_PAUSE_S, LONGEST_CALM_S = 0.05, 0.15, 90


@dataclass(frozen=True)
class Place:
    """Where the processes of one world find each other."""

    folder: Path
    databases: dict[int, str]
    """URL by the number of the hub's key."""
    chain_port: int
    contract: str = ""

    @property
    def clock_file(self) -> Path:
        """The time of all of them."""
        return self.folder / "clock.json"

    @property
    def calm_file(self) -> Path:
        """Exists once the load is to end."""
        return self.folder / "calm"

    @property
    def chain_url(self) -> str:
        """JSON-RPC."""
        return f"http://127.0.0.1:{self.chain_port}"

    def acknowledged_file(self, key_number: int) -> Path:
        """A line for each id that a hub answered for."""
        return self.folder / f"acknowledged-{key_number}"

    def acknowledged(self, key_number: int, kind: str) -> list[str]:
        """The ids of a kind ("record" or "claim") that a hub answered for."""
        path = self.acknowledged_file(key_number)
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition(" ")[2] for line in lines if line.startswith(f"{kind} ")]

    def hub(self, key_number: int) -> HubProcess:
        """A hub's ledger on its database, which is not open yet."""
        clock = SandboxClock(self.clock_file)
        return HubProcess(self.databases[key_number], self.chain_url, self.contract, key_number, "embedded", clock)


def start_chain(place: Place) -> BaseProcess:
    """A chain on the world's file and port."""
    process = FORKS.Process(target=_serve_chain, args=(place,), daemon=True)
    process.start()
    return process


def start_hub(place: Place, key_number: int, life: int) -> BaseProcess:
    """A hub in its `life`-th life; its exit status is 0 when the calm came and everything was done."""
    process = FORKS.Process(target=_run_hub, args=(place, key_number, life), daemon=True)
    process.start()
    return process


def _serve_chain(place: Place) -> None:
    sys.argv = ["chain", "--port", str(place.chain_port), "--state", str(place.folder / "chain.sqlite")]
    sys.argv += ["--chain-id", str(CHAIN_ID), "--clock-file", str(place.clock_file)]
    for address in FUNDED:
        sys.argv += ["--allocate", f"{address}={10**24}"]
    log_to(place.folder / "chain.log")
    sys.exit(serve_chain())


def _run_hub(place: Place, key_number: int, life: int) -> None:
    log_to(place.folder / f"hub-{key_number}.log")
    asyncio.run(_Load(place, key_number, life).run())


class _Load:
    """A hub that logs and claims without a pause until the calm, and then until all of it is final."""

    def __init__(self, place: Place, key_number: int, life: int) -> None:
        self._place, self._life, self._hub = place, life, place.hub(key_number)
        path = place.acknowledged_file(key_number)
        self._acknowledged = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def run(self) -> None:
        hub, stop = self._hub, asyncio.Event()
        await hub.database.open()
        await hub.anchoring.check_at_start()
        workers = [work.run(stop) for work in (hub.outbox, hub.sequencer, hub.anchoring)]
        working = asyncio.gather(*workers, self._log(), self._claim(), self._finish(stop))
        await working
        await hub.rpc.close()
        await hub.database.close()

    async def _log(self) -> None:
        number = 0
        while not self._place.calm_file.exists():
            ids = [f"record:{self._life}:{number + more}" for more in range(1 + number % 4)]
            async with self._hub.database.transaction():
                for record_id in ids:
                    await self._hub.ledger.append("soak", record_id, {"id": record_id}, subject=None, evidence={})
            self._acknowledge("record", ids)
            number += len(ids)
            await asyncio.sleep(RECORD_PAUSE_S)

    async def _claim(self) -> None:
        while not self._place.calm_file.exists():
            number = await ClaimRow.all().count()
            async with self._hub.database.transaction():
                await self._hub.claims.request(f"claim-{number}", invoice(number))
            self._acknowledge("claim", [f"claim-{number}"])
            await asyncio.sleep(CLAIM_PAUSE_S)

    def _acknowledge(self, kind: str, ids: list[str]) -> None:
        """What has left the process cannot be taken back by its death."""
        os.write(self._acknowledged, "".join(f"{kind} {one}\n" for one in ids).encode())

    async def _finish(self, stop: asyncio.Event) -> None:
        while not self._place.calm_file.exists():  # noqa: ASYNC110  another process makes the file
            await asyncio.sleep(0.05)
        for _ in range(10 * LONGEST_CALM_S):
            if await self._is_done():
                stop.set()
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(await self._what_is_open())

    async def _what_is_open(self) -> str:
        waiting = [(row.topic, row.attempts, row.due_at) for row in await OutboxMessage.filter(state="waiting")]
        pending = [row.claim_id for row in await ClaimRow.filter(state="PENDING")]
        unplaced = await LeafRow.filter(leaf_index=None).count()
        return f"at {self._hub.clock.now()}: waiting {waiting[:5]}, pending {pending[:5]}, without a place {unplaced}"

    async def _is_done(self) -> bool:
        waiting = await OutboxMessage.filter(state="waiting").count()
        if waiting or await ClaimRow.filter(state="PENDING").exists():
            return False
        last = await LeafRow.all().order_by("-id").first()
        with suppress(HuilianError):
            return last is None or bool(await self._hub.ledger.receipt(last.record_id))
        return False
