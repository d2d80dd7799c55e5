"""Queries over the covered batches and the claims that wait for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from hub.ledger.chain.store import TransactionRow, VariantRow
from hub.ledger.chain.stored import FINAL
from hub.ledger.claims.rules import Deed, HoldState
from hub.ledger.claims.store import ClaimRow, HoldRow
from hub.ledger.cover.store import CoverBatchRow, CoverPlaceRow, CoverWaitRow
from hub.platform.database import Database


class BatchState(StrEnum):
    """How far a batch is; AGAIN is one whose reservation was refused or ran out: it is sent again as it is."""

    RESERVING = "RESERVING"
    RESERVED = "RESERVED"
    FINANCING = "FINANCING"
    FINANCED = "FINANCED"
    AGAIN = "AGAIN"


_BEATS_AT_ONCE = 100
_UNDER_WAY = (BatchState.RESERVING.value, BatchState.FINANCING.value)


class CoverStore:
    """Covered batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold_beats(self) -> None:
        """Be the only process that prepares a beat, until this transaction ends."""
        await self._database.lock("ledger", "cover")

    async def wait(self, commitment: str, hold_id: str, prints: bytes, at: datetime) -> None:
        """Let a claim wait for a place; again is a no-op."""
        sql = (
            "INSERT INTO ledger_cover_wait (owner_commitment, hold_id, prints, asked_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (owner_commitment) DO NOTHING"
        )
        await self._database.execute(sql, commitment, hold_id, prints, at)

    async def waiting(self) -> list[CoverWaitRow]:
        """Who waits, the longest first."""
        return await CoverWaitRow.all().order_by("asked_at", "owner_commitment")

    async def sent(self, beat: int) -> bool:
        """Whether something was sent at this beat or a later one."""
        return await CoverBatchRow.filter(sent_beat__gte=beat).exists()

    async def oldest(self, state: BatchState) -> CoverBatchRow | None:
        """The oldest batch in a state."""
        return await CoverBatchRow.filter(state=state.value).order_by("beat").first()

    async def under_way(self) -> list[CoverBatchRow]:
        """Batches with a transaction that was not seen to its end."""
        batches = await CoverBatchRow.filter(state__in=_UNDER_WAY)
        return batches + await CoverBatchRow.exclude(release_deed="").exclude(state__in=_UNDER_WAY)

    async def due(self, beat: int, limit: int) -> list[CoverBatchRow]:
        """Batches that give a claim up at this beat."""
        rows = CoverBatchRow.filter(next_release__lte=beat, state=BatchState.FINANCED.value, release_deed="")
        return await rows.order_by("next_release", "beat").limit(limit)

    async def finished(self, before: int, limit: int) -> list[CoverBatchRow]:
        """Batches from before a beat of which nothing more comes, the oldest first."""
        rows = CoverBatchRow.filter(beat__lt=before, next_release=None, state=BatchState.FINANCED.value)
        return await rows.filter(release_deed="").order_by("beat").limit(limit)

    async def forget(self, batch: CoverBatchRow) -> None:
        """Delete a batch that is finished, and its transactions except those by which a hold finds its own."""
        # It was sent again and again until the last of these beats; they are many where the hub was away meanwhile.
        for first in range(batch.beat, batch.sent_beat + 1, _BEATS_AT_ONCE):
            await self._forget_deeds(range(first, min(first + _BEATS_AT_ONCE, batch.sent_beat + 1)))
        await CoverPlaceRow.filter(beat=batch.beat).delete()
        await batch.delete()

    async def _forget_deeds(self, beats: Sequence[int]) -> None:
        deeds = [f"{deed}:beat:{beat}" for beat in beats for deed in Deed]
        needed = {hold.deed for hold in await HoldRow.filter(deed__in=deeds)}
        final = await TransactionRow.filter(purpose__in=deeds, state__in=FINAL)
        purposes = [row.purpose for row in final if row.purpose not in needed]
        await VariantRow.filter(purpose__in=purposes).delete()
        await TransactionRow.filter(purpose__in=purposes).delete()

    async def places(self, beat: int) -> list[CoverPlaceRow]:
        """The real claims of a batch."""
        return await CoverPlaceRow.filter(beat=beat).order_by("place")

    async def take_place(self, beat: int, place: int, waiting: CoverWaitRow) -> bool:
        """Give a waiting claim its place, unless its hold has changed meanwhile; whether it took it."""
        await self._database.lock("ledger", "hold", waiting.hold_id)
        await waiting.delete()
        if not await self.is_in(waiting.owner_commitment, HoldState.WANTED):
            return False
        prints = bytes(waiting.prints)
        await CoverPlaceRow.create(beat=beat, place=place, owner_commitment=waiting.owner_commitment, prints=prints)
        return True

    async def is_in(self, commitment: str, state: HoldState) -> bool:
        """Whether the hold with this commitment is in a state."""
        return await HoldRow.filter(owner_commitment=commitment, state=state.value).exists()

    async def note_deed(self, commitments: Sequence[str], deed: str) -> None:
        """Note which transaction these holds are in."""
        await HoldRow.filter(owner_commitment__in=list(commitments)).update(deed=deed)

    async def thin(self, deed: str) -> None:
        """Forget the bytes of a transaction that is final: a batch a minute would be gigabytes a year, for nothing."""
        await TransactionRow.filter(purpose=deed).update(call_data=b"", raw_transaction=None)

    async def batches_of(self, commitment: str) -> list[CoverBatchRow]:
        """The batches in which a hold has a place."""
        beats = [row.beat for row in await CoverPlaceRow.filter(owner_commitment=commitment)]
        return await CoverBatchRow.filter(beat__in=beats).order_by("beat")

    async def concerned(self, beat: int) -> tuple[list[str], list[str]]:
        """Of a batch's real claims: the ids of those that are pending, and of the holds that are being released."""
        commitments = [row.owner_commitment for row in await self.places(beat)]
        holds = await HoldRow.filter(owner_commitment__in=commitments)
        pending = await ClaimRow.filter(hold_id__in=[hold.id for hold in holds], state="PENDING")
        releasing = [hold.id for hold in holds if hold.state == HoldState.RELEASING.value]
        return [claim.claim_id for claim in pending], releasing
