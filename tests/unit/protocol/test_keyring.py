"""Key rings: one step at a time, seen by every process, whole after every crash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huilian_protocol.keyring import MAX_KEYS, RingFile, RingState
from huilian_protocol.sealing import Suite


def _nothing(_: int) -> None:
    return None


def test_a_ring_that_never_changed_has_one_key_and_no_file(tmp_path: Path) -> None:
    state = RingFile(tmp_path / "a.ring").read()
    assert (state, state.order(), state.has_next) == (RingState(0, (Suite.XWING,)), (0,), False)
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_announced_then_used_then_retired_and_others_see_it(tmp_path: Path) -> None:
    ring, other, made = RingFile(tmp_path / "a.ring"), RingFile(tmp_path / "a.ring"), list[int]()
    orders = []
    for _ in range(4):
        ring.advance(Suite.X25519, made.append)
        assert other.read() == ring.read() == RingFile(tmp_path / "a.ring").read()
        orders.append(other.read().order())
    assert orders == [(0, 1), (1, 0), (1, 2, 0), (2, 1, 0)]
    assert made == [1, 2], "a key is made when it is announced, and once"
    assert other.read().suites == (Suite.XWING, Suite.X25519, Suite.X25519)


def test_a_ring_can_begin_with_another_suite(tmp_path: Path) -> None:
    ring = RingFile(tmp_path / "a.ring")
    ring.begin(Suite.X25519)
    assert ring.read() == RingState(0, (Suite.X25519,))


def test_a_key_that_could_not_be_made_is_not_announced(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise OSError("disk full")

    ring = RingFile(tmp_path / "a.ring")
    with pytest.raises(OSError, match="disk full"):
        ring.advance(Suite.XWING, fail)
    assert ring.read().order() == (0,)
    ring.advance(Suite.XWING, _nothing)
    assert ring.read().order() == (0, 1)


def test_commands_at_the_same_time_take_their_turns(tmp_path: Path) -> None:
    rings = [RingFile(tmp_path / "a.ring") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda ring: ring.advance(Suite.XWING, _nothing), rings))
    assert rings[0].read().order() == (4, 3, 2, 1, 0)


def test_a_ring_is_not_endless(tmp_path: Path) -> None:
    ring = RingFile(tmp_path / "a.ring")
    for _ in range(2 * (MAX_KEYS - 1)):
        ring.advance(Suite.XWING, _nothing)
    with pytest.raises(ValueError, match="full"):
        ring.advance(Suite.XWING, _nothing)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"current": 0}',
        '{"current": 1, "suites": ["xwing"]}',
        '{"current": 0, "suites": ["rot13"]}',
        '{"current": 0, "suites": ["xwing", "xwing", "xwing"]}',
    ],
)
def test_a_damaged_ring_is_not_guessed_at(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ring").write_text(text)
    with pytest.raises(ValueError):
        RingFile(tmp_path / "a.ring").read()
