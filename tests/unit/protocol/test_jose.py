"""Tokens and keys: only ES256, only the named use, only canonical spellings."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import (
    jwk_to_public_key,
    jwks_to_keys,
    keys_to_jwks,
    public_key_to_jwk,
    sign_jws,
    thumbprint,
    verify_jws,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol.world import HUB, STRANGER, key

TYP = "test+jwt"
KEYS = jwks_to_keys(keys_to_jwks([HUB.public_key()]))
KID = thumbprint(HUB.public_key())
TOKEN = sign_jws(HUB, {"n": 1, "名": "值"}, TYP, KID)


def refused(token: str, typ: str = TYP) -> str:
    with pytest.raises(HuilianError) as caught:
        verify_jws(token, KEYS, typ, code="BINDING_INVALID")
    assert caught.value.code == "BINDING_INVALID"
    return caught.value.detail


def with_header(**changes: Any) -> str:
    """A token that is signed as it should be, under another header."""
    header = {"alg": "ES256", "kid": KID, "typ": TYP} | changes
    signed = b64u_encode(canonicalise({name: value for name, value in header.items() if value is not None}))
    return signed + "." + TOKEN.split(".")[1] + "." + TOKEN.split(".")[2]


def test_a_token_reads_back_here_and_in_another_library() -> None:
    assert verify_jws(TOKEN, KEYS, TYP) == {"n": 1, "名": "值"}
    assert jwt.decode(TOKEN, HUB.public_key(), algorithms=["ES256"]) == {"n": 1, "名": "值"}


@given(st.integers(0, len(TOKEN) - 1), st.characters(max_codepoint=0x2FF))
def test_no_character_can_be_changed(index: int, character: str) -> None:
    altered = TOKEN[:index] + character + TOKEN[index + 1 :]
    if altered != TOKEN:
        refused(altered)


def test_signing_the_same_gives_the_same_token() -> None:
    assert sign_jws(HUB, {"n": 1, "名": "值"}, TYP, KID) == TOKEN


def test_a_token_for_another_use_is_refused() -> None:
    assert "use" in refused(TOKEN, "other+jwt")


@pytest.mark.parametrize(
    "changes",
    [{"alg": "none"}, {"alg": "HS256"}, {"typ": "other+jwt"}, {"kid": "x"}, {"kid": 1}, {"typ": None}, {"crit": ["x"]}],
)
def test_other_headers_are_refused(changes: dict[str, Any]) -> None:
    refused(with_header(**changes))


def test_a_stranger_under_a_known_kid_is_refused() -> None:
    refused(sign_jws(STRANGER, {"n": 1}, TYP, KID))


def test_an_unknown_key_is_refused() -> None:
    assert refused(sign_jws(STRANGER, {"n": 1}, TYP, thumbprint(STRANGER.public_key()))) == f"{TYP}: unknown key"


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "a.b", "x" * 20_000, TOKEN + ".", TOKEN + "=", " " + TOKEN])
def test_what_is_no_token_is_refused(token: str) -> None:
    refused(token)


def test_payload_must_be_a_canonical_object() -> None:
    for payload in (b'{"b":1,"a":2}', b"[1]", b"1"):
        signed = jwt.api_jws.PyJWS().encode(payload, HUB, "ES256", headers={"kid": KID, "typ": TYP}, sort_headers=True)
        refused(signed)


def test_the_jwk_and_thumbprint_agree_with_another_library() -> None:
    jwk = public_key_to_jwk(HUB.public_key())
    theirs = json.loads(jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).to_jwk(HUB.public_key()))
    assert jwk == {name: theirs[name] for name in jwk}
    assert jwk_to_public_key(jwk) == HUB.public_key()
    assert len(b64u_decode(KID)) == 32


@pytest.mark.parametrize(
    "changes",
    [{"kty": "RSA"}, {"crv": "P-384"}, {"x": "AA"}, {"x": 1}, {"y": b64u_encode(bytes(32))}, {"x": "=" * 43}],
)
def test_odd_keys_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        jwk_to_public_key(public_key_to_jwk(HUB.public_key()) | changes)


def test_only_p256_has_a_jwk() -> None:
    with pytest.raises(ValueError):
        public_key_to_jwk(key(5, ec.SECP256K1()).public_key())


def test_a_key_set_names_its_keys_by_thumbprint() -> None:
    jwks = keys_to_jwks([HUB.public_key(), STRANGER.public_key()])
    assert set(jwks_to_keys(jwks)) == {KID, thumbprint(STRANGER.public_key())}
    jwks["keys"][0]["kid"] = jwks["keys"][1]["kid"]
    with pytest.raises(ValueError, match="thumbprint"):
        jwks_to_keys(jwks)
