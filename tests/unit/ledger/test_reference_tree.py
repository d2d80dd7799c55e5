"""The eight-leaf tree on which implementations of RFC 6962 and RFC 9162 compare themselves: its roots at every size,
every inclusion and consistency in it, and each of them broken in the ways in which published vectors break theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.merkle.frontier import Frontier
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.proofs import InvalidProof, verify_consistency, verify_inclusion
from tests.unit.ledger import naive_tree

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
PLACES = [(index, size) for size in range(1, 9) for index in range(size)]
GROWTHS = [(old, new) for new in range(1, 9) for old in range(1, new + 1)]
Inclusion = tuple[bytes, int, int, list[bytes], bytes]


def test_the_frontier_has_the_reference_roots() -> None:
    frontier = Frontier()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        frontier.append(leaf_hash(leaf))
        assert frontier.root() == root


@pytest.mark.parametrize(("index", "size"), PLACES)
def test_every_inclusion_holds_and_no_broken_one_does(index: int, size: int) -> None:
    proof, leaf = naive_tree.path(index, LEAVES[:size]), leaf_hash(LEAVES[index])
    verify_inclusion(leaf, index, size, proof, ROOTS[size - 1])
    for broken in _broken(leaf, index, size, proof):
        with pytest.raises(InvalidProof):
            verify_inclusion(*broken)


def _broken(leaf: bytes, index: int, size: int, proof: list[bytes]) -> Iterator[Inclusion]:
    root, other = ROOTS[size - 1], leaf_hash(b"another")
    yield leaf, index - 1, size, proof, root
    yield leaf, index + size, size, proof, root
    yield leaf, index ^ 2, size, proof, root
    yield leaf, index, size * 2, proof, root
    yield leaf, index, 0, proof, root
    yield other, index, size, proof, root
    yield b"", index, size, proof, root
    yield leaf, index, size, proof, other
    yield leaf, index, size, proof, b""
    yield leaf, index, size, [*proof, b""], root
    yield leaf, index, size, [*proof, root], root
    yield leaf, index, size, [root, *proof], root
    yield leaf, index, size, [other, *proof], root
    for at in range(len(proof)):
        yield leaf, index, size, [*proof[:at], other, *proof[at + 1 :]], root
        yield leaf, index, size, [*proof[:at], *proof[at + 1 :]], root


@pytest.mark.parametrize(("old", "new"), GROWTHS)
def test_every_consistency_holds_and_no_broken_one_does(old: int, new: int) -> None:
    proof, roots = naive_tree.proof(old, LEAVES[:new]), (ROOTS[old - 1], ROOTS[new - 1])
    verify_consistency(old, new, proof, *roots)
    other = leaf_hash(b"another")
    broken = [[*proof, other], [other, *proof], [*proof, b""]]
    broken += [[*proof[:at], other, *proof[at + 1 :]] for at in range(len(proof))]
    broken += [[*proof[:at], *proof[at + 1 :]] for at in range(len(proof))]
    for wrong in broken:
        with pytest.raises(InvalidProof):
            verify_consistency(old, new, wrong, *roots)
    for sizes, ends in (((old, new), (other, roots[1])), ((old, new), (roots[0], other)), ((0, new), roots)):
        with pytest.raises(InvalidProof):
            verify_consistency(*sizes, proof, *ends)
