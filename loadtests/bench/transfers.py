"""Certificates handed on through the hub (transfer, then acceptance) ÷ the same rows written by raw SQL.

The baseline does what cannot be avoided, on the same tables with the same durability: in a first transaction it spends
the parent, inserts the child, the log record and the answer to the request; in a second one it accepts the child and
inserts the other record and answer.
"""

from __future__ import annotations

import sqlite3
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huilian_sdk import Call, Huilian

from deploy.journeys.parties import client_of
from loadtests.bench.raw_sqlite import Row, copy_tables, durable, insert, one_row
from loadtests.bench.world import FOLDER, World
from loadtests.pairs import Pair, Side, concurrently

RECEIVABLE, CERTIFICATE = "receivables_receivable", "receivables_certificate"
LEAF, ANSWER = "ledger_leaf", "platform_stored_answer"
CALLERS = 8
TRANSFERS, RAW_TRANSFERS = 60, 200


@asynccontextmanager
async def transfer_pairs(world: World) -> AsyncIterator[list[Pair]]:
    """Two suppliers hand certificates to and fro."""
    async with AsyncExitStack() as stack:
        clients = {
            party.uscc: await stack.enter_async_context(client_of(world.site, world.hub, party))
            for party in (world.trade.supplier, world.trade.second)
        }
        hands = [_Hands(clients, one, world.trade.supplier.uscc) for one in world.trade.certificate_ids[:CALLERS]]
        handed = await hands[0].hand_on()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="raw-", dir=FOLDER)))
        raw = stack.enter_context(closing(durable(folder / "raw.sqlite")))
        statements = _Statements(raw, world.hub.folder / "hub.sqlite", handed)
        ours, pids = concurrently(lambda number: hands[number].hand_on(), CALLERS), world.pids(world.hub.name)
        yield [
            Pair(
                "certificates handed on (transfer, accept)",
                "transfers",
                Side("two calls through the hub", ours, TRANSFERS, pids=pids),
                Side("the same rows by raw SQL", statements.work, RAW_TRANSFERS),
            )
        ]


@dataclass(frozen=True)
class _Handed:
    """A certificate that was handed on, and the ids under which the hub stored its answers to the two calls."""

    certificate_id: str
    answer_ids: tuple[str, str]


class _Hands:
    """Two enterprises and one certificate between them."""

    def __init__(self, clients: dict[str, Huilian], certificate_id: str, holder: str) -> None:
        self._clients, self._certificate_id, self._holder = clients, certificate_id, holder

    async def hand_on(self) -> _Handed:
        """The holder transfers the certificate to the other, who accepts it."""
        giver, receiver = self._holder, next(uscc for uscc in self._clients if uscc != self._holder)
        new_id, transfer, accept = uuid.uuid4().hex, Call(), Call()
        await self._clients[giver].certificates.transfer(
            self._certificate_id, receiver, new_certificate_id=new_id, call=transfer
        )
        await self._clients[receiver].certificates.accept(new_id, call=accept)
        self._certificate_id, self._holder = new_id, receiver
        return _Handed(new_id, (f"{giver}/{transfer.request_id}", f"{receiver}/{accept.request_id}"))


class _Statements:
    """Writes the rows of one transfer again and again, each time under new ids."""

    def __init__(self, raw: sqlite3.Connection, hub: Path, handed: _Handed) -> None:
        copy_tables(raw, hub, RECEIVABLE, CERTIFICATE, LEAF, ANSWER)
        self._raw = raw
        self._certificate = {**one_row(hub, CERTIFICATE, "certificate_id", handed.certificate_id), "state": "ISSUED"}
        records = [f"certificate-{event}:{handed.certificate_id}" for event in ("transferred", "accepted")]
        self._leaves = [one_row(hub, LEAF, "record_id", record_id) for record_id in records]
        self._answers = [one_row(hub, ANSWER, "id", answer_id) for answer_id in handed.answer_ids]
        insert(raw, RECEIVABLE, one_row(hub, RECEIVABLE, "receivable_id", self._certificate["receivable_id"]))
        self._parent_id = uuid.uuid4().hex
        first = {"certificate_id": self._parent_id, "parent_id": None, "state": "HELD"}
        insert(raw, CERTIFICATE, {**self._certificate, **first})

    async def work(self, count: int) -> Sequence[float]:
        """Blocking on purpose: the barest way to write."""
        for _ in range(count):
            self._hand_on(uuid.uuid4().hex)
        return ()

    def _hand_on(self, new_id: str) -> None:
        self._raw.execute("BEGIN IMMEDIATE")
        self._move(self._parent_id, "HELD", "TRANSFERRED")
        child = {"certificate_id": new_id, "parent_id": self._parent_id}
        insert(self._raw, CERTIFICATE, {**self._certificate, **child})
        self._record(0, new_id)
        self._raw.execute("COMMIT")
        self._raw.execute("BEGIN IMMEDIATE")
        self._move(new_id, "ISSUED", "HELD")
        self._record(1, new_id)
        self._raw.execute("COMMIT")
        self._parent_id = new_id

    def _move(self, certificate_id: str, before: str, after: str) -> None:
        sql = f"UPDATE {CERTIFICATE} SET state = ? WHERE certificate_id = ? AND state = ?"  # noqa: S608  constants
        moved = self._raw.execute(sql, (after, certificate_id, before)).rowcount
        assert moved == 1, "the baseline follows the certificate's own states"

    def _record(self, call: int, new_id: str) -> None:
        """The log record of a call, which gets its place later, and the stored answer."""
        leaf: Row = {**self._leaves[call], "id": None, "record_id": f"{call}:{new_id}", "leaf_index": None}
        answer: dict[str, Any] = {**self._answers[call], "id": f"{call}:{new_id}"}
        insert(self._raw, LEAF, leaf)
        insert(self._raw, ANSWER, answer)
