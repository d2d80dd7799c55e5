"""A log that showed two histories is convicted by one file; an honest log cannot be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from huilian_protocol.canonical import canonicalise
from huilian_protocol.trust import TrustAnchors

from ledger.merkle.checkpoint import LogSigner
from ledger.merkle.frontier import Frontier
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.tiles import MemoryTileStore
from ledger.merkle.tree import append_leaves, prove_inclusion
from ledger.verify import Verdict, verify_bytes
from ledger.verify.equivocation import Branch, build_equivocation
from tests.unit.protocol import world

SIGNER = LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
STRANGER = LogSigner("hub.example/log", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))


def _trust() -> TrustAnchors:
    value = world.trust_dict()
    value["hubs"][0]["log_vkey"] = SIGNER.verifier.vkey()
    return TrustAnchors.from_dict(value)


class View:
    """One history that the log shows."""

    def __init__(self, *leaves: bytes) -> None:
        self.leaves = [leaf_hash(leaf) for leaf in leaves]
        self.store, self.frontier = MemoryTileStore(), Frontier()

    async def grown(self) -> View:
        """Build the tree."""
        await append_leaves(self.store, self.frontier, self.leaves)
        return self

    def note(self, signer: LogSigner = SIGNER) -> str:
        """Sign the view."""
        return signer.sign(self.frontier.size, self.frontier.root())

    async def branch(self, index: int) -> Branch:
        """Prove the leaf at an index."""
        return Branch(self.leaves[index], tuple(await prove_inclusion(self.store, index, self.frontier.size)))


async def _views() -> tuple[View, View, View]:
    one = await View(b"a", b"b", b"c").grown()
    same_size = await View(b"a", b"x", b"c").grown()
    longer = await View(b"a", b"x", b"c", b"d", b"e").grown()
    return one, same_size, longer


def _check(data: bytes) -> Verdict:
    return verify_bytes(data, _trust(), datetime(2026, 3, 2, tzinfo=UTC))


def _reason(data: bytes) -> str:
    verdict = _check(data)
    assert not verdict.ok
    return "; ".join(check.reason for check in verdict.checks if not check.ok)


async def test_two_roots_of_one_size_convict() -> None:
    one, other, _ = await _views()
    verdict = _check(build_equivocation("hub.example/log", one.note(), other.note()))
    assert (verdict.kind, verdict.ok) == ("equivocation", True)
    assert verdict.checks[-1].reason == "two roots for size 3"


async def test_two_leaves_at_one_place_convict_over_different_sizes() -> None:
    one, _, longer = await _views()
    fork = (1, await one.branch(1), await longer.branch(1))
    verdict = _check(build_equivocation("hub.example/log", one.note(), longer.note(), fork))
    assert verdict.ok
    assert verdict.checks[-1].reason == "two leaves at index 1"


async def test_an_honest_log_cannot_be_accused() -> None:
    one, other, longer = await _views()
    honest = await View(b"a", b"b", b"c", b"d").grown()
    build, log = build_equivocation, "hub.example/log"
    assert "agree" in _reason(build(log, one.note(), one.note()))
    assert "need the place" in _reason(build(log, one.note(), honest.note()))
    same = (1, await one.branch(1), await honest.branch(1))
    assert "same leaf" in _reason(build(log, one.note(), honest.note(), same))
    moved = (1, await one.branch(1), await honest.branch(2))
    assert "another root" in _reason(build(log, one.note(), honest.note(), moved))
    assert "signature" in _reason(build(log, one.note(), other.note(STRANGER)))
    assert "no key of the log" in _reason(build("elsewhere", one.note(), other.note()))
    invented = (1, await one.branch(1), await longer.branch(1))
    assert "longer than the path" in _reason(build(log, one.note(), honest.note(), invented))


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"first": 5},
        {"fork": {"index": -1}},
        {"fork": {"index": 0, "first": {}, "second": {}}},
        {"fork": {"index": 0, "first": {"leaf_hash": "", "proof": [7]}, "second": {"leaf_hash": "", "proof": []}}},
    ],
)
async def test_malformed_files_are_refused(change: dict[str, Any]) -> None:
    one, other, _ = await _views()
    value = json.loads(build_equivocation("hub.example/log", one.note(), other.note()))
    assert _reason(canonicalise(value | change))
    assert _reason(json.dumps(value, indent=1).encode())
