"""An edge's signed count: what was signed is read back, and anything else is the provider's fault."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from huilian_protocol.answer_count import (
    AnswerCount,
    CountedAction,
    CountedAnswer,
    read_answer_count,
    sign_answer_count,
    verify_answer_count,
)
from huilian_protocol.canonical import b64u_decode, parse_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol import world

KEYS = {thumbprint(world.STRANGER.public_key()): world.STRANGER.public_key()}
names, times = (
    st.text("abc/_-", min_size=1, max_size=20),
    st.integers(0, 10**6).map(lambda seconds: world.NOW + timedelta(seconds=seconds)),
)
answers = st.lists(st.builds(CountedAnswer, names, names, times), max_size=4).map(tuple)
outcomes = st.sampled_from(["EXECUTED", "REJECTED"])
actions = st.lists(st.builds(CountedAction, names, names, outcomes, times), max_size=4).map(tuple)


@given(st.builds(AnswerCount, names, names, times, answers, actions))
def test_what_was_signed_is_read_back(count: AnswerCount) -> None:
    token = sign_answer_count(world.STRANGER, count)
    assert verify_answer_count(token, KEYS) == count
    assert (b"actions" in b64u_decode(token.split(".")[1])) == bool(count.actions)


def claims() -> dict[str, Any]:
    done = CountedAction("req-00000002", "traffic_police.pay_fine/v1", "EXECUTED", world.NOW)
    count = AnswerCount("traffic_police", "consent-00000001", world.NOW, (), (done,))
    made: dict[str, Any] = parse_canonical(b64u_decode(sign_answer_count(world.STRANGER, count).split(".")[1]))
    return made


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": 2},
        {"count": True},
        {"actions": []},
        {"actions": None},
        {"actions": [{}]},
        {"actions": [{**claims()["actions"][0], "outcome": "STARTED"}]},
        {"actions": [{**claims()["actions"][0], "amount_fen": 1}]},
        {"as_of": "yesterday"},
        {"more": 1},
    ],
)
def test_odd_claims_are_refused(change: dict[str, Any]) -> None:
    assert read_answer_count(claims()).actions[0].outcome == "EXECUTED"
    with pytest.raises(HuilianError) as refusal:
        read_answer_count({**claims(), **change})
    assert refusal.value.code == "PROVIDER_FAULT"
