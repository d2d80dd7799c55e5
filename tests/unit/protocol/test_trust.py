"""Trust anchors read strictly from their file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import keys_to_jwks, thumbprint
from huilian_protocol.sealing import SealingKey, Suite, generate_keypair
from huilian_protocol.trust import TrustAnchors

from tests.unit.protocol.world import HUB, STRANGER, TRUST, trust_dict

SEALING = SealingKey(Suite.X25519, generate_keypair(Suite.X25519).public)
AGENCY = {"sealing_keys": [SEALING.to_dict()], "signing_keys": keys_to_jwks([STRANGER.public_key()])}


def _code(check: Callable[[], None]) -> str:
    with pytest.raises(HuilianError) as caught:
        check()
    return caught.value.code


def test_the_keys_of_agencies_are_pinned_one_by_one() -> None:
    pinned = TrustAnchors.from_dict(trust_dict() | {"agencies": {"tax": AGENCY}})
    other, kid = SealingKey(Suite.X25519, bytes(32)), thumbprint(STRANGER.public_key())
    pinned.check_agency_key("tax", SEALING)
    pinned.check_agency_signing_key("tax", kid)
    assert _code(lambda: pinned.check_agency_key("tax", other)) == "KEY_NOT_PINNED"
    assert _code(lambda: pinned.check_agency_key("housing_fund", SEALING)) == "KEY_NOT_PINNED"
    assert _code(lambda: pinned.check_agency_signing_key("tax", "other")) == "KEY_NOT_PINNED"
    assert _code(lambda: pinned.check_agency_signing_key("housing_fund", kid)) == "KEY_NOT_PINNED"


def test_an_older_file_pins_no_agency_and_still_loads() -> None:
    assert (TRUST.agencies, TRUST.identity_authority_sealing_keys) == ({}, ())
    TRUST.check_agency_key("tax", SEALING)
    TRUST.check_authority_key(SEALING)


def test_a_trust_file_loads(tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text(json.dumps(trust_dict()), "utf-8")
    assert TrustAnchors.load(tmp_path / "trust.json") == TRUST


def test_hub_keys_are_found_by_kid() -> None:
    kid = thumbprint(HUB.public_key())
    assert TRUST.hub_signing_keys() == {kid: HUB.public_key()}
    assert TRUST.hub_of_key(kid) == TRUST.hubs[0]
    assert TRUST.hub_of_key(thumbprint(STRANGER.public_key())) is None


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"rp_id": ""},
        {"hubs": [{}]},
        {"hubs": "x"},
        {"hubs": [{**trust_dict()["hubs"][0], "chain_address": "0x12"}]},
        {"chain": {"chain_id": 0, "contract": "0x" + "ab" * 20}},
        {"chain": {"chain_id": 1, "contract": "ab" * 20}},
        {"identity_authority_keys": {"keys": [{"kty": "EC"}]}},
        {"agencies": []},
        {"agencies": {"Tax Bureau": AGENCY}},
        {"agencies": {"tax": {**AGENCY, "extra": 1}}},
        {"agencies": {"tax": {**AGENCY, "sealing_keys": [{"suite": "rot13", "public_key": "AAAA"}]}}},
        {"agencies": {"tax": {**AGENCY, "sealing_keys": [{"suite": "x25519", "public_key": "AAAA"}]}}},
        {"agencies": {"tax": {**AGENCY, "signing_keys": {"keys": [{"kty": "EC"}]}}}},
        {"identity_authority_sealing_keys": {"suite": "x25519"}},
        {"identity_authority_keys": keys_to_jwks([HUB.public_key()])["keys"]},
    ],
)
def test_odd_trust_files_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        TrustAnchors.from_dict(trust_dict() | change)


def test_every_key_of_the_file_is_needed() -> None:
    for name in trust_dict():
        with pytest.raises(ValueError, match=name):
            TrustAnchors.from_dict({key: value for key, value in trust_dict().items() if key != name})
