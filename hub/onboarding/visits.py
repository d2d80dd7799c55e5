"""Visits: the one at which an account is opened. A place of a branch at a time is one visit's, whoever asks at once.

Each use case runs inside the caller's transaction. Locks: application, then place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from huilian_protocol.errors import HuilianError

from hub.onboarding import opening_rules as rules
from hub.onboarding import stored_openings as stored
from hub.onboarding.opening_data import Branch
from hub.onboarding.opening_files import OpeningFiles
from hub.onboarding.opening_rules import Finding
from hub.onboarding.opening_states import OpeningEvent, OpeningState, next_state
from hub.onboarding.ports import RegistryEntry
from hub.onboarding.stored_openings import Opening, Visit
from hub.platform.business_day import business_date

_E, _S = OpeningEvent, OpeningState


@dataclass(frozen=True, slots=True)
class Wish:
    """When somebody would come, and where."""

    branch_code: str
    day: date
    slot: str


class Visits:
    """Booking as the applicant does it, and what an operator says of the visit."""

    def __init__(self, files: OpeningFiles) -> None:
        self._files = files

    async def free(self, day: date) -> list[tuple[Branch, dict[str, int]]]:
        """Every branch with what is free at which time of a day. Raises INVALID_ARGUMENT for a day out of reach."""
        data, now = self._files.data, self._files.now()
        rules.check_day(data, now, day)
        found = []
        for branch in data.branches.values():
            taken = [slot for slot, _ in await stored.taken_places(branch.branch_code, day)]
            room = {slot: rules.places(data, branch, day, slot, now) for slot in branch.slots}
            free = {slot: max(0, most - taken.count(slot)) for slot, most in room.items() if most}
            found.append((branch, free))
        return found

    async def book(self, uscc: str, application_id: str, wish: Wish) -> Opening:
        """Book the visit, or move it.

        Raises NOT_FOUND (no such application or branch), STATE_CONFLICT (not passed; FULL), INVALID_ARGUMENT (no visits
        then).
        """
        opening = await self._files.locked(uscc, application_id)
        next_state(opening.state, _E.BOOK)
        await self._files.database.lock("opening-place", wish.branch_code, wish.day.isoformat(), wish.slot)
        # Its own place is given back first: a visit can be moved within what would otherwise be full.
        await stored.put_visit(application_id, None)
        visit = Visit(wish.branch_code, wish.day, wish.slot, await self._free_place(wish))
        await stored.put_visit(application_id, visit)
        return await stored.move(opening, _E.BOOK, self._files.now(), visit=visit)

    async def cancel(self, uscc: str, application_id: str) -> Opening:
        """Give the place back. Raises NOT_FOUND, STATE_CONFLICT."""
        opening = await self._files.locked(uscc, application_id)
        cancelled = await stored.move(opening, _E.CANCEL, self._files.now(), visit=None)
        await stored.put_visit(application_id, None)
        return cancelled

    async def complete(
        self, operator: str, application_id: str, account_number: str, entry: RegistryEntry | None
    ) -> Opening:
        """The originals were seen: the account is open, unless the registry has changed its mind since the check.

        Raises NOT_FOUND, STATE_CONFLICT (not booked, or for a day to come), ALREADY_EXISTS (the account number).
        """
        opening = await self._visiting(application_id)
        today = business_date(self._files.now())
        against = rules.examine_standing(self._files.data, entry, opening.name, today)
        against = [finding for finding in against if finding.code not in opening.accepted]
        await stored.put_visit(application_id, None)
        if against:
            stopped = await self._files.conclude(opening, against, visit=None)
            await self._files.records.add("stopped", stopped, {"operator": operator})
            return stopped
        return await self._open(operator, opening, account_number)

    async def miss(self, operator: str, application_id: str, missing: Sequence[Finding]) -> Opening:
        """Something was missing at the visit; another one can be booked.

        Raises NOT_FOUND, STATE_CONFLICT (not booked, or for a day to come).
        """
        opening = await self._visiting(application_id)
        await stored.put_visit(application_id, None)
        missed = await stored.move(opening, _E.MISS, self._files.now(), visit=None, reasons=tuple(missing))
        await self._files.records.add("missed", missed, {"operator": operator})
        return missed

    async def _open(self, operator: str, opening: Opening, account_number: str) -> Opening:
        await self._files.database.lock("opening-account", account_number)
        if await stored.is_account(account_number):
            raise HuilianError("ALREADY_EXISTS", resource="account number")
        now = self._files.now()
        opened = await stored.move(
            opening, _E.OPEN, now, account_number=account_number, opened_at=now, visit=None, reasons=()
        )
        await self._files.records.add("opened", opened, {"operator": operator})
        return opened

    async def _free_place(self, wish: Wish) -> int:
        data, now = self._files.data, self._files.now()
        branch = data.branches.get(wish.branch_code)
        if branch is None:
            raise HuilianError("NOT_FOUND", resource="branch")
        rules.check_day(data, now, wish.day)
        most = rules.places(data, branch, wish.day, wish.slot, now)
        if not most:
            raise HuilianError("INVALID_ARGUMENT", "no visits at that time", field="slot")
        taken = {place for _, place in await stored.taken_places(wish.branch_code, wish.day, wish.slot)}
        free = [place for place in range(1, most + 1) if place not in taken]
        if not free:
            raise HuilianError("STATE_CONFLICT", "every place at that time is taken", state="FULL")
        return free[0]

    async def _visiting(self, application_id: str) -> Opening:
        opening = await self._files.locked(None, application_id)
        if opening.state is not _S.BOOKED or opening.visit is None:
            raise HuilianError("STATE_CONFLICT", "no visit is booked", state=opening.state)
        if opening.visit.day > business_date(self._files.now()):
            raise HuilianError("STATE_CONFLICT", "the visit is still to come", state=opening.state)
        return opening
