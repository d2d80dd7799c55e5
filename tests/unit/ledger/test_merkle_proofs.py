"""Proof verification against the recursive definitions of RFC 9162, and against broken proofs of every kind."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle.hashing import leaf_hash
from ledger.merkle.proofs import InvalidProof, verify_consistency, verify_inclusion
from tests.unit.ledger import naive_tree

LEAVES = [index.to_bytes(4) for index in range(300)]
sizes = st.integers(1, len(LEAVES))


@st.composite
def _index_and_size(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(sizes)
    return draw(st.integers(0, size - 1)), size


@given(_index_and_size())
def test_true_inclusion_is_accepted(place: tuple[int, int]) -> None:
    index, size = place
    tree = LEAVES[:size]
    verify_inclusion(leaf_hash(LEAVES[index]), index, size, naive_tree.path(index, tree), naive_tree.root(tree))


@given(_index_and_size(), st.data())
def test_one_wrong_bit_anywhere_breaks_an_inclusion(place: tuple[int, int], data: st.DataObject) -> None:
    index, size = place
    tree = LEAVES[:size]
    hashes = [leaf_hash(LEAVES[index]), naive_tree.root(tree), *naive_tree.path(index, tree)]
    which, bit = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 255))
    hashes[which] = (int.from_bytes(hashes[which]) ^ 1 << bit).to_bytes(32)
    with pytest.raises(InvalidProof):
        verify_inclusion(hashes[0], index, size, hashes[2:], hashes[1])


@given(_index_and_size(), st.integers(-2, 302))
def test_inclusion_holds_for_no_other_index(place: tuple[int, int], other: int) -> None:
    index, size = place
    if other == index:
        return
    tree = LEAVES[:size]
    with pytest.raises(InvalidProof):
        verify_inclusion(leaf_hash(LEAVES[index]), other, size, naive_tree.path(index, tree), naive_tree.root(tree))


@given(sizes, sizes)
def test_true_consistency_is_accepted_and_the_reverse_is_not(one: int, two: int) -> None:
    old, new = sorted((one, two))
    proof = naive_tree.proof(old, LEAVES[:new])
    roots = naive_tree.root(LEAVES[:old]), naive_tree.root(LEAVES[:new])
    verify_consistency(old, new, proof, *roots)
    if old != new:
        with pytest.raises(InvalidProof, match="greater"):
            verify_consistency(new, old, proof, *roots)


@given(sizes, sizes, st.data())
def test_one_wrong_bit_anywhere_breaks_a_consistency(one: int, two: int, data: st.DataObject) -> None:
    old, new = sorted((one, two))
    hashes = [naive_tree.root(LEAVES[:old]), naive_tree.root(LEAVES[:new]), *naive_tree.proof(old, LEAVES[:new])]
    which, bit = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 255))
    hashes[which] = (int.from_bytes(hashes[which]) ^ 1 << bit).to_bytes(32)
    with pytest.raises(InvalidProof):
        verify_consistency(old, new, hashes[2:], hashes[0], hashes[1])


@given(sizes, sizes, st.sampled_from(["shorter", "longer"]))
def test_consistency_proof_of_another_length_is_refused(one: int, two: int, change: str) -> None:
    old, new = sorted((one, two))
    proof = naive_tree.proof(old, LEAVES[:new])
    changed = proof[:-1] if change == "shorter" else [*proof, proof[-1] if proof else bytes(32)]
    if changed == proof:
        return
    with pytest.raises(InvalidProof):
        verify_consistency(old, new, changed, naive_tree.root(LEAVES[:old]), naive_tree.root(LEAVES[:new]))


def test_trees_of_size_zero_prove_nothing() -> None:
    empty, some = naive_tree.root([]), naive_tree.root(LEAVES[:3])
    with pytest.raises(InvalidProof, match="size 0"):
        verify_inclusion(leaf_hash(b""), 0, 0, [], empty)
    with pytest.raises(InvalidProof, match="size1 0"):
        verify_consistency(0, 3, [], empty, some)
    with pytest.raises(InvalidProof, match="size1 0"):
        verify_consistency(0, 0, [], empty, empty)


def test_wrong_lengths_of_hashes_are_named() -> None:
    with pytest.raises(InvalidProof, match="31 bytes"):
        verify_inclusion(bytes(31), 0, 1, [], bytes(32))
    with pytest.raises(InvalidProof, match="0 bytes"):
        verify_consistency(1, 2, [b""], bytes(32), bytes(32))


def test_sizes_beyond_64_bits_are_refused() -> None:
    with pytest.raises(InvalidProof, match="2\\^64"):
        verify_inclusion(bytes(32), 0, 1 << 64, [], bytes(32))


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def check_vector(vector: dict[str, Any]) -> bool:
    """Run one published inclusion vector; return whether it was accepted."""
    proof = [_bytes(item) for item in vector["proof"] or ()]
    try:
        verify_inclusion(
            _bytes(vector["leafHash"]), vector["leafIdx"], vector["treeSize"], proof, _bytes(vector["root"])
        )
    except InvalidProof:
        return False
    return True


def _published_vectors() -> list[Path]:
    """The vectors of transparency-dev/merkle, where the machine has them; the tests above need none."""
    folder = os.environ.get("HUILIAN_ORACLES")
    return sorted(Path(folder, "rfc6962", "inclusion").rglob("*.json")) if folder else []


if _published_vectors():

    @pytest.mark.parametrize("path", _published_vectors(), ids=lambda path: f"{path.parent.name}-{path.stem}")
    def test_published_vector(path: Path) -> None:
        vector = json.loads(path.read_text())
        assert check_vector(vector) is not vector["wantErr"]
