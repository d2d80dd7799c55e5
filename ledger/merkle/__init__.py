"""Merkle tree log: RFC 9162 hashing and proofs, C2SP tlog-tiles storage, C2SP tlog-checkpoint signing."""
