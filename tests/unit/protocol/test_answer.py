"""The edge's signature on an answer: bound to the request, the consent, the fields and the envelope."""

from __future__ import annotations

from typing import Any

import pytest
from huilian_protocol.answer import sign_answer, verify_answer
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwks_to_keys, keys_to_jwks

from tests.unit.protocol.world import HUB, STRANGER

ANSWER: dict[str, Any] = {
    "request_id": "req-00000001",
    "consent_sha256": bytes(32),
    "dataset": "tax.income/v1",
    "fields": ["b", "a"],
    "envelope": b"sealed",
}
KEYS = jwks_to_keys(keys_to_jwks([HUB.public_key()]))
TOKEN = sign_answer(HUB, **ANSWER)


def refused(token: str, **changes: Any) -> None:
    with pytest.raises(HuilianError) as caught:
        verify_answer(token, KEYS, **(ANSWER | changes))
    assert caught.value.code == "PROVIDER_FAULT"


def test_an_answer_verifies_in_any_order_of_fields() -> None:
    verify_answer(TOKEN, KEYS, **ANSWER)
    verify_answer(TOKEN, KEYS, **(ANSWER | {"fields": ["a", "b"]}))


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": "req-00000002"},
        {"consent_sha256": b"\x01" * 32},
        {"dataset": "tax.income/v2"},
        {"fields": ["a"]},
        {"envelope": b"other"},
    ],
)
def test_every_part_is_signed(change: dict[str, Any]) -> None:
    refused(TOKEN, **change)


def test_another_edge_is_refused() -> None:
    refused(sign_answer(STRANGER, **ANSWER))
    refused("a.b.c")
