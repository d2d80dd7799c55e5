"""Random lives of applications for accounts, and what must hold after every act. Also for the soak campaign."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError

from connectors.kit.sandbox_companies import drawn_companies
from hub.onboarding.opening_data import DocumentKind, opening_data
from hub.onboarding.opening_rules import Finding
from hub.onboarding.opening_states import OpeningState
from hub.onboarding.ports import RegistryStatus
from hub.onboarding.store import OpeningDocumentRow, OpeningRow, VisitRow
from hub.platform.business_day import business_date
from hub.platform.store import SubjectKey
from tests.support.breaking import Broken
from tests.unit.hub.onboarding.opening_world import OF_LEGAL_PERSON, OPERATOR, OpeningWorld
from tests.unit.hub.onboarding.test_onboarding import GOOD

S, K = OpeningState, DocumentKind
STEPS_OF_TWO = 30
ENTERPRISES = list(drawn_companies())[:40]
ENTRIES = [
    *[GOOD] * 6,
    None,
    replace(GOOD, status=RegistryStatus.ABNORMAL),
    replace(GOOD, name="别的公司"),
    replace(GOOD, business_scope="典当"),
]


LIKELY = {
    S.DRAFT: ["upload", "submit", "submit"],
    S.NEEDS_CORRECTION: ["upload", "submit", "submit"],
    S.REFERRED: ["review"],
    S.PASSED: ["book"],
    S.INCOMPLETE: ["book"],
    S.BOOKED: ["tick", "tick", "tick", "complete", "complete", "miss", "miss", "cancel", "book"],
}


class History:
    """Random acts on the applications of enterprises, two at a time."""

    def __init__(self, world: OpeningWorld, clock: FixedClock, seed: int) -> None:
        self.world, self.clock, self.rng = world, clock, random.Random(seed)
        self.done: Counter[str] = Counter()
        self._numbers = dict.fromkeys(ENTERPRISES, 1)
        self._steps = 0

    async def step(self) -> None:
        """One act, refused or not, and perhaps cut off at one of its statements."""
        await self._act(may_break=True)

    async def round(self, hands: int) -> None:
        """So many acts at once."""
        await asyncio.gather(*(asyncio.create_task(self._act(may_break=False)) for _ in range(hands)))

    async def _act(self, *, may_break: bool) -> None:
        first = self._steps // STEPS_OF_TWO
        self._steps += 1
        uscc = self.rng.choice(ENTERPRISES[first : first + 2])
        acts = self._acts(uscc)
        self.world.registry.entry = self.rng.choice(ENTRIES)
        name = self.rng.choice(list(acts) if self.rng.random() < 0.3 else await self._likely(uscc))
        act = acts[name]
        if may_break and self.rng.random() < 0.15:
            self._cut_off()
        try:
            await act()
            self.done[name] += 1
        except (HuilianError, Broken):
            self.done["refused"] += 1
        finally:
            if may_break:
                self.world.database.on_statement = None

    def _current(self, uscc: str) -> str:
        return self._id(uscc, self._numbers[uscc])

    @staticmethod
    def _id(uscc: str, number: int) -> str:
        return f"opening-{ENTERPRISES.index(uscc):02d}-{number}"

    async def _likely(self, uscc: str) -> list[str]:
        """What somebody would do next who means to open an account."""
        row = await OpeningRow.get_or_none(application_id=self._current(uscc))
        return LIKELY.get(S(row.state), ["start"]) if row is not None else ["start"]

    def _acts(self, uscc: str) -> dict[str, Callable[[], Awaitable[object]]]:
        world, rng = self.world, self.rng
        current = self._current(uscc)
        account = f"62{rng.randrange(10**9):010d}"
        own = {"application_id": current, "uscc": uscc}
        day = business_date(self.clock.now()) + timedelta(days=rng.randrange(4))

        async def begin() -> None:
            await world.start(self._id(uscc, self._numbers[uscc] + 1), uscc=uscc)
            self._numbers[uscc] += 1

        async def upload_all() -> None:
            for kind in OF_LEGAL_PERSON:
                await world.upload(kind, **own)  # type: ignore[arg-type]

        async def tick() -> None:
            self.clock.advance(timedelta(hours=rng.choice([5, 24, 24, 24 * 100 if rng.random() < 0.05 else 30])))

        finding = rng.choice([None, Finding("BUSINESS_NOT_PLAUSIBLE"), Finding("DOCUMENT_UNREADABLE", K.ARTICLES)])
        return {
            "start": begin,
            "upload": upload_all,
            "replace": lambda: world.upload(rng.choice(OF_LEGAL_PERSON), **own),  # type: ignore[arg-type]
            "submit": lambda: world.submit(current, uscc=uscc),
            "book": lambda: world.book(
                rng.choice(["09:00", "10:00"]), branch=rng.choice(["SB01", "SB02"]), day=day, **own
            ),
            "cancel": lambda: world.run(lambda: world.visits.cancel(uscc, current)),
            "complete": lambda: world.complete(current, account),
            "miss": lambda: world.run(lambda: world.visits.miss(OPERATOR, current, [Finding("APPLICANT_ABSENT")])),
            "review": lambda: world.run(lambda: world.reviews.review(OPERATOR, current, finding)),
            "withdraw": lambda: world.run(lambda: world.openings.withdraw(uscc, current)),
            "clear": world.openings.clear_away,
            "tick": tick,
        }

    def _cut_off(self) -> None:
        left = self.rng.randint(1, 12)

        def listener(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Broken

        self.world.database.on_statement = listener


async def check(world: OpeningWorld) -> None:
    """What must hold after every act."""
    rows = await OpeningRow.all()
    going_on = [row.uscc for row in rows if not S(row.state).over]
    assert len(going_on) == len(set(going_on)), "two applications of one enterprise go on"
    visits = {visit.application_id: visit for visit in await VisitRow.all()}
    assert set(visits) == {row.application_id for row in rows if row.state == S.BOOKED}
    places = Counter((visit.branch_code, visit.day, visit.slot) for visit in visits.values())
    assert all(taken <= opening_data().branches[branch].slots[slot] for (branch, _, slot), taken in places.items())
    destroyed = {key.subject for key in await SubjectKey.all() if key.destroyed_at is not None}
    contents = {document.application_id for document in await OpeningDocumentRow.exclude(content=None)}
    for row in rows:
        state = S(row.state)
        assert (row.account_number is not None) == (row.opened_at is not None) == (state is S.OPENED)
        assert (f"opening:{row.application_id}" in destroyed) == (row.destroyed_at is not None)
        assert row.application_id not in contents or row.destroyed_at is None
        assert row.destroyed_at is not None or state not in (S.WITHDRAWN, S.EXPIRED)
        if state is S.REFERRED:
            assert row.result_at is None and row.due_at is not None
        elif row.submissions and state not in (S.WITHDRAWN, S.EXPIRED):
            assert row.result_at is not None and row.uploaded_at is not None and row.due_at is not None
        if state in (S.PASSED, S.BOOKED, S.OPENED):
            assert row.submissions and {code for code, _ in row.reasons} <= {"APPLICANT_ABSENT"}
