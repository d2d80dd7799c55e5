"""What differs between EVM chains, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FeeSource(StrEnum):
    """Where the price of gas comes from."""

    GAS_PRICE = "gas_price"
    """`eth_gasPrice`: the node says."""
    FEE_HISTORY = "fee_history"
    """`eth_feeHistory`: twice the next base fee and the median tip (EIP-1559)."""
    FIXED = "fixed"
    """The chain has no fees; `fixed_price` goes into every transaction."""


@dataclass(frozen=True, slots=True)
class ChainProfile:
    """How to treat one kind of chain.

    `finality_depth`: blocks that must follow a transaction's block before it counts, 0 where a mined block is final.
    `poll_s`: how often to look for a receipt. `in_flight`: most transactions that are sent and not mined at a time.
    `fees`, `fixed_price` and `highest_price` (wei per gas): what a transaction offers, at most. `bump_after_s`: how
    long it may wait before it is replaced at a price higher by `bump_percent` (nodes ask for 10 or more); 0 never.
    `pool_blocks`: a node forgets a transaction that was not mined for so many blocks (FISCO's block limit), then the
    same bytes go out again; 0 where only time counts. `resend_s`: the same by time. `log_blocks`: most blocks of one
    `eth_getLogs`. `claim_beat_s`: seconds from one covered batch of claims to the next (see `hub.ledger.cover.rules`),
    unless the hub is set otherwise; 0 where claims go out when they are made.
    """

    name: str
    finality_depth: int
    poll_s: float
    in_flight: int = 16
    fees: FeeSource = FeeSource.GAS_PRICE
    fixed_price: int = 0
    highest_price: int = 500 * 10**9
    bump_after_s: float = 0
    bump_percent: int = 15
    pool_blocks: int = 0
    resend_s: float = 15.0
    log_blocks: int = 10_000
    claim_beat_s: int = 0


PROFILES = {
    profile.name: profile
    for profile in (
        # One process, journalled before it answers: nothing mined is ever undone, no price is asked.
        ChainProfile("embedded", finality_depth=0, poll_s=0.02, fees=FeeSource.FIXED),
        # Byzantine fault tolerant consortium chains (Besu QBFT) finalise every block.
        # Other banks read all of it, and gas costs no money: claims go out under cover.
        ChainProfile("consortium", finality_depth=0, poll_s=0.5, bump_after_s=30, claim_beat_s=60),
        # FISCO BCOS 3 behind its Web3 RPC: PBFT, no fee market, no eth_feeHistory, transactions leave the pool after
        # the block limit (600 blocks); one at a time, because the pool does not order an account's nonces.
        ChainProfile(
            "fisco", finality_depth=0, poll_s=0.5, in_flight=1, fees=FeeSource.FIXED, pool_blocks=600, claim_beat_s=60
        ),
        # geth, Besu and others with a fee market (EIP-1559) and proof of stake: two epochs make a block final.
        ChainProfile("public", finality_depth=64, poll_s=4.0, fees=FeeSource.FEE_HISTORY, bump_after_s=60),
        # A fee market and few blocks undone: consortium chains on proof of authority (Clique), test networks.
        ChainProfile("authority", finality_depth=12, poll_s=1.0, fees=FeeSource.FEE_HISTORY, bump_after_s=30),
    )
}
"""The known profiles by name."""
