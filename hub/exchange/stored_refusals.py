"""Refusals at the door that wait to be recorded: each is durable before its call is answered.

A row says how often the same happened since the last round; a round takes all rows, also those of a process that died.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from huilian_protocol.canonical import canonicalise

from hub.platform.callers import ANONYMOUS, Caller, Role
from hub.platform.database import Database

_ADD = """
INSERT INTO exchange_turned_away (id, consent_id, is_action, name, code, requested_by, caller, role, count)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET count = exchange_turned_away.count + excluded.count
"""
_ALL = """
SELECT consent_id, is_action, name, code, requested_by, caller, role, count FROM exchange_turned_away ORDER BY id
"""
_FORGET_CONSENTS = "UPDATE exchange_turned_away SET consent_id = '', name = '' WHERE consent_id IN $in"
_FORGET_READER = "UPDATE exchange_turned_away SET requested_by = '' WHERE requested_by = $1"
_FORGET_CALLER = "UPDATE exchange_turned_away SET caller = '' WHERE caller = $1"


class Refusal(NamedTuple):
    """What makes two refusals the same. `name` is a dataset or action of the consent, or empty."""

    consent_id: str
    is_action: bool
    name: str
    code: str
    requested_by: str
    # Who called, which the person is not told; `requested_by` may be a service that reads on the caller's request.
    caller: Caller = ANONYMOUS


class WaitingRefusals:
    """The rows. Every method runs in the caller's transaction, which holds `lock`: after the locks of consents, before
    any other.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock(self) -> None:
        """One writer at a time, over all processes: rounds take whatever others have added."""
        await self._database.lock("turned-away")

    async def add(self, refusals: Mapping[Refusal, int]) -> None:
        """So many more of each."""
        await self._database.execute_many(_ADD, [_values(*item) for item in refusals.items()])

    async def take(self) -> Counter[Refusal]:
        """All that wait; they wait no longer once the transaction is committed."""
        rows = await self._database.fetch(_ALL)
        if rows:
            await self._database.execute("DELETE FROM exchange_turned_away")
        taken: Counter[Refusal] = Counter()
        for row in rows:
            caller = Caller(row["caller"], Role(row["role"]))
            what = (row["consent_id"], bool(row["is_action"]), row["name"], row["code"], row["requested_by"])
            taken[Refusal(*what, caller)] += row["count"]
        return taken

    async def forget(self, subject: str, consent_ids: Collection[str]) -> None:
        """Nothing that waits names this person or their consents any more; the numbers stay."""
        await self._database.fetch_in(_FORGET_CONSENTS, consent_ids)
        await self._database.execute(_FORGET_READER, subject)
        await self._database.execute(_FORGET_CALLER, subject)


def _values(refusal: Refusal, times: int) -> tuple[object, ...]:
    caller = refusal.caller
    key = (*refusal[:5], caller.id, caller.role.value)
    return (hashlib.sha256(canonicalise(list(key))).hexdigest(), *key, times)
