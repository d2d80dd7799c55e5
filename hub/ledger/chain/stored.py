"""What this hub does on the chain, in its database (implements `ledger.anchor.outbox.TransactionStore`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from hub.ledger.chain.store import AnchorRow, LeaseRow, TransactionRow, VariantRow
from hub.platform.database import Database
from ledger.anchor.outbox import (
    Deed,
    LeaseLost,
    OpenTransaction,
    SettledTransaction,
    TransactionState,
    Variant,
)

FINAL = (TransactionState.SUCCEEDED.value, TransactionState.REVERTED.value)
_LEASE = "chain"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class ChainStore:
    """Transactions, the lease of who may sign, and anchors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settled(self, purpose: str) -> SettledTransaction | None:
        """See `TransactionStore`."""
        row = await TransactionRow.get_or_none(purpose=purpose)
        return _settled(row) if row and row.state in FINAL else None

    async def prepare(self, deed: Deed, contract: str, at: datetime) -> None:
        """See `TransactionStore`."""
        row = TransactionRow(
            purpose=deed.purpose,
            contract=contract,
            call_data=deed.data,
            gas_limit=deed.gas_limit,
            prepared_at=at,
            state=TransactionState.PREPARED.value,
        )
        await TransactionRow.bulk_create([row], ignore_conflicts=True)

    async def unsettled(self) -> list[OpenTransaction]:
        """See `TransactionStore`."""
        rows = await TransactionRow.exclude(state__in=FINAL).order_by("prepared_at", "purpose")
        purposes = [row.purpose for row in rows if row.nonce is not None]
        variants = await VariantRow.filter(purpose__in=purposes).order_by("gas_price") if purposes else []
        opened = [_open(row, [one for one in variants if one.purpose == row.purpose]) for row in rows]
        signed = sorted((one for one in opened if one.nonce is not None), key=lambda one: one.nonce or 0)
        return [*signed, *(one for one in opened if one.nonce is None)]

    async def lease(self, holder: str, now: datetime, length: timedelta, *, urgent: bool = False) -> int | None:
        """See `TransactionStore`."""
        async with self._database.transaction():
            await self._database.lock("ledger", "lease")
            row = await LeaseRow.get_or_none(name=_LEASE)
            if row is None:
                await LeaseRow.create(name=_LEASE, holder=holder, token=1, expires_at=now + length)
                return 1
            if not _may_have(row, holder, now):
                if urgent:
                    await LeaseRow.filter(name=_LEASE).update(wanted_by=holder)
                return None
            if row.wanted_by not in ("", holder) and row.expires_at > now:
                # Make room: nobody else may take it before whoever asked, unless that one does not come.
                row.holder, row.token, row.expires_at = row.wanted_by, row.token + 1, now + length
                await row.save()
                return None
            if row.holder != holder:
                row.holder, row.token, row.wanted_by = holder, row.token + 1, ""
            row.expires_at = now + length
            await row.save()
            return int(row.token)

    async def give_back(self, token: int) -> None:
        """See `TransactionStore`."""
        # Another token for whoever comes next, be it the same holder.
        free = {"holder": "", "token": token + 1, "expires_at": _LONG_AGO, "wanted_by": ""}
        await LeaseRow.filter(name=_LEASE, token=token).update(**free)

    async def _check_lease(self, token: int) -> None:
        """Hold the lease's lock until the transaction ends, and make sure that the lease is still this one."""
        await self._database.lock("ledger", "lease")
        row = await LeaseRow.get_or_none(name=_LEASE)
        if row is None or row.token != token:
            raise LeaseLost("another process signs for this hub")

    async def sign(
        self, token: int, purpose: str, sender: str, first_nonce: int, sign: Callable[[int], Variant]
    ) -> OpenTransaction:
        """See `TransactionStore`."""
        async with self._database.transaction():
            await self._check_lease(token)
            row = await TransactionRow.get(purpose=purpose)
            if row.nonce is None:
                last = await TransactionRow.filter(sender=sender).order_by("-nonce").first()
                row.nonce = last.nonce + 1 if last and last.nonce is not None else first_nonce
                variant = sign(row.nonce)
                row.sender, row.state = sender, TransactionState.SIGNED.value
                row.raw_transaction, row.hash, row.gas_price = variant.raw, variant.hash, variant.gas_price
                await row.save()
            return _open(row, await VariantRow.filter(purpose=purpose).order_by("gas_price"))

    async def add_variant(self, token: int, purpose: str, variant: Variant, at: datetime) -> None:
        """See `TransactionStore`."""
        async with self._database.transaction():
            await self._check_lease(token)
            await _add_variant(purpose, variant)
            await TransactionRow.filter(purpose=purpose).update(sent_at=at)

    async def mark(self, purpose: str, state: TransactionState, at: datetime | None = None) -> None:
        """See `TransactionStore`."""
        values = {"state": state.value} | ({"sent_at": at} if at else {})
        await TransactionRow.filter(purpose=purpose).exclude(state__in=FINAL).update(**values)

    async def settle(self, transaction: SettledTransaction) -> None:
        """See `TransactionStore`."""
        async with self._database.transaction():
            row = await TransactionRow.get(purpose=transaction.purpose)
            if row.hash and row.hash != transaction.hash:
                await self._exchange(row, transaction)
            row.state = "SUCCEEDED" if transaction.succeeded else "REVERTED"
            row.block_number, row.block_hash = transaction.block_number, transaction.block_hash
            await row.save()

    async def _exchange(self, row: TransactionRow, mined: SettledTransaction) -> None:
        """Let the row show the bytes that were mined; those that it showed become a variant."""
        other = await VariantRow.get(hash=mined.hash)
        await _add_variant(row.purpose, Variant(bytes(row.raw_transaction or b""), row.gas_price or 0))
        row.raw_transaction, row.hash, row.gas_price = other.raw_transaction, other.hash, other.gas_price
        await other.delete()

    async def add_anchor(self, size: int, purpose: str) -> None:
        """Store that the checkpoint of a size is final on the chain; again is harmless."""
        sql = "INSERT INTO ledger_anchor (size, purpose) VALUES ($1, $2) ON CONFLICT (size) DO NOTHING"
        await self._database.execute(sql, size, purpose)

    async def newest_anchored_size(self) -> int:
        """Return the greatest size that is final on the chain, 0 without any."""
        row = await AnchorRow.all().order_by("-size").first()
        return row.size if row else 0

    async def newest_anchored_block(self) -> int:
        """Return the block of the newest anchor, 0 without any."""
        row = await AnchorRow.all().order_by("-size").first()
        transaction = await TransactionRow.get_or_none(purpose=row.purpose) if row else None
        return (transaction.block_number or 0) if transaction else 0

    async def anchor_covering(self, leaf_index: int) -> tuple[int, SettledTransaction] | None:
        """Return the smallest anchored size that contains a leaf, with its transaction."""
        row = await AnchorRow.filter(size__gt=leaf_index).order_by("size").first()
        return (row.size, _settled(await TransactionRow.get(purpose=row.purpose))) if row else None


async def _add_variant(purpose: str, variant: Variant) -> None:
    await VariantRow.create(
        hash=variant.hash, purpose=purpose, raw_transaction=variant.raw, gas_price=variant.gas_price
    )


def _may_have(row: LeaseRow, holder: str, now: datetime) -> bool:
    return row.holder == holder or row.expires_at <= now


def _open(row: TransactionRow, more: Iterable[VariantRow]) -> OpenTransaction:
    first = [Variant(bytes(row.raw_transaction), row.gas_price or 0)] if row.raw_transaction else []
    return OpenTransaction(
        Deed(row.purpose, bytes(row.call_data), row.gas_limit),
        TransactionState(row.state),
        row.sender,
        row.nonce,
        (*first, *(Variant(bytes(one.raw_transaction), one.gas_price) for one in more)),
        row.sent_at,
    )


def _settled(row: TransactionRow) -> SettledTransaction:
    return SettledTransaction(
        row.purpose,
        bytes(row.raw_transaction or b""),
        row.hash or "",
        row.state == "SUCCEEDED",
        row.block_number or 0,
        row.block_hash or "",
    )
