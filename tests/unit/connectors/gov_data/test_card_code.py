"""The code of the electronic social-security card: checked offline, good for a moment, nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from connectors.gov_data.social_insurance.card_code import ACTIVE, CODE_LIFE, check_card, issue_card
from connectors.kit.sandbox_people import DEMO_BORROWER, DEMO_NO_ACCOUNT
from tests.unit.connectors.gov_data.agencies import NOW, read

KEY = Ed25519PrivateKey.generate()
PRIVATE, PUBLIC = KEY.private_bytes_raw().hex(), KEY.public_key().public_bytes_raw().hex()
CODE = issue_card(PRIVATE, "serial-1", ACTIVE, NOW)


def test_a_code_is_good_until_its_life_is_over() -> None:
    card = check_card(CODE, PUBLIC, NOW)
    assert (card.serial, card.status, card.valid_until) == ("serial-1", ACTIVE, NOW + CODE_LIFE)
    check_card(CODE, PUBLIC, NOW + CODE_LIFE - timedelta(seconds=1))
    for moment in (NOW + CODE_LIFE, NOW + timedelta(days=1), NOW - timedelta(seconds=1)):
        with pytest.raises(ValueError, match="not of this moment"):
            check_card(CODE, PUBLIC, moment)


def test_nobody_else_can_make_one() -> None:
    other = Ed25519PrivateKey.generate().private_bytes_raw().hex()
    with pytest.raises(ValueError, match="not signed by the administration"):
        check_card(issue_card(other, "serial-1", ACTIVE, NOW), PUBLIC, NOW)


@given(st.integers(0, len(CODE) - 1), st.characters(codec="ascii"))
def test_any_change_is_found(place: int, letter: str) -> None:
    changed = CODE[:place] + letter + CODE[place + 1 :]
    if changed != CODE:
        with pytest.raises(ValueError):
            check_card(changed, PUBLIC, NOW)


async def test_the_card_names_nobody() -> None:
    record = await read("connectors.gov_data.social_insurance", "social_insurance.card/v1", DEMO_BORROWER)
    text = str(record.data)
    assert DEMO_BORROWER.resident_id not in text and DEMO_BORROWER.name not in text
    assert record.data["card_status"] == ACTIVE


async def test_who_was_never_insured_has_no_card() -> None:
    record = await read("connectors.gov_data.social_insurance", "social_insurance.card/v1", DEMO_NO_ACCOUNT)
    assert record.presence.value == "no_account"
