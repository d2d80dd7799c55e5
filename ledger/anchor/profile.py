"""What differs between EVM chains, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChainProfile:
    """How to treat one kind of chain.

    `finality_depth`: blocks that must follow a transaction's block before it counts, 0 where a mined block is final.
    `poll_s`: how often to look for a receipt. `gas_margin_percent`: added to an estimate.
    """

    name: str
    finality_depth: int
    poll_s: float
    gas_margin_percent: int = 20


PROFILES = {
    profile.name: profile
    for profile in (
        # One process, journalled before it answers: nothing it mined is ever undone.
        ChainProfile("embedded", finality_depth=0, poll_s=0.02),
        # Byzantine fault tolerant consortium chains (Besu QBFT, FISCO BCOS) finalise every block.
        ChainProfile("consortium", finality_depth=0, poll_s=0.5),
        ChainProfile("public", finality_depth=64, poll_s=4.0),
    )
}
"""The known profiles by name."""
