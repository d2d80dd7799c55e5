"""Queries over the chains of persons' records, which lie among the log's leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tortoise.expressions import Q

from hub.ledger.log.store import LeafRow
from hub.ledger.log.stored import ChainEnd
from hub.platform.database import Database
from hub.platform.fields import in_utc

# Before records were chained there were access records already; a person's list shows them too.
_SHOWN = Q(chain_sequence__isnull=False) | Q(record_id__startswith="access:")
_STATEMENTS = Q(record_id__startswith="access-statement:")


_END = (
    "SELECT * FROM (SELECT subject, chain_sequence, commitment, written_at FROM ledger_leaf"
    " WHERE subject = $each AND chain_sequence IS NOT NULL ORDER BY chain_sequence DESC LIMIT 1) AS chain_end"
)


def _end_of(row: Mapping[str, Any]) -> ChainEnd:
    at = row["written_at"]
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    return ChainEnd(int(row["chain_sequence"]), bytes(row["commitment"]), in_utc(at))


class SubjectChainStore:
    """The chained records of persons; a chain's order is `chain_sequence`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock_ends(self, subjects: Sequence[str]) -> dict[str, ChainEnd]:
        """The ends of these chains, with nobody else adding to them until this transaction ends; none for an empty
        one.
        """
        await self._database.lock_all(("ledger-chain", subject) for subject in subjects)
        rows = await self._database.fetch_each(_END, subjects)
        return {row["subject"]: _end_of(row) for row in rows}

    async def page(self, subject: str, after: LeafRow | None, size: int) -> list[LeafRow]:
        """A person's records about accesses, newest first; those that follow `after` when it is given."""
        rows = LeafRow.filter(_SHOWN, subject=subject).exclude(_STATEMENTS)
        if after is not None:
            rows = rows.filter(id__lt=after.id)
        return await rows.order_by("-id").limit(size)

    async def before(self, subject: str, moment: datetime) -> LeafRow | None:
        """The last chained record that was written before a moment."""
        rows = LeafRow.filter(subject=subject, chain_sequence__isnull=False, written_at__lt=moment)
        return await rows.order_by("-chain_sequence").first()

    async def between(self, subject: str, first: int, last: int) -> Sequence[LeafRow]:
        """The chained records from one place to another, both included, in their order."""
        rows = LeafRow.filter(subject=subject, chain_sequence__gte=first, chain_sequence__lte=last)
        return await rows.order_by("chain_sequence")
