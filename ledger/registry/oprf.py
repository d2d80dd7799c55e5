"""Oblivious pseudorandom function of RFC 9497: ciphersuite P256-SHA256, modes OPRF and VOPRF.

Whoever evaluates learns neither input nor output; whoever asks learns the output and nothing of the key. In mode VOPRF
the evaluation comes with a proof (DLEQ) that the pinned key made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce

from ledger.registry import p256
from ledger.registry.p256 import ORDER, EccPoint

RandomBytes = Callable[[int], bytes]
PROOF_BYTES = 2 * p256.SCALAR_BYTES


class Mode(IntEnum):
    """RFC 9497 section 3."""

    OPRF = 0
    VOPRF = 1


class InvalidProof(ValueError):
    """The evaluation was not made with the key that is pinned."""


@dataclass(frozen=True, slots=True)
class Blinded:
    """One input, hidden: `element` goes to the evaluator, `blind` stays here."""

    data: bytes
    blind: int
    element: EccPoint


def derive_key(seed: bytes, info: bytes, mode: Mode) -> int:
    """DeriveKeyPair of section 3.2.1: the secret scalar of a 32-byte seed."""
    message = seed + len(info).to_bytes(2) + info
    for counter in range(256):
        secret = p256.hash_to_scalar(message + bytes([counter]), b"DeriveKeyPair" + _context(mode))
        if secret:
            return secret
    raise ValueError("no key comes of this seed")


def random_scalar(random_bytes: RandomBytes) -> int:
    """A scalar from 1 to the order less 1, uniformly."""
    while True:
        value = int.from_bytes(random_bytes(p256.SCALAR_BYTES))
        if 0 < value < ORDER:
            return value


def blind(data: bytes, scalar: int, mode: Mode) -> Blinded:
    """Hide an input by a random scalar."""
    return Blinded(data, scalar, p256.hash_to_element(data, b"HashToGroup-" + _context(mode)) * scalar)


def evaluate(secret: int, elements: Sequence[EccPoint]) -> list[EccPoint]:
    """The evaluator's part, without proof."""
    return [element * secret for element in elements]


def finalize(blinded: Blinded, evaluated: EccPoint) -> bytes:
    """The output of an input, 32 bytes, of its evaluated element. Inputs have at most 65,535 bytes."""
    unblinded = p256.encode_element(evaluated * pow(blinded.blind, -1, ORDER))
    return hashlib.sha256(_prefixed(blinded.data) + _prefixed(unblinded) + b"Finalize").digest()


def prove(
    secret: int, elements: Sequence[EccPoint], evaluated: Sequence[EccPoint], scalar: int, mode: Mode = Mode.VOPRF
) -> bytes:
    """GenerateProof of section 2.2.1: that `evaluated` are `elements` times the secret; `scalar` is random."""
    public = p256.base() * secret
    weights = _weights(public, elements, evaluated, mode)
    combined = _sum(elements, weights)
    challenge = _challenge(public, combined, combined * secret, p256.base() * scalar, combined * scalar, mode)
    return p256.encode_scalar(challenge) + p256.encode_scalar((scalar - challenge * secret) % ORDER)


def check(
    public: EccPoint,
    elements: Sequence[EccPoint],
    evaluated: Sequence[EccPoint],
    proof: bytes,
    mode: Mode = Mode.VOPRF,
) -> None:
    """VerifyProof of section 2.2.2. Raises `InvalidProof`."""
    if len(elements) != len(evaluated) or not elements or len(proof) != PROOF_BYTES:
        raise InvalidProof("not a proof for as many elements")
    try:
        challenge, answer = p256.decode_scalar(proof[:32]), p256.decode_scalar(proof[32:])
    except ValueError as error:
        raise InvalidProof(str(error)) from error
    weights = _weights(public, elements, evaluated, mode)
    combined, results = _sum(elements, weights), _sum(evaluated, weights)
    try:
        first = p256.base() * answer + public * challenge
        expected = _challenge(public, combined, results, first, combined * answer + results * challenge, mode)
    except ValueError as error:
        raise InvalidProof(str(error)) from error
    if expected != challenge:
        raise InvalidProof("the proof does not verify")


def _weights(public: EccPoint, elements: Sequence[EccPoint], evaluated: Sequence[EccPoint], mode: Mode) -> list[int]:
    """ComputeComposites of section 2.2.1: so that one proof covers all elements."""
    key = p256.encode_element(public)
    seed = hashlib.sha256(_prefixed(key) + _prefixed(b"Seed-" + _context(mode))).digest()
    weights = []
    for index, (element, result) in enumerate(zip(elements, evaluated, strict=True)):
        pair = _prefixed(p256.encode_element(element)) + _prefixed(p256.encode_element(result))
        transcript = _prefixed(seed) + index.to_bytes(2) + pair + b"Composite"
        weights.append(p256.hash_to_scalar(transcript, b"HashToScalar-" + _context(mode)))
    return weights


def _challenge(
    public: EccPoint, combined: EccPoint, results: EccPoint, first: EccPoint, second: EccPoint, mode: Mode
) -> int:
    encoded = (_prefixed(p256.encode_element(point)) for point in (public, combined, results, first, second))
    return p256.hash_to_scalar(b"".join(encoded) + b"Challenge", b"HashToScalar-" + _context(mode))


def _sum(points: Sequence[EccPoint], weights: Sequence[int]) -> EccPoint:
    return reduce(lambda left, right: left + right, (p * w for p, w in zip(points, weights, strict=True)))


def _context(mode: Mode) -> bytes:
    return b"OPRFV1-" + bytes([mode]) + b"-P256-SHA256"


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data
