"""The claim key shared among evaluators: any `threshold` of them can evaluate, fewer learn nothing (Shamir over P-256).

Each evaluator multiplies a blinded element by its share and proves it against its pinned public share; the partial
results are combined by Lagrange interpolation in the exponent. The *group* is public and pinned by every hub. A refresh
gives every evaluator a new share of the same key: shares of different generations do not fit together, so what an
intruder took before is worth nothing afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.strict import integer_at, list_at, object_with, text_at

from ledger.registry import oprf, p256
from ledger.registry.oprf import RandomBytes
from ledger.registry.p256 import ORDER, EccPoint

GROUP_TYPE, SHARE_TYPE = "huilian-claim-group/v1", "huilian-claim-share/v1"
MAX_EVALUATORS, MAX_EPOCHS, MAX_NUMBER = 64, 8, 1_000_000


@dataclass(frozen=True, slots=True)
class Evaluator:
    """One holder of a share, by its hub's origin, and the public counterpart of its share."""

    index: int
    origin: str
    public: EccPoint


@dataclass(frozen=True, slots=True)
class Group:
    """The public side of one epoch's key: who holds shares and how many must answer."""

    epoch: int
    generation: int
    threshold: int
    public: EccPoint
    evaluators: tuple[Evaluator, ...]

    def __post_init__(self) -> None:
        """Raises ValueError unless every public share lies on one polynomial that gives the public key."""
        indices = [evaluator.index for evaluator in self.evaluators]
        if not 1 <= self.threshold <= len(indices) or len(set(indices)) != len(indices) or 0 in indices:
            raise ValueError("a group has distinct evaluators, at least as many as its threshold")
        first = {one.index: one.public for one in self.evaluators[: self.threshold]}
        rest = {one.index: one.public for one in self.evaluators[self.threshold :]}
        for at, public in {0: self.public, **rest}.items():
            if combine(first, at) != public:
                raise ValueError("the public shares do not belong to one key")

    def evaluator(self, origin: str) -> Evaluator | None:
        """The evaluator at this hub."""
        return next((one for one in self.evaluators if one.origin == origin), None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form within a group file."""
        return {
            "epoch": self.epoch,
            "evaluators": [
                {"index": one.index, "origin": one.origin, "public_key": _text(one.public)} for one in self.evaluators
            ],
            "generation": self.generation,
            "public_key": _text(self.public),
            "threshold": self.threshold,
        }

    @staticmethod
    def from_dict(raw: Any) -> Group:
        """Read the JSON form. Raises ValueError."""
        value = object_with(raw, ["epoch", "evaluators", "generation", "public_key", "threshold"], "group")
        return Group(
            epoch=integer_at(value, "epoch", 1, MAX_NUMBER),
            generation=integer_at(value, "generation", 0, MAX_NUMBER),
            threshold=integer_at(value, "threshold", 1, MAX_EVALUATORS),
            public=_point(value["public_key"]),
            evaluators=tuple(_evaluator(item) for item in list_at(value, "evaluators", MAX_EVALUATORS, least=1)),
        )


@dataclass(frozen=True, slots=True)
class Share:
    """One evaluator's secret share of one epoch and generation."""

    epoch: int
    generation: int
    origin: str
    secret: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON form of a share file."""
        secret = b64u_encode(p256.encode_scalar(self.secret))
        return {
            "epoch": self.epoch,
            "generation": self.generation,
            "origin": self.origin,
            "secret": secret,
            "type": SHARE_TYPE,
        }

    @staticmethod
    def from_dict(raw: Any) -> Share:
        """Read the JSON form. Raises ValueError."""
        value = object_with(raw, ["epoch", "generation", "origin", "secret", "type"], "share")
        if value["type"] != SHARE_TYPE:
            raise ValueError("not a share of a claim key")
        secret = p256.decode_scalar(b64u_decode(text_at(value, "secret")))
        if not secret:
            raise ValueError("a share is not 0")
        epoch, generation = integer_at(value, "epoch", 1, MAX_NUMBER), integer_at(value, "generation", 0, MAX_NUMBER)
        return Share(epoch, generation, text_at(value, "origin"), secret)


def parse_groups(raw: Any) -> tuple[Group, ...]:
    """The groups of a group file by ascending epoch, each once. Raises ValueError."""
    value = object_with(raw, ["groups", "type"], "group file")
    groups = tuple(Group.from_dict(item) for item in list_at(value, "groups", MAX_EPOCHS, least=1))
    epochs = [group.epoch for group in groups]
    if value["type"] != GROUP_TYPE or sorted(set(epochs)) != epochs:
        raise ValueError("a group file lists groups by ascending epoch, each once")
    return groups


def group_file(groups: Sequence[Group]) -> dict[str, Any]:
    """The JSON form of a group file."""
    return {"groups": [group.to_dict() for group in groups], "type": GROUP_TYPE}


def deal(epoch: int, threshold: int, origins: Sequence[str], random_bytes: RandomBytes) -> tuple[Group, list[Share]]:
    """A fresh key in shares for these hubs. Whoever runs this knows the key until it forgets it: see the ceremony."""
    return _deal(epoch, 0, threshold, origins, oprf.random_scalar(random_bytes), random_bytes)


def refresh(group: Group, shares: Sequence[Share], random_bytes: RandomBytes) -> tuple[Group, list[Share]]:
    """New shares of the same key from at least `threshold` shares of the present generation.

    Raises ValueError for too few shares or shares that are not this group's.
    """
    secret = recover(group, shares)
    origins = [one.origin for one in group.evaluators]
    return _deal(group.epoch, group.generation + 1, group.threshold, origins, secret, random_bytes)


def recover(group: Group, shares: Sequence[Share]) -> int:
    """The key itself; raises ValueError as `refresh`."""
    values: dict[int, int] = {}
    for share in shares:
        evaluator = group.evaluator(share.origin)
        fits = (share.epoch, share.generation) == (group.epoch, group.generation)
        if evaluator is None or not fits or p256.base() * share.secret != evaluator.public:
            raise ValueError(f"the share of {share.origin} is not of this group")
        values[evaluator.index] = share.secret
    if len(values) < group.threshold:
        raise ValueError(f"{group.threshold} shares are needed, {len(values)} are here")
    chosen = dict(list(values.items())[: group.threshold])
    return sum(share * lagrange(at, list(chosen)) for at, share in chosen.items()) % ORDER


def combine(partial: Mapping[int, EccPoint], at: int = 0) -> EccPoint:
    """Interpolate partial results by evaluators' indices; at 0 that is the result under the whole key."""
    indices = list(partial)
    terms = (point * lagrange(index, indices, at) for index, point in partial.items())
    return reduce(lambda left, right: left + right, terms)


def lagrange(index: int, indices: Sequence[int], at: int = 0) -> int:
    """The Lagrange coefficient of one index among these at a place, modulo the order."""
    numerator = denominator = 1
    for other in indices:
        if other != index:
            numerator = numerator * (at - other) % ORDER
            denominator = denominator * (index - other) % ORDER
    return numerator * pow(denominator, -1, ORDER) % ORDER


def _deal(
    epoch: int, generation: int, threshold: int, origins: Sequence[str], secret: int, random_bytes: RandomBytes
) -> tuple[Group, list[Share]]:
    if not 1 <= threshold <= len(origins) <= MAX_EVALUATORS or len(set(origins)) != len(origins):
        raise ValueError("a threshold is between 1 and the number of distinct evaluators")
    polynomial = [secret, *(oprf.random_scalar(random_bytes) for _ in range(threshold - 1))]
    values = {index: _value(polynomial, index) for index in range(1, len(origins) + 1)}
    named = list(zip(values.items(), origins, strict=True))
    evaluators = tuple(Evaluator(index, origin, p256.base() * value) for (index, value), origin in named)
    group = Group(epoch, generation, threshold, p256.base() * secret, evaluators)
    return group, [Share(epoch, generation, origin, value) for (_, value), origin in named]


def _value(polynomial: Sequence[int], at: int) -> int:
    return reduce(lambda total, coefficient: (total * at + coefficient) % ORDER, reversed(polynomial), 0)


def _evaluator(raw: Any) -> Evaluator:
    value = object_with(raw, ["index", "origin", "public_key"], "evaluator")
    return Evaluator(
        integer_at(value, "index", 1, MAX_EVALUATORS), text_at(value, "origin"), _point(value["public_key"])
    )


def _text(point: EccPoint) -> str:
    return b64u_encode(p256.encode_element(point))


def _point(raw: Any) -> EccPoint:
    if not isinstance(raw, str):
        raise ValueError("a public key is base64url text")
    return p256.decode_element(b64u_decode(raw))
