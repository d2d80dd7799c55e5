"""Whatever applicants, operators, registry and clock do in any order, applications stay what their table allows."""

from __future__ import annotations

import pytest
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.onboarding.opening_data import DocumentKind
from hub.onboarding.opening_states import TRANSITIONS, OpeningEvent, OpeningState, next_state
from hub.platform.database import Database
from tests.support.databases import ON_SQLITE
from tests.unit.hub.onboarding.opening_history import ENTERPRISES, STEPS_OF_TWO, History, check
from tests.unit.hub.onboarding.opening_world import OpeningWorld

pytestmark = ON_SQLITE

S, K = OpeningState, DocumentKind
SEED, STEPS = 8, 240


@given(st.lists(st.sampled_from(OpeningEvent), max_size=30))
def test_the_table_of_states(events: list[OpeningEvent]) -> None:
    state = S.DRAFT
    for event in events:
        if (state, event) not in TRANSITIONS:
            with pytest.raises(HuilianError, match="STATE_CONFLICT"):
                next_state(state, event)
            continue
        before, state = state, next_state(state, event)
        assert not before.over
        # An account is opened only at a visit, which is booked only after a check has passed or a visit was missed.
        assert state is not S.OPENED or before is S.BOOKED
        assert state is not S.BOOKED or before in (S.PASSED, S.INCOMPLETE, S.BOOKED)
        assert state is not S.EXPIRED or before is not S.REFERRED


def test_every_state_is_reached_and_what_is_over_stays_over() -> None:
    reached = {after for _, after in TRANSITIONS.items()} | {S.DRAFT}
    assert reached == set(S)
    assert not [state for state, _ in TRANSITIONS if state.over]


async def test_no_history_breaks_an_application(database: Database, clock: FixedClock) -> None:
    world = OpeningWorld(database, clock)
    for uscc in ENTERPRISES[: STEPS // STEPS_OF_TWO + 1]:
        await world.verified(uscc)
    history = History(world, clock, SEED)
    for _ in range(STEPS):
        await history.step()
        await check(world)
    # The histories reached what they are about.
    assert history.done.keys() >= {
        "start",
        "upload",
        "submit",
        "book",
        "cancel",
        "miss",
        "complete",
        "review",
        "refused",
    }, history.done
