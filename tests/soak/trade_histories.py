"""Random lives of an order: delivered, billed, sent back, credited, signed, certificated, lent on, disputed, frozen.

Now and then the power goes off in the middle, and the next pull takes in what was told.
What must hold is computed from what was put into the ERP, not by the code under test: no match above what was received
and kept, every match net of its credit notes, nothing that was signed worth less than it says.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from hub.platform.database import Database
from hub.receivables.disputes.desk import Ground
from hub.receivables.model import Receivable
from hub.receivables.service import FrozenKind
from hub.receivables.states import ReceivableState
from hub.receivables.trade.model import DocumentKind, TradeDocument
from tests.soak.databases import DIALECTS, on_fresh_database
from tests.unit.hub.receivables import trade
from tests.unit.hub.receivables.world import World

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PACKAGES = ["hub.platform", "hub.ledger", "hub.receivables"]
LONGEST, SHORTEST = 60, 20
S, K = ReceivableState, DocumentKind
WHOLE = (S.CONFIRMED, S.PLEDGED, S.ASSIGNED)
FORESEEN = {"STATE_CONFLICT", "AMOUNT_EXCEEDS_RECEIVABLE", "MATCH_FAILED", "ALREADY_EXISTS", "NOT_FOUND"}
Move = Callable[[], Awaitable[object]]


class PowerCut(Exception):
    """Before a statement."""


class OrderLife:
    """One order for steel, and everybody who has to do with it."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._random = world, rng
        self._numbers = itertools.count(1)
        self._erp: dict[str, tuple[TradeDocument, str]] = {}
        self._told: dict[str, TradeDocument] = {}
        self._frozen: dict[str, str] = {}
        self._put(trade.order(steel="200"))

    async def step(self) -> None:
        """Somebody does something; a refusal is one that is foreseen."""
        papers: list[Move] = [self._receive] * 4 + [self._bill] * 3
        papers += [self._send_back, self._credit, self._credit, self._change, self._replay]
        acts: list[Move] = [*[self._issue] * 2, self._refuse, self._pledge, self._release, self._dispute, self._give_up]
        acts += [self._confirm] * 4 + [self._reinstate] * 3 + [self._freeze, self._unfreeze]
        try:
            await self._random.choice(papers + acts)()
        except HuilianError as refusal:
            assert refusal.code in FORESEEN, refusal

    async def check(self) -> None:
        """What must hold after every step."""
        receivables = (await self._world.service.list_own(trade.BUYER, 200, "")).items
        counted = [one for one in receivables if one.evidence is not None and one.state is not S.VOID]
        if any(one.state is S.MATCHED for one in counted):
            billed = sum((self._net_kg(one) for one in counted), Decimal(0))
            assert billed <= self._kg(K.RECEIPT_ADVICE) - self._kg(K.DESPATCH_ADVICE), "billed beyond what was kept"
        for one in counted:
            invoiced_fen = self._told[_evidence(one, "invoice")[0]].payable_amount_fen
            assert one.invoiced_fen == invoiced_fen, "what was invoiced got lost"
            self._check_credits(one)

    def _check_credits(self, one: Receivable) -> None:
        concerning = [note for note in self._in_force(K.CREDIT_NOTE) if _may_concern(note, one)]
        credited_fen = min(sum(note.payable_amount_fen for note in concerning), one.invoiced_fen)
        if one.state is S.MATCHED:
            others = [
                invoice for invoice in self._in_force(K.INVOICE) if invoice.document_id != one.invoice_document_id
            ]
            assert not others or all(note.billing_document_ids for note in concerning), "matched in doubt"
            assert one.credited_fen == credited_fen < one.invoiced_fen, "matched for more than is owed"
        elif one.state in WHOLE and one.receivable_id not in self._frozen:
            assert one.credited_fen >= credited_fen, "signed, and worth less than it says"
        elif one.state is S.CERTIFICATED and one.receivable_id not in self._frozen:
            assert one.credited_fen >= credited_fen or one.amount_fen == one.issued_fen, "more is owed than is left"

    # --- papers

    async def _receive(self) -> None:
        await self._tell(trade.receipt(self._name("shipment"), steel=self._some(40)))

    async def _bill(self) -> None:
        await self._tell(trade.invoice(self._name("invoice"), steel=self._some(40)))

    async def _send_back(self) -> None:
        await self._tell(trade.returned(self._name("return"), steel=self._some(8)))

    async def _credit(self) -> None:
        invoices = [invoice.document_id for invoice in self._in_force(K.INVOICE)] or ["invoice-none"]
        named = [self._random.choice(invoices)] if self._random.random() < 0.9 else []
        if named and self._random.random() < 0.3:
            note = trade.allowance(self._name("credit"), named[0], "steel", self._some(20), self._some(1000))
        else:
            note = trade.credit(self._name("credit"), *named, steel=self._some(25))
        await self._tell(note)

    async def _change(self) -> None:
        """A return or a credit note is withdrawn, restored, or comes with another quantity."""
        changeable = [key for key, (one, _) in self._erp.items() if one.kind in (K.DESPATCH_ADVICE, K.CREDIT_NOTE)]
        if not changeable:
            return
        document, erp_state = self._erp[self._random.choice(changeable)]
        if self._random.random() < 0.7:
            await self._tell(document, "cancelled" if erp_state == "posted" else "posted")
        elif document.kind is K.DESPATCH_ADVICE:
            await self._tell(trade.returned(document.document_id, steel=self._some(8)))
        else:
            other = trade.credit(document.document_id, *document.billing_document_ids, steel=self._some(12))
            await self._tell(replace(other, number=document.number))

    async def _replay(self) -> None:
        """What the ERP told once it tells again: as it is now, or as it was at first."""
        document, erp_state = self._erp[self._random.choice([*self._erp])]
        version = None if self._random.random() < 0.5 else 1
        old = next(one for one in self._told.values() if one.document_id == document.document_id)
        self._world.erps.put(old if version else document, erp_state, version)
        await self._sync()

    async def _tell(self, document: TradeDocument, erp_state: str = "posted") -> None:
        self._put(document, erp_state)
        await self._sync()

    def _put(self, document: TradeDocument, erp_state: str = "posted") -> None:
        self._erp[document.document_id] = (document, erp_state)
        self._told[document.digest().hex()] = document
        # The first version is above 1, so that a replay under 1 is old.
        self._world.erps.put(document, erp_state, version=len(self._world.erps.changes) + 2)

    async def _sync(self) -> None:
        """Now and then the power goes off in the middle, and the next pull takes it in."""
        pulled = await self._world.service.trade.pull(trade.BUYER)
        if self._random.random() < 0.3:
            await self._cut(lambda: self._world.run(lambda: self._world.service.trade.take_in(pulled)))
        while (await self._world.sync()).imported:
            pass

    async def _cut(self, work: Move) -> None:
        left = itertools.count(self._random.randint(1, 40), -1)

        def listener(sql: str) -> None:
            if next(left) == 0:
                raise PowerCut(sql)

        self._world.database.on_statement = listener
        try:
            await work()
        except PowerCut:
            pass
        finally:
            self._world.database.on_statement = None

    # --- acts

    async def _confirm(self) -> None:
        receivable_id = await self._pick(S.MATCHED)
        await self._world.confirm(await self._world.service.confirmations.prepare(trade.BUYER, receivable_id))

    async def _issue(self) -> None:
        receivable_id = await self._pick(S.CONFIRMED, S.CERTIFICATED)
        amount_fen, name = self._random.randint(1, 50_000), self._name("certificate")
        issue = self._world.service.certificates.issue
        await self._world.run(lambda: issue(trade.BUYER, name, receivable_id, amount_fen))

    async def _refuse(self) -> None:
        offered = (await self._world.service.certificates.list_own(trade.SUPPLIER, 200, "")).items
        names = [one.certificate_id for one in offered if one.state == "ISSUED"] or ["certificate-none"]
        name = self._random.choice(names)
        await self._world.run(lambda: self._world.service.certificates.refuse(trade.SUPPLIER, name))

    async def _pledge(self) -> None:
        receivable_id = await self._pick(S.CONFIRMED)
        await self._world.run(lambda: self._world.service.pledge(receivable_id, self._name("loan")))

    async def _release(self) -> None:
        receivable_id = await self._pick(S.PLEDGED)
        await self._world.run(lambda: self._world.service.release_pledge(receivable_id, self._name("loan")))

    async def _dispute(self) -> None:
        receivable_id = await self._pick(S.MATCHED, S.CONFIRMED, S.PLEDGED)

        dispute = self._world.service.disputes.dispute
        await self._world.run(lambda: dispute(trade.BUYER, receivable_id, Ground.QUALITY, ""))

    async def _reinstate(self) -> None:
        receivable_id = await self._pick(S.DISPUTED, S.DILUTED)
        await self._world.run(lambda: self._world.service.disputes.reinstate(trade.BUYER, receivable_id))

    async def _give_up(self) -> None:
        receivable_id = await self._pick(S.DISPUTED, S.DILUTED)
        await self._world.run(lambda: self._world.service.disputes.give_up(trade.SUPPLIER, receivable_id))

    async def _freeze(self) -> None:
        receivable_id = await self._pick(*WHOLE, S.CERTIFICATED, S.DISPUTED, S.DILUTED)
        freeze, name = self._world.service.freezes.freeze, self._name("freeze")
        if receivable_id not in self._frozen:
            await self._world.run(
                lambda: freeze(name, FrozenKind.RECEIVABLE, receivable_id, name, "沙盒市中级人民法院")
            )
            self._frozen[receivable_id] = name

    async def _unfreeze(self) -> None:
        if self._frozen:
            receivable_id = self._random.choice([*self._frozen])
            name = self._frozen.pop(receivable_id)
            await self._world.run(lambda: self._world.service.freezes.unfreeze(name, "之一"))

    async def _pick(self, *states: ReceivableState) -> str:
        found = (await self._world.service.list_own(trade.BUYER, 200, "")).items
        fitting = [one.receivable_id for one in found if one.state in states]
        if not fitting:
            raise HuilianError("NOT_FOUND", resource="receivable")
        return self._random.choice(sorted(fitting))

    # --- what the ERP holds

    def _in_force(self, kind: DocumentKind) -> list[TradeDocument]:
        return [one for one, erp_state in self._erp.values() if one.kind is kind and erp_state != "cancelled"]

    def _kg(self, kind: DocumentKind) -> Decimal:
        return sum((_kg(one) for one in self._in_force(kind)), Decimal(0))

    def _net_kg(self, one: Receivable) -> Decimal:
        """What a receivable bills by the documents that it rests on; an allowance takes no goods off."""
        notes = [self._told[digest] for digest in _evidence(one, "credit_notes")]
        goods = [note for note in notes if note.lines[0].unit_price_fen == trade.PRICES_FEN[trade.STEEL]]
        return _kg(self._told[_evidence(one, "invoice")[0]]) - sum((_kg(note) for note in goods), Decimal(0))

    def _name(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers):05d}"

    def _some(self, most: int) -> str:
        return str(self._random.randint(1, most))


async def case(rng: random.Random) -> int:
    """One life on either database; answers the steps that were checked."""
    dialect, steps = rng.choice(DIALECTS), rng.randint(SHORTEST, LONGEST)
    return await on_fresh_database(dialect, PACKAGES, lambda database: play(database, rng, steps))


async def play(database: Database, rng: random.Random, steps: int) -> int:
    """So many steps, with everything checked after each."""
    numbers = itertools.count(1)
    life = OrderLife(World(database, FixedClock(START), lambda: f"id-{next(numbers):08d}"), rng)
    for _ in range(steps):
        await life.step()
        await life.check()
    return steps


def _may_concern(note: TradeDocument, one: Receivable) -> bool:
    return not note.billing_document_ids or one.invoice_document_id in note.billing_document_ids


def _evidence(one: Receivable, kind: str) -> list[str]:
    found = (one.evidence or {}).get(kind, [])
    return [found] if isinstance(found, str) else found


def _kg(document: TradeDocument) -> Decimal:
    return sum((line.quantity for line in document.lines), Decimal(0))
