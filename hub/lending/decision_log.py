"""Every decision is kept with the facts and the table version that made it, and can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.decisions import Decision, DecisionTables
from hub.lending.ports import SubjectVault
from hub.lending.store import DecisionRow
from hub.platform.ids import Ids


class DecisionLog:
    """Decides and remembers, inside the caller's transaction."""

    def __init__(self, clock: Clock, ids: Ids, tables: DecisionTables, vault: SubjectVault) -> None:
        self._clock = clock
        self._ids = ids
        self._tables = tables
        self._vault = vault

    async def decide(self, table: str, facts: Mapping[str, Any], subject: str | None) -> tuple[str, Decision]:
        """The newest version's decision and the id it is kept under; a person's facts are encrypted for them."""
        decision = self._tables.newest(table).decide(facts)
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
            reason_codes=[reason.code for reason in decision.reasons],
            offer=dict(decision.offer),
            decided_at=self._clock.now(),
        )
        return decision_id, decision

    async def replay(self, decision_id: str) -> Decision:
        """The same version of the table on the recorded facts.

        Raises NOT_FOUND for an unknown id, or when the person's key was destroyed and the facts with it.
        """
        row = await DecisionRow.get_or_none(decision_id=decision_id)
        if row is None:
            raise HuilianError("NOT_FOUND", resource="decision")
        facts = bytes(row.facts)
        if row.subject is not None:
            facts = await self._vault.decrypt_for_subject(row.subject, facts)
        return self._tables.version(row.rule_table, row.rule_version).decide(parse_json(facts))
