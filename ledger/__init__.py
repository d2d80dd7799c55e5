"""The evidence layer: an append-only Merkle log, claims on an EVM chain, and the offline verifier of both."""
