"""What is loaded is walked never again, and new garbage goes as before."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from huilian_protocol.collecting import YOUNG, spare_what_is_loaded


class Node:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def usual_collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_a_full_collection_walks_only_what_came_later(usual_collector: None) -> None:
    before = len(gc.get_objects())
    spare_what_is_loaded()
    assert gc.get_freeze_count() > before / 2 and len(gc.get_objects()) < before / 10
    assert gc.get_threshold()[0] == YOUNG
    node = Node()
    gone = weakref.ref(node)
    del node
    gc.collect()
    assert gone() is None
