"""Hashes of the log's Merkle tree (RFC 9162, section 2.1.1, with SHA-256)."""

from __future__ import annotations

import hashlib

HASH_SIZE = 32
"""Bytes in every leaf, node and root hash."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""

# The prefixes keep a leaf from being passed off as an inner node (second preimage).
_LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf holding `data`."""
    return hashlib.sha256(_LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the inner node over two subtrees."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def split_point(width: int) -> int:
    """Return the largest power of two smaller than `width`: the leaves in the left subtree (`width` >= 2)."""
    return 1 << ((width - 1).bit_length() - 1)
