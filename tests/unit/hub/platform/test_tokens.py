"""Access tokens: what they say, when they end, whose they are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.clock import FixedClock
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import sign_jws, thumbprint

from hub.platform import tokens
from hub.platform.callers import Caller, Role
from hub.platform.ids import Ids
from hub.platform.tokens import TokenIssuer, TokenVerifier

ORIGIN = "hub.example"
KEY = ec.derive_private_key(7, ec.SECP256R1())
KID = thumbprint(KEY.public_key())
CITIZEN = Caller("net-1", Role.CITIZEN)


@pytest.fixture
def issuer(clock: FixedClock, ids: Ids) -> TokenIssuer:
    return TokenIssuer(lambda: KEY, ORIGIN, clock, ids)


@pytest.fixture
def verifier(clock: FixedClock) -> TokenVerifier:
    return TokenVerifier({KID: KEY.public_key()}, ORIGIN, clock)


def test_a_token_says_who_until_it_ends(issuer: TokenIssuer, verifier: TokenVerifier, clock: FixedClock) -> None:
    token, expires = issuer.issue(CITIZEN, "thumb")
    read = verifier.verify(token)
    assert (read.caller, read.token_id, read.certificate) == (CITIZEN, "id-00000001", "thumb")
    assert read.expires_at == expires == clock.now() + timedelta(minutes=15)
    clock.advance(timedelta(minutes=15) - timedelta(seconds=1))
    assert verifier.verify(token) is read, "remembered, not verified again"
    clock.advance(timedelta(seconds=1))
    for _ in range(2):
        with pytest.raises(HuilianError, match="TOKEN_EXPIRED"):
            verifier.verify(token)


def test_tokens_of_others_are_refused(
    issuer: TokenIssuer, verifier: TokenVerifier, clock: FixedClock, ids: Ids
) -> None:
    other_key = ec.derive_private_key(8, ec.SECP256R1())
    foreign = TokenIssuer(lambda: other_key, ORIGIN, clock, ids).issue(CITIZEN)[0]
    elsewhere = TokenIssuer(lambda: KEY, "other.example", clock, ids).issue(CITIZEN)[0]
    another_use = sign_jws(KEY, {"sub": "net-1"}, "huilian-binding+jwt", KID)
    no_role = sign_jws(KEY, {"aud": ORIGIN, "iss": ORIGIN, "sub": "x", "exp": 1, "jti": "j"}, tokens.TYP, KID)
    strange_role = sign_jws(
        KEY, {"aud": ORIGIN, "iss": ORIGIN, "sub": "x", "exp": 1, "jti": "j", "role": "root"}, tokens.TYP, KID
    )
    good = issuer.issue(CITIZEN)[0]
    changed = good[:-2] + ("AA" if good[-2:] != "AA" else "BB")
    for token in (foreign, elsewhere, another_use, no_role, strange_role, changed, "", "a.b.c"):
        with pytest.raises(HuilianError, match="UNAUTHENTICATED"):
            verifier.verify(token)


def test_the_cache_is_bounded(issuer: TokenIssuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CACHE_SIZE", 2)
    for _ in range(5):
        assert verifier.verify(issuer.issue(CITIZEN)[0]).caller == CITIZEN
    assert len(verifier._verified) == 2
