"""Collections: what is to be done about a receivable that its buyer leaves unpaid, each step once and recorded.

Steps are data (`dunning.json`). A process that was down takes up every step that fell due meanwhile; two processes at
once raise none twice. What an operator did about a step is a note on it, for good.
"""

from __future__ import annotations

from datetime import date

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.collections import stored
from hub.lending.collections.dunning import DunningStep, load_steps, steps_due
from hub.lending.collections.stored import CollectionEvent, Overdue
from hub.lending.loans import stored as stored_loans
from hub.lending.ports import Receivables
from hub.lending.records import Records
from hub.lending.rounds import each
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.paging import Page


class CollectionsDesk:
    """`run` opens its own transactions, the rest runs in the caller's."""

    def __init__(self, database: Database, clock: Clock, records: Records, receivables: Receivables) -> None:
        self._database = database
        self._clock = clock
        self._records = records
        self._receivables = receivables
        self._steps = load_steps()

    async def run(self) -> None:
        """Raises every step that is due, one transaction each."""
        today = business_date(self._clock.now())
        async with self._database.transaction():
            overdue = await stored.overdue_receivables()
            taken = await stored.steps_taken([item.receivable_id for item in overdue])
        due = [
            (item, step)
            for item in overdue
            for step in steps_due(self._steps, (today - item.since).days)
            if _event_id(item, step) not in taken
        ]

        async def raise_step(one: tuple[Overdue, DunningStep]) -> None:
            await self._raise(*one, today)

        await each(due, raise_step, lambda one: _event_id(*one))

    async def resolve(self, operator: str, event_id: str, note: str) -> CollectionEvent:
        """Writes down how a step ended. Raises NOT_FOUND, STATE_CONFLICT (resolved before)."""
        if await stored.find(event_id) is None:
            raise HuilianError("NOT_FOUND", resource="collection event")
        if not await stored.resolve(event_id, operator, note, self._clock.now()):
            raise HuilianError("STATE_CONFLICT", "it is resolved already", state="RESOLVED")
        resolved = await stored.find(event_id)
        if resolved is None:
            raise AssertionError("an event is never deleted")
        await self._note("resolved", resolved)
        return resolved

    async def page_of(self, receivable_id: str, size: int, token: str) -> Page[CollectionEvent]:
        """Events of one receivable, of all for an empty id, newest first. Raises INVALID_ARGUMENT."""
        return await stored.page_of_events(receivable_id, size, token)

    def step(self, name: str) -> DunningStep:
        """What a step says. Raises KeyError for one that is not in force."""
        return {step.step: step for step in self._steps}[name]

    async def _raise(self, item: Overdue, step: DunningStep, today: date) -> None:
        event = CollectionEvent(
            event_id=_event_id(item, step),
            receivable_id=item.receivable_id,
            buyer_uscc=item.buyer_uscc,
            step=step.step,
            days_overdue=(today - item.since).days,
            raised_on=today,
            resolved_at=None,
            resolved_by="",
            note="",
        )
        async with self._database.transaction():
            await self._database.lock("collection", event.event_id)
            if await stored.add(event, self._clock.now()):
                await self._note("raised", event)

    async def _note(self, done: str, event: CollectionEvent) -> None:
        owed_to = (await self._receivables.get_receivable(event.receivable_id)).supplier_uscc
        held = await self._receivables.holders_of(event.receivable_id)
        others = {*held.values(), *await stored_loans.funders_on(held)} - {event.buyer_uscc, owed_to}
        await self._records.collection(done, event, owed_to, sorted(others))


def _event_id(item: Overdue, step: DunningStep) -> str:
    return f"{item.receivable_id}:{step.step}"
