"""Which of the statements that a recipient's root signed ahead the hub puts into a consent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import FixedClock
from huilian_protocol.recipient_keys import HANDOVER, MAX_DAYS, sign_statement
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair

from hub.recipients import Statements

BANK, FIRST, LIFE = "bank.lending", datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=MAX_DAYS)
ROOT, KEY = ec.generate_private_key(ec.SECP256R1()), SealingKey(Suite.X25519, generate_keypair(Suite.X25519).public)


def signed(start: datetime, recipient: str = BANK) -> str:
    return sign_statement(ROOT, recipient, [KEY], start, start + LIFE)


def test_the_newest_that_counts_now_and_none_where_none_does(tmp_path: Path) -> None:
    path, clock = tmp_path / "statements.json", FixedClock(FIRST)
    second = FIRST + LIFE - HANDOVER
    january, february, march = signed(FIRST), signed(second), signed(second + LIFE)
    path.write_text(json.dumps({BANK: [february, january]}))
    statements = Statements(path, clock)
    assert (statements(BANK), statements("bank.convenience")) == (january, "")
    clock.advance(second - FIRST - timedelta(seconds=1))
    assert statements(BANK) == january
    clock.advance(timedelta(seconds=1))
    assert statements(BANK) == february, "while both count"
    clock.advance(LIFE)
    assert statements(BANK) == ""
    path.write_text(json.dumps({BANK: [february, march]}))
    assert statements(BANK) == march
    path.write_text("{")
    assert statements(BANK) == march, "a damaged file leaves what there was"


@pytest.mark.parametrize(
    "value", [[], {BANK: signed(FIRST)}, {BANK: ["e30.e30.e30"]}, {BANK: [1]}, {BANK: [signed(FIRST, "bank.other")]}]
)
def test_what_is_wrong_is_said_at_the_start(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "statements.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError):
        Statements(path, FixedClock(FIRST))
