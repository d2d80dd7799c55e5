"""Every decision is kept with the facts and the table version that made it, and can be made again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from tortoise.queryset import QuerySet

from hub.lending.decisions.tables import Decision, DecisionFault, DecisionTables
from hub.lending.ports import SubjectVault
from hub.lending.store import DecisionRow
from hub.platform.business_day import start_of_day
from hub.platform.ids import Ids

LONGEST_PERIOD = timedelta(days=366)
BATCH = 1_000
_SHARE = Decimal("0.0001")


@dataclass(frozen=True)
class Replay:
    """A past decision, what its table says again, and what the newest would say (None: it asks for other facts).

    `facts` are what it was decided on, empty for a person's.
    """

    recorded: Decision
    replayed: Decision
    newest: Decision | None
    decided_at: datetime
    facts: Mapping[str, Any]

    @property
    def is_same(self) -> bool:
        """Whether the recorded version, unchanged to the byte, says the same again."""
        return self.recorded == self.replayed

    @property
    def differences(self) -> list[str]:
        """What the newest table says differently."""
        if self.newest is None:
            return ["facts"]
        before, after = self.recorded, self.newest
        found = [name for name in ("outcome", "reasons") if getattr(before, name) != getattr(after, name)]
        columns = sorted({*before.offer, *after.offer})
        return found + [f"offer.{name}" for name in columns if before.offer.get(name) != after.offer.get(name)]


@dataclass
class TableCounts:
    """Decisions of a table in a period; `reasons` counts the codes of all of them."""

    table: str
    approved: int = 0
    rejected: int = 0
    referred: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All decisions."""
        return self.approved + self.rejected + self.referred

    @property
    def automatic_share(self) -> Decimal:
        """The part that no person decided; 1 when nothing was."""
        share = Decimal(self.total - self.referred) / self.total if self.total else Decimal(1)
        return share.quantize(_SHARE, rounding=ROUND_HALF_UP)

    def add(self, row: Mapping[str, Any]) -> None:
        """Counts one more."""
        self.approved += bool(row["approved"])
        self.referred += bool(row["referred"])
        self.rejected += not row["approved"] and not row["referred"]
        self.reasons.update(row["reason_codes"])


class DecisionLog:
    """Decides and remembers, inside the caller's transaction."""

    def __init__(self, clock: Clock, ids: Ids, tables: DecisionTables, vault: SubjectVault) -> None:
        self._clock = clock
        self._ids = ids
        self._tables = tables
        self._vault = vault

    async def decide(
        self, table: str, facts: Mapping[str, Any], subject: str | None, *, may_refer: bool = False
    ) -> tuple[str, Decision]:
        """The newest version's decision and the id it is kept under; a person's facts are encrypted for them.

        Raises DecisionFault when the table leaves the case to a person and the caller has nobody to ask.
        """
        decision = self._tables.newest(table).decide(facts)
        if decision.referred and not may_refer:
            raise DecisionFault(f"{decision.rule_version} refers a case to a person whom this product does not have")
        decision_id = self._ids()
        plain = canonicalise(dict(facts))
        await DecisionRow.create(
            decision_id=decision_id,
            subject=subject,
            rule_table=decision.table,
            rule_version=decision.version,
            table_sha256=decision.table_sha256,
            facts=plain if subject is None else await self._vault.encrypt_for_subject(subject, plain),
            approved=decision.approved,
            referred=decision.referred,
            reason_codes=[reason.code for reason in decision.reasons],
            offer=dict(decision.offer),
            decided_at=self._clock.now(),
        )
        return decision_id, decision

    def preview(self, table: str, facts: Mapping[str, Any]) -> Decision:
        """What the newest version says; nothing is kept."""
        return self._tables.newest(table).decide(facts)

    async def recalled(self, decision_id: str) -> tuple[dict[str, Any], Decision]:
        """The recorded facts and what the same version of the table says on them. Raises as `replay`."""
        row = await self._row(decision_id)
        facts = await self._facts(row)
        return facts, self._tables.version(row.rule_table, row.rule_version).decide(facts)

    async def replay(self, decision_id: str) -> Decision:
        """The same version of the table on the recorded facts.

        Raises NOT_FOUND for an unknown id, or when the person's key was destroyed and the facts with it.
        """
        row = await self._row(decision_id)
        return self._tables.version(row.rule_table, row.rule_version).decide(await self._facts(row))

    async def again(self, decision_id: str) -> Replay:
        """A past decision beside what its own table and the newest say about its facts. Raises as `replay`."""
        row = await self._row(decision_id)
        facts, own = await self._facts(row), self._tables.version(row.rule_table, row.rule_version)
        recorded = Decision(
            table=row.rule_table,
            version=row.rule_version,
            table_sha256=bytes(row.table_sha256),
            approved=row.approved,
            reasons=tuple(own.reason(code) for code in row.reason_codes),
            offer=row.offer,
            referred=row.referred,
        )
        try:
            newest = self._tables.newest(row.rule_table).decide(facts)
        except DecisionFault:
            newest = None
        shown = facts if row.subject is None else {}
        return Replay(recorded, own.decide(facts), newest, row.decided_at, shown)

    async def report(self, first: date, last: date) -> list[TableCounts]:
        """How decisions from `first` to `last` (China's days, both included) were made, per table.

        Raises INVALID_ARGUMENT for a period that is backwards or longer than a year.
        """
        if not timedelta(0) <= last - first <= LONGEST_PERIOD:
            raise HuilianError("INVALID_ARGUMENT", "from_day to to_day is at most a year", field="to_day")
        start, end = start_of_day(first), start_of_day(last + timedelta(days=1))
        counts = {name: TableCounts(name) for name in self._tables.names}
        rows = DecisionRow.filter(decided_at__gte=start, decided_at__lt=end)
        async for row in _in_batches(rows):
            counts.setdefault(row["rule_table"], TableCounts(row["rule_table"])).add(row)
        return [counts[name] for name in sorted(counts)]

    async def _row(self, decision_id: str) -> DecisionRow:
        row = await DecisionRow.get_or_none(decision_id=decision_id)
        if row is None:
            raise HuilianError("NOT_FOUND", resource="decision")
        return row

    async def _facts(self, row: DecisionRow) -> dict[str, Any]:
        facts = bytes(row.facts)
        if row.subject is not None:
            facts = await self._vault.decrypt_for_subject(row.subject, facts)
        read: dict[str, Any] = parse_json(facts)
        return read


async def _in_batches(rows: QuerySet[DecisionRow]) -> AsyncIterator[dict[str, Any]]:
    """Only what is counted, a batch at a time, by id."""
    after = ""
    while True:
        batch = rows.filter(decision_id__gt=after).order_by("decision_id").limit(BATCH)
        found = await batch.values("decision_id", "rule_table", "approved", "referred", "reason_codes")
        for row in found:
            yield row
        if len(found) < BATCH:
            return
        after = found[-1]["decision_id"]
