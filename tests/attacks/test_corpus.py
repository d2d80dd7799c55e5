"""Every attack of the corpus is stopped, and by the rule that names it."""

from __future__ import annotations

import pytest

from tests.attacks.case import Case
from tests.attacks.corpus import corpus
from tests.attacks.deeds import blocker
from tests.unit.hub.lending.world import LendingWorld

CASES = corpus()
LEAST = 250


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(CASES) >= LEAST
    assert len({case.name for case in CASES}) == len(CASES), "each case has a name of its own"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_it_is_blocked_by_the_rule_that_names_it(world: LendingWorld, case: Case) -> None:
    assert await blocker(world, case.deed) == case.blocked_by
    await world.check_books()
