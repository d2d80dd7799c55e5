"""Verification of inclusion and consistency proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2).

Trees of size 0 are refused on purpose: an inclusion in one is impossible, and a consistency proof from one says
nothing, so accepting it would let an empty proof pass for evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ledger.merkle.hashing import HASH_SIZE, NODE_PREFIX, node_hash

# A 64-bit size bounds every proof; anything larger is an attempt to make us work.
_MAX_SIZE = 1 << 64


class InvalidProof(Exception):
    """The proof does not show what it claims; the text says why."""


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf at `index` of the tree with `size` leaves and the given `root` has `leaf_hash`.

    Raises `InvalidProof` with the reason when it does not.
    """
    _check_size("size", size)
    if not 0 <= index < size:
        raise InvalidProof(f"leaf index {index} is outside a tree of size {size}")
    _check_hashes(leaf_hash, root, *proof)
    node, last, running = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise InvalidProof("the proof is longer than the path to the root")
        if node & 1:
            running = sha256(NODE_PREFIX + sibling + running).digest()
        elif node != last:
            running = sha256(NODE_PREFIX + running + sibling).digest()
        else:
            # The right edge: levels without a sibling are passed at once.
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
            running = sha256(NODE_PREFIX + sibling + running).digest()
        node, last = node >> 1, last >> 1
    if last != 0:
        raise InvalidProof("the proof is shorter than the path to the root")
    if running != root:
        raise InvalidProof("the proof leads to another root")


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Check that the tree (`size2`, `root2`) begins with all leaves of the tree (`size1`, `root1`) in the same order.

    Raises `InvalidProof` with the reason when it does not.
    """
    _check_size("size1", size1)
    _check_size("size2", size2)
    if size1 > size2:
        raise InvalidProof(f"size1 {size1} is greater than size2 {size2}")
    _check_hashes(root1, root2, *proof)
    if size1 == size2:
        _check_same_tree(proof, root1, root2)
        return
    _check_growth(size1, size2, proof, root1, root2)


def _check_same_tree(proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    if proof:
        raise InvalidProof("trees of one size need an empty proof")
    if root1 != root2:
        raise InvalidProof("trees of one size have different roots")


def _check_growth(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    if not proof:
        raise InvalidProof("trees of different sizes need a proof")
    # A whole left subtree is its own first hash, which the prover therefore leaves out.
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise InvalidProof("the proof is longer than the path to the root")
        if node & 1 or node == last:
            old = node_hash(sibling, old)
        node, last, new = _climb(node, last, new, sibling)
    if last != 0:
        raise InvalidProof("the proof is shorter than the path to the root")
    if old != root1:
        raise InvalidProof("the proof leads to another first root")
    if new != root2:
        raise InvalidProof("the proof leads to another second root")


def _climb(node: int, last: int, running: bytes, sibling: bytes) -> tuple[int, int, bytes]:
    """Go up past one sibling; at the right edge, levels without a sibling are passed at once."""
    if not (node & 1 or node == last):
        return node >> 1, last >> 1, node_hash(running, sibling)
    running = node_hash(sibling, running)
    while not node & 1 and node:
        node, last = node >> 1, last >> 1
    return node >> 1, last >> 1, running


def _check_size(name: str, size: int) -> None:
    if not 0 < size < _MAX_SIZE:
        raise InvalidProof(f"{name} {size} is not between 1 and 2^64 - 1")


def _check_hashes(*hashes: bytes) -> None:
    for size in map(len, hashes):
        if size != HASH_SIZE:
            raise InvalidProof(f"a hash has {size} bytes instead of {HASH_SIZE}")
