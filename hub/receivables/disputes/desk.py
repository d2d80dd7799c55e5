"""The buyer disputes, credits dilute, the parties come to terms. Runs inside the caller's transaction.

Before anybody lent on a receivable the buyer may say what it likes. After that a lender has the supplier's right and no
better one (Civil Code §548), but the buyer who confirmed cannot say that there never was a trade (§763). Over a
certificate nothing is disputed: the buyer promised its holders to pay, whatever becomes of the goods.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.legal_rules import FABRICATED
from hub.receivables import stored as stored_receivables
from hub.receivables.access import visible_receivable
from hub.receivables.disputes import stored
from hub.receivables.disputes.stored import Dispute
from hub.receivables.freezes.desk import check_not_frozen
from hub.receivables.model import Receivable
from hub.receivables.ports import Mandates
from hub.receivables.records import Records
from hub.receivables.states import ReceivableEvent, ReceivableState

LENT_ON = (ReceivableState.PLEDGED, ReceivableState.ASSIGNED)


class Ground(StrEnum):
    """Why a buyer disputes what it owes."""

    QUALITY = "QUALITY"
    QUANTITY = "QUANTITY"
    NOT_DELIVERED = "NOT_DELIVERED"
    PRICE = "PRICE"
    NOT_REAL = "NOT_REAL"


class Impairment(StrEnum):
    """What became of a receivable under a loan."""

    DISPUTED = "DISPUTED"
    DILUTED = "DILUTED"


Tell = Callable[[Receivable, Impairment], Awaitable[None]]


class Disputes:
    """Use cases of the parties. `caller` is the USCC of the enterprise that asks."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        records: Records,
        rematch: Callable[[Receivable], Awaitable[Receivable]],
        void: Callable[[Receivable], Awaitable[Receivable]],
        mandates: Mandates,
    ) -> None:
        """`rematch` states a receivable anew by its documents as they are today, `void` ends it unpaid."""
        self._database = database
        self._clock = clock
        self._ids = ids
        self._records = records
        self._rematch, self._void = rematch, void
        self._mandates = mandates
        self._when_impaired: list[Tell] = []

    def when_impaired(self, tell: Tell) -> None:
        """Have somebody told, in the same transaction, that a receivable which was lent on is worth less."""
        self._when_impaired.append(tell)

    async def dispute(self, caller: str, receivable_id: str, ground: Ground, statement: str) -> Receivable:
        """The buyer disputes what it is said to owe.

        Raises NOT_FOUND, PERMISSION_DENIED (also without a signer's word), STATE_CONFLICT (certificated, settled; or
        NOT_REAL towards a lender).
        """
        receivable = visible_receivable(caller, await stored_receivables.lock(receivable_id))
        if caller != receivable.buyer_uscc:
            raise HuilianError("PERMISSION_DENIED", "only the buyer disputes what it owes")
        if receivable.state in LENT_ON and ground is Ground.NOT_REAL:
            raise HuilianError("STATE_CONFLICT", "confirmed, and lent on", state=receivable.state, rule=FABRICATED)
        await self._mandates.require_word(caller, Power.DISPUTE, receivable_id, receivable.amount_fen)
        disputed = await stored_receivables.move(receivable, ReceivableEvent.DISPUTE)
        dispute_id = self._ids()
        await stored.add(dispute_id, receivable_id, ground.value, statement, self._clock.now())
        await self._records.dispute("disputed", disputed, dispute_id, ground=ground.value, by=caller)
        await self._impaired(receivable, disputed, Impairment.DISPUTED)
        return disputed

    async def list_of(self, caller: str, receivable_id: str) -> list[Dispute]:
        """The disputes of a receivable of the caller's, the oldest first. Raises NOT_FOUND."""
        visible_receivable(caller, await stored_receivables.find(receivable_id))
        return await stored.of(receivable_id)

    async def dilute(self, receivable: Receivable, document_ids: Sequence[str], credited_fen: int) -> Receivable:
        """Credit notes or returns made a signed receivable worth less, in fen; its row is locked by the caller."""
        diluted = await stored_receivables.move(receivable, ReceivableEvent.DILUTE)
        said = {"document_ids": list(document_ids), "credited_fen": credited_fen}
        await self._records.dispute("diluted", diluted, self._ids(), **said)
        await self._impaired(receivable, diluted, Impairment.DILUTED)
        return diluted

    async def reinstate(self, caller: str, receivable_id: str) -> Receivable:
        """The parties came to terms: matched anew by the documents of today, to be confirmed anew.

        Raises NOT_FOUND, PERMISSION_DENIED (without a signer's word), STATE_CONFLICT (also while a court freezes it:
        stated anew, the ERP could withdraw it).
        """
        seen = visible_receivable(caller, await stored_receivables.find(receivable_id))
        # The trade is locked before its receivables, as where documents come in.
        await self._database.lock("receivables.trade", seen.buyer_uscc)
        receivable = visible_receivable(caller, await stored_receivables.lock(receivable_id))
        await check_not_frozen(receivable_id)
        await self._mandates.require_word(caller, Power.DISPUTE, receivable_id, receivable.amount_fen)
        matched = await stored_receivables.move(receivable, ReceivableEvent.REINSTATE)
        reinstated = await self._rematch(matched)
        await self._end("reinstated", caller, reinstated)
        return reinstated

    async def give_up(self, caller: str, receivable_id: str) -> Receivable:
        """The supplier gives up a disputed or diluted receivable: nothing is owed on it any more.

        Raises NOT_FOUND, PERMISSION_DENIED (also without a signer's word), STATE_CONFLICT (also while a court freezes
        it).
        """
        receivable = visible_receivable(caller, await stored_receivables.lock(receivable_id))
        if caller != receivable.supplier_uscc:
            raise HuilianError("PERMISSION_DENIED", "only the supplier gives up what it is owed")
        if receivable.state not in (ReceivableState.DISPUTED, ReceivableState.DILUTED):
            raise HuilianError("STATE_CONFLICT", "not disputed", state=receivable.state)
        await check_not_frozen(receivable_id)
        await self._mandates.require_mandate(caller, Power.TRANSFER, receivable_id, receivable.amount_fen)
        voided = await self._void(receivable)
        await self._end("voided", caller, voided)
        return voided

    async def _end(self, event: str, caller: str, receivable: Receivable) -> None:
        await stored.end(receivable.receivable_id, caller, self._clock.now())
        await self._records.dispute(event, receivable, self._ids(), by=caller)

    async def _impaired(self, before: Receivable, after: Receivable, impairment: Impairment) -> None:
        if before.state in LENT_ON:
            for tell in self._when_impaired:
                await tell(after, impairment)
