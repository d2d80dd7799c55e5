"""Client assertions: short-lived, for one audience, by the client's own key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from huilian_protocol.client_assertion import TYP, claimed_client_id, sign_client_assertion, verify_client_assertion
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwks_to_keys, keys_to_jwks, sign_jws, thumbprint

from tests.unit.protocol.world import BUYER_USCC, HUB, NOW, STRANGER

AUDIENCE = "hub.huilian.example"
KEYS = jwks_to_keys(keys_to_jwks([HUB.public_key()]))
USUAL = {"client_id": BUYER_USCC, "audience": AUDIENCE, "now": NOW, "jti": "jti-00000001"}
CLAIMS = {"aud": AUDIENCE, "exp": int(NOW.timestamp()) + 60, "iat": int(NOW.timestamp())}
CLAIMS |= {"iss": BUYER_USCC, "jti": "jti-00000001", "sub": BUYER_USCC}


def refused(token: str, now: Any = NOW, audience: str = AUDIENCE) -> str:
    with pytest.raises(HuilianError) as caught:
        verify_client_assertion(token, KEYS, audience, now)
    assert caught.value.code == "UNAUTHENTICATED"
    return caught.value.detail


def with_claims(**changes: Any) -> str:
    return sign_jws(HUB, CLAIMS | changes, TYP, thumbprint(HUB.public_key()))


def test_an_assertion_reads_back() -> None:
    token = sign_client_assertion(HUB, **USUAL)
    assertion = verify_client_assertion(token, KEYS, AUDIENCE, NOW)
    assert (assertion.client_id, assertion.jti) == (BUYER_USCC, "jti-00000001")
    assert assertion.expires_at == NOW + timedelta(minutes=2)
    assert claimed_client_id(token) == BUYER_USCC


def test_another_key_audience_or_time_is_refused() -> None:
    assert "unknown key" in refused(sign_client_assertion(STRANGER, **USUAL))
    token = sign_client_assertion(HUB, **USUAL)
    assert "audience" in refused(token, audience="other.example")
    assert "expired" in refused(token, now=NOW + timedelta(minutes=2))
    assert "future" in refused(token, now=NOW - timedelta(seconds=61))


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "other"},
        {"jti": ""},
        {"jti": "short"},
        {"exp": CLAIMS["iat"] + 301},
        {"exp": "x"},
        {"extra": 1},
        {"iss": 1, "sub": 1},
        {"exp": 2**50, "iat": 2**50},
    ],
)
def test_odd_claims_are_refused(changes: dict[str, Any]) -> None:
    refused(with_claims(**changes))


@pytest.mark.parametrize("token", ["", "a.b.c", "..", "x" * 20_000, "e30.e30.e30"])
def test_what_is_no_assertion_names_no_client(token: str) -> None:
    with pytest.raises(HuilianError) as caught:
        claimed_client_id(token)
    assert caught.value.code == "UNAUTHENTICATED"


@pytest.mark.parametrize("name", ["", "a\x00b", "a b", "公司", "x" * 65])
def test_a_name_that_no_client_has_is_no_client(name: str) -> None:
    token = sign_jws(HUB, {**CLAIMS, "iss": name, "sub": name}, TYP, thumbprint(HUB.public_key()))
    with pytest.raises(HuilianError, match="UNAUTHENTICATED"):
        claimed_client_id(token)
