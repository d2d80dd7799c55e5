"""The OPRF against RFC 9497 appendix A.3, and what it must refuse."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.registry import oprf, p256
from ledger.registry.oprf import InvalidProof, Mode

RFC = json.loads((Path(__file__).parents[2] / "golden/registry/rfc9497_p256_sha256.json").read_text())
CASES = [(mode, vector) for mode in Mode for vector in RFC[mode.name]["vectors"]]


def _points(values: list[str]) -> list[p256.EccPoint]:
    return [p256.decode_element(bytes.fromhex(value)) for value in values]


@pytest.mark.parametrize("mode", Mode)
def test_keys_of_the_rfc(mode: Mode) -> None:
    secret = oprf.derive_key(bytes.fromhex(RFC["seed"]), bytes.fromhex(RFC["key_info"]), mode)
    assert p256.encode_scalar(secret).hex() == RFC[mode.name]["secret"]
    if mode is Mode.VOPRF:
        assert p256.encode_element(p256.base() * secret).hex() == RFC["VOPRF"]["public"]


@pytest.mark.parametrize(("mode", "vector"), CASES)
def test_evaluations_of_the_rfc(mode: Mode, vector: dict[str, Any]) -> None:
    secret = int(RFC[mode.name]["secret"], 16)
    pairs = zip(vector["inputs"], vector["blinds"], strict=True)
    blinded = [oprf.blind(bytes.fromhex(data), int(scalar, 16), mode) for data, scalar in pairs]
    assert [p256.encode_element(one.element).hex() for one in blinded] == vector["blinded"]
    evaluated = oprf.evaluate(secret, [one.element for one in blinded])
    assert [p256.encode_element(point).hex() for point in evaluated] == vector["evaluated"]
    outputs = [oprf.finalize(one, point).hex() for one, point in zip(blinded, evaluated, strict=True)]
    assert outputs == vector["outputs"]


@pytest.mark.parametrize("vector", RFC["VOPRF"]["vectors"])
def test_proofs_of_the_rfc(vector: dict[str, Any]) -> None:
    secret, elements, evaluated = (
        int(RFC["VOPRF"]["secret"], 16),
        *map(_points, (vector["blinded"], vector["evaluated"])),
    )
    assert oprf.prove(secret, elements, evaluated, int(vector["proof_scalar"], 16)).hex() == vector["proof"]
    oprf.check(p256.base() * secret, elements, evaluated, bytes.fromhex(vector["proof"]))


def test_another_key_another_element_and_a_damaged_proof_are_refused() -> None:
    secret, other = (oprf.random_scalar(os.urandom) for _ in range(2))
    elements = [oprf.blind(bytes([n]), oprf.random_scalar(os.urandom), Mode.VOPRF).element for n in range(3)]
    evaluated, public = oprf.evaluate(secret, elements), p256.base() * secret
    proof = oprf.prove(secret, elements, evaluated, oprf.random_scalar(os.urandom))
    oprf.check(public, elements, evaluated, proof)
    wrong = oprf.evaluate(other, elements)
    mixed = [*evaluated[:2], wrong[2]]
    for arguments in (
        (p256.base() * other, elements, evaluated, proof),
        (public, elements, mixed, proof),
        (public, elements, evaluated[::-1], proof),
        (public, elements[:2], evaluated, proof),
        (public, [], [], proof),
        (public, elements, mixed, oprf.prove(secret, elements, mixed, 5)),
        (public, elements, wrong, oprf.prove(other, elements, wrong, 5)),
        (public, elements, evaluated, b""),
        (public, elements, evaluated, bytes(64)),
        (public, elements, evaluated, b"\xff" * 64),
    ):
        with pytest.raises(InvalidProof):
            oprf.check(*arguments)


@given(st.integers(0, 63), st.integers(1, 255))
@settings(max_examples=30, deadline=None)
def test_no_byte_of_a_proof_can_be_changed(at: int, difference: int) -> None:
    vector = RFC["VOPRF"]["vectors"][2]
    proof = bytearray.fromhex(vector["proof"])
    proof[at] ^= difference
    public = p256.decode_element(bytes.fromhex(RFC["VOPRF"]["public"]))
    with pytest.raises(InvalidProof):
        oprf.check(public, _points(vector["blinded"]), _points(vector["evaluated"]), bytes(proof))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(33),
        b"\x04" + bytes(32),
        b"\x02" + b"\xff" * 32,
        b"\x02" + (7).to_bytes(32)[:31],
        b"\x02" + bytes(31) + b"\x01",
    ],
)
def test_what_is_no_element_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        p256.decode_element(data)


def test_the_identity_has_no_encoding() -> None:
    with pytest.raises(ValueError, match="identity"):
        p256.encode_element(p256.base() * p256.ORDER)


@pytest.mark.parametrize("data", [b"", bytes(31), p256.ORDER.to_bytes(32), b"\xff" * 32])
def test_what_is_no_scalar_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        p256.decode_scalar(data)


@given(data=st.binary(max_size=200), first=st.integers(1, p256.ORDER - 1), second=st.integers(1, p256.ORDER - 1))
@settings(max_examples=20, deadline=None)
def test_the_output_does_not_depend_on_the_blind(data: bytes, first: int, second: int) -> None:
    outputs = set()
    for scalar in (first, second):
        one = oprf.blind(data, scalar, Mode.VOPRF)
        outputs.add(oprf.finalize(one, oprf.evaluate(12345, [one.element])[0]))
    assert len(outputs) == 1
