"""The frontier: the least state that lets a log grow and name its root, O(log n) hashes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.merkle.hashing import EMPTY_ROOT, HASH_SIZE, node_hash


@dataclass(frozen=True, slots=True)
class Node:
    """A complete subtree: `hash` covers the 2**`level` leaves from `index` * 2**`level`."""

    level: int
    index: int
    hash: bytes


class Frontier:
    """The roots of the complete subtrees that cover a log of `size` leaves, largest first."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Continue at `size` with the given subtree roots; ValueError when their number does not fit the size."""
        self._size = size
        self._peaks = list(peaks)
        if len(self._peaks) != size.bit_count():
            raise ValueError(f"a tree of size {size} has {size.bit_count()} peaks, not {len(self._peaks)}")

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def append(self, leaf_hash: bytes) -> list[Node]:
        """Add one leaf; return every subtree that it completes, the leaf itself first."""
        return self.append_subtree(0, leaf_hash)

    def append_subtree(self, level: int, subtree_hash: bytes) -> list[Node]:
        """Add a complete subtree of 2**`level` leaves at once; return it and every larger one that it completes.

        ValueError where no subtree of this level begins.
        """
        if self._size & ((1 << level) - 1):
            raise ValueError(f"no complete subtree of level {level} begins at leaf {self._size}")
        node = Node(level, self._size >> level, subtree_hash)
        completed = [node]
        while node.index & 1:
            node = Node(node.level + 1, node.index >> 1, node_hash(self._peaks.pop(), node.hash))
            completed.append(node)
        self._peaks.append(node.hash)
        self._size += 1 << level
        return completed

    def root(self) -> bytes:
        """Return the root of the tree."""
        return fold_peaks(self._peaks) if self._peaks else EMPTY_ROOT

    def to_bytes(self) -> bytes:
        """Return the peaks, largest first, joined; together with the size they restore the frontier."""
        return b"".join(self._peaks)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Restore what `to_bytes` returned; ValueError when it does not fit the size."""
        if len(data) != size.bit_count() * HASH_SIZE:
            raise ValueError(f"a frontier of size {size} does not have {len(data)} bytes")
        return cls(size, (data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)))


def complete_root(hashes: list[bytes]) -> bytes:
    """Return the root over 2**n adjacent subtrees of one level."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def fold_peaks(peaks: list[bytes]) -> bytes:
    """Return the root over adjacent complete subtrees, largest first (at least one)."""
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root
