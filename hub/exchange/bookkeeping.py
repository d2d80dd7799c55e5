"""One transaction for a group of reads: admissions and settlements that come at the same time share it.

Lock, load, decide each, store. All locks are taken first and in one order, so that groups of several hub processes wait
for each other and never for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from huilian_protocol.errors import HuilianError

from hub.consent.service import ConsentService
from hub.exchange.access import AccessLog
from hub.exchange.admission import Admission, Ticket
from hub.exchange.books import Answered, Books, Item, Wanted
from hub.exchange.rules import RECORD_TYPE
from hub.exchange.settlement import Delivery, Settlement
from hub.exchange.store import ExchangeStore, Phase
from hub.platform.database import Database
from hub.platform.group_commit import GroupCommit
from hub.platform.ids import Ids


class Bookkeeping:
    """The exchange's only way to its books."""

    def __init__(
        self,
        database: Database,
        ids: Ids,
        store: ExchangeStore,
        consents: ConsentService,
        access_log: AccessLog,
        admission: Admission,
        settlement: Settlement,
        under_way: Callable[[], int],
    ) -> None:
        """`under_way` is how many reads there are between their beginning and their end."""
        self._database, self._ids, self._store = database, ids, store
        self._consents, self._access_log = consents, access_log
        self._admission, self._settlement = admission, settlement
        self._group: GroupCommit[Item, Ticket | Delivery | HuilianError] = GroupCommit(
            database, self._apply, under_way=under_way
        )

    async def admit(self, wanted: Wanted) -> Ticket | Delivery:
        """Leave to ask the edge, or the answer that is known already; raises as `Admission.admit`."""
        return _raised(await self._group.run(wanted))

    async def settle(self, returned: Item) -> Delivery:
        """How a read that went out has ended; raises its refusal."""
        settled = _raised(await self._group.run(returned))
        assert isinstance(settled, Delivery), "a read that was settled was delivered or refused"
        return settled

    async def _apply(self, items: Sequence[Item]) -> Sequence[Ticket | Delivery | HuilianError]:
        await self._database.lock_all(_locks(items))
        books = await self._open(items)
        outcomes = [self._decide(books, item) for item in items]
        await self._close(books)
        return outcomes

    def _decide(self, books: Books, item: Item) -> Ticket | Delivery | HuilianError:
        """The outcome of one item. An error is an outcome: it is raised before anything was noted, or was noted."""
        try:
            if isinstance(item, Wanted):
                return self._admission.admit(books, item)
            if isinstance(item, Answered):
                return self._settlement.deliver(books, item)
            return self._settlement.fail(books, item)
        except HuilianError as error:
            return error

    async def _open(self, items: Sequence[Item]) -> Books:
        wanted = [item for item in items if isinstance(item, Wanted)]
        sealed = {(item.consent_id, item.offer.connector.agency) for item in wanted if item.offer is not None}
        reads = await self._store.reads({item.row_id for item in items})
        failed = {row.consent_id for row in reads.values() if row.phase is Phase.FAILED}
        return Books(
            consents=await self._consents.find_all({item.consent_id for item in items}),
            sealed_subjects=await self._consents.sealed_subjects(sealed),
            reads=reads,
            reading=await self._store.reading(failed),
            used=await self._store.used({key for item in items for key in item.quotas}),
            new_record_ids=self._record_ids(),
        )

    async def _close(self, books: Books) -> None:
        await self._store.put_reads(books.changed.values())
        await self._store.count({key: change for key, change in books.counted.items() if change})
        used_up = books.used_up()
        if used_up:
            # Reads under way hold quota that they may give back.
            running = books.still_running(await self._store.running(used_up))
            await self._consents.exhaust_all([consent_id for consent_id in used_up if consent_id not in running])
        await self._access_log.write(books.records)

    def _record_ids(self) -> Iterator[str]:
        while True:
            yield f"{RECORD_TYPE}:{self._ids()}"


def _locks(items: Sequence[Item]) -> Iterator[tuple[str, ...]]:
    for item in items:
        yield ("exchange-read", item.row_id)
        yield ("consent", item.consent_id)
        for key in item.quotas:
            yield ("exchange-quota", key)


def _raised(outcome: Ticket | Delivery | HuilianError) -> Ticket | Delivery:
    if isinstance(outcome, HuilianError):
        raise outcome
    return outcome
