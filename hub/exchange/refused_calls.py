"""Refused calls for data that name no consent that there is: no person is concerned, so they stand against the caller.

Each minute's equal ones become one record in the ledger and a count that supervision may ask for. A citizen's record
stands in their own chain, readable by them alone until they have their data destroyed; the count does not say which
citizen it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from huilian_protocol.clock import Clock, format_time

from hub.exchange.access import AccessLog
from hub.exchange.rules import HUB
from hub.ledger.service import ChainedRecord, LedgerService
from hub.platform.business_day import business_date
from hub.platform.callers import Caller, Role
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.vault import SubjectVault

RECORD_TYPE = "refused-call"
READ, ACTION = "READ", "ACTION"
MOST_TOLD = 1_000
_COUNT = """
INSERT INTO exchange_refused_call (id, day, caller, role, wanted, outcome, count) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET count = exchange_refused_call.count + excluded.count
"""
_TOLD = """
SELECT day, caller, role, wanted, outcome, count AS times FROM exchange_refused_call WHERE day >= $1 AND day <= $2
ORDER BY times DESC, id LIMIT $3
"""


class RefusedCall(NamedTuple):
    """What makes two of them the same."""

    caller: Caller
    wanted: str
    code: str


class RefusedCell(NamedTuple):
    """How many there were; `caller` is empty for citizens, who are counted together."""

    day: str
    caller: str
    role: str
    wanted: str
    outcome: str
    times: int


class RefusedCalls:
    """Records and tells them."""

    def __init__(
        self, database: Database, clock: Clock, ids: Ids, ledger: LedgerService, log: AccessLog, vault: SubjectVault
    ) -> None:
        self._database, self._clock, self._ids = database, clock, ids
        self._ledger, self._log, self._vault = ledger, log, vault

    async def record(self, calls: Mapping[RefusedCall, int]) -> int:
        """Write down that so many of each were refused, in the caller's transaction; how many records."""
        ordered = sorted(calls.items(), key=_order)
        # Of a person who has left in the meantime nothing may be written that names them.
        citizens = await self._vault.living({call.caller.id for call, _ in ordered if _is_citizen(call)})
        await self._log.append([self._own(*item) for item in ordered if item[0].caller.id in citizens])
        for call, times in ordered:
            if call.caller.id not in citizens:
                await self._log_call(call, times)
        await self._count(ordered)
        return len(ordered)

    async def _log_call(self, call: RefusedCall, times: int) -> None:
        content, name = self._content(call, times), f"{RECORD_TYPE}:{self._ids()}"
        await self._ledger.append(RECORD_TYPE, name, content, subject=None, evidence={})

    async def _count(self, ordered: Sequence[tuple[RefusedCall, int]]) -> None:
        day = business_date(self._clock.now()).isoformat()
        cells: Counter[tuple[str, ...]] = Counter()
        for call, times in ordered:
            cells[day, _named(call), call.caller.role.value, call.wanted, call.code] += times
        # In one order, so that two processes never wait for each other.
        rows = [("/".join(cell), *cell, times) for cell, times in sorted(cells.items())]
        await self._database.execute_many(_COUNT, rows)

    async def told(self, from_day: str, to_day: str) -> list[RefusedCell]:
        """Those of these days in China, the most frequent first, `MOST_TOLD` at the most."""
        rows = await self._database.fetch(_TOLD, from_day, to_day, MOST_TOLD)
        return [RefusedCell(*(row[name] for name in RefusedCell._fields)) for row in rows]

    def _own(self, call: RefusedCall, times: int) -> ChainedRecord:
        """A citizen's own record, in the form of any other access."""
        content = {
            "request_id": "",
            "consent_id": "",
            "recipient": call.caller.id,
            "requested_by": call.caller.id,
            "purpose": "",
            "agency": "",
            "action" if call.wanted == ACTION else "dataset": "",
            **self._content(call, times),
        }
        return ChainedRecord(RECORD_TYPE, f"{RECORD_TYPE}:{self._ids()}", content, call.caller.id, {})

    def _content(self, call: RefusedCall, times: int) -> dict[str, Any]:
        named = _named(call)
        return {
            "type": "huilian-refused-call/v1",
            "caller": named,
            "caller_role": call.caller.role.value,
            "wanted": call.wanted,
            "outcome": f"REFUSED:{call.code}",
            "refused_by": HUB,
            "times": times,
            "at": format_time(self._clock.now()),
            "parties": [named] if named else [],
        }


def _is_citizen(call: RefusedCall) -> bool:
    return call.caller.role is Role.CITIZEN


def _named(call: RefusedCall) -> str:
    """Who it was, as far as others than the caller may be told."""
    return "" if _is_citizen(call) else call.caller.id


def _order(item: tuple[RefusedCall, int]) -> tuple[str, ...]:
    call, _ = item
    return (call.caller.id, call.caller.role.value, call.wanted, call.code)
