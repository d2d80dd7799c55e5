"""Sealed envelopes open for the named recipient and use only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from huilian_protocol import sealing
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import Suite, generate_keypair, open_sealed, payload_info, public_key_of, seal
from hypothesis import given, settings
from hypothesis import strategies as st

INFO = payload_info(
    consent_sha256=bytes(32), purpose="p", dataset="d/v1", fields=["b", "a"], recipient="r", request_id="req-00000001"
)
PAIRS = {suite: generate_keypair(suite) for suite in Suite}


def refused(envelope: bytes, private: bytes, info: dict[str, Any] = INFO) -> None:
    with pytest.raises(HuilianError) as caught:
        open_sealed(envelope, private, info)
    assert caught.value.code == "SEALED_DATA_INVALID"


@given(suite=st.sampled_from(Suite), plaintext=st.binary(max_size=2000))
@settings(max_examples=40)
def test_what_is_sealed_opens(suite: Suite, plaintext: bytes) -> None:
    envelope = seal(suite, PAIRS[suite].public, INFO, plaintext)
    assert open_sealed(envelope, PAIRS[suite].private, INFO) == plaintext
    assert canonicalise(json.loads(envelope)) == envelope


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("name", INFO)
def test_every_part_of_the_use_is_bound(suite: Suite, name: str) -> None:
    envelope = seal(suite, PAIRS[suite].public, INFO, b"secret")
    refused(envelope, PAIRS[suite].private, INFO | {name: "other"})
    refused(envelope, PAIRS[suite].private, {key: value for key, value in INFO.items() if key != name})


@pytest.mark.parametrize("suite", Suite)
def test_another_key_does_not_open(suite: Suite) -> None:
    envelope = seal(suite, PAIRS[suite].public, INFO, b"secret")
    refused(envelope, generate_keypair(suite).private)


@given(suite=st.sampled_from(Suite), data=st.data())
@settings(max_examples=60)
def test_no_byte_of_an_envelope_can_be_changed(suite: Suite, data: st.DataObject) -> None:
    envelope = bytearray(seal(suite, PAIRS[suite].public, INFO, b"secret"))
    envelope[data.draw(st.integers(0, len(envelope) - 1))] ^= data.draw(st.integers(1, 255))
    refused(bytes(envelope), PAIRS[suite].private)


@pytest.mark.parametrize(
    "changes",
    [
        {"suite": "sm9"},
        {"suite": "sm"},
        {"suite": "x25519"},
        {"type": "huilian-sealed/v2"},
        {"key_id": "AA"},
        {"ciphertext": ""},
        {"ciphertext": 1},
        {"extra": 1},
    ],
)
def test_odd_envelopes_are_refused(changes: dict[str, Any]) -> None:
    value = json.loads(seal(Suite.XWING, PAIRS[Suite.XWING].public, INFO, b"secret"))
    refused(canonicalise(value | changes), PAIRS[Suite.XWING].private)


@pytest.mark.parametrize("envelope", [b"", b"{}", b"[]", b"\xff", b"x" * (sealing.MAX_ENVELOPE_BYTES + 1)])
def test_what_is_no_envelope_is_refused(envelope: bytes) -> None:
    refused(envelope, PAIRS[Suite.XWING].private)


def test_a_cut_ciphertext_is_refused() -> None:
    value = json.loads(seal(Suite.X25519, PAIRS[Suite.X25519].public, INFO, b"secret"))
    value["ciphertext"] = b64u_encode(b64u_decode(value["ciphertext"])[:-1])
    refused(canonicalise(value), PAIRS[Suite.X25519].private)


def test_the_xwing_public_key_of_the_draft() -> None:
    """draft-connolly-cfrg-xwing-kem, appendix C, first vector (the first 32 bytes of the public key)."""
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    public = public_key_of(Suite.XWING, seed)
    assert public[:32].hex() == "e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5"
    assert len(public) == 1216


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("public", [b"", bytes(31), bytes(1217)])
def test_a_public_key_that_does_not_fit_is_refused(suite: Suite, public: bytes) -> None:
    with pytest.raises(ValueError):
        seal(suite, public, INFO, b"secret")


def test_fields_are_sorted_in_the_use() -> None:
    assert INFO["fields"] == ["a", "b"]
