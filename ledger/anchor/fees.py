"""What a transaction offers for its gas."""

from __future__ import annotations

from typing import Any

from ledger.anchor.profile import ChainProfile, FeeSource
from ledger.anchor.rpc import ChainUnavailable, JsonRpc, quantity

_HISTORY_BLOCKS, _MEDIAN = "0x5", 50


async def suggested_price(rpc: JsonRpc, profile: ChainProfile) -> int:
    """Return the present price in wei per gas, never more than the profile's highest. Raises `ChainUnavailable`."""
    if profile.fees is FeeSource.FIXED:
        return profile.fixed_price
    if profile.fees is FeeSource.GAS_PRICE:
        price = await rpc.number("eth_gasPrice")
    else:
        price = _from_history(await rpc.call("eth_feeHistory", _HISTORY_BLOCKS, "latest", [_MEDIAN]))
    return min(price, profile.highest_price)


def _from_history(history: Any) -> int:
    try:
        base = quantity(history["baseFeePerGas"][-1])
        tips = sorted(quantity(reward[0]) for reward in history.get("reward") or [["0x0"]])
    except (TypeError, KeyError, IndexError, AttributeError):
        raise ChainUnavailable("eth_feeHistory: not a history of fees") from None
    # A base fee doubles within six full blocks at most (EIP-1559); the rest of the offer is the tip.
    return 2 * base + tips[len(tips) // 2]


def bumped_price(old: int, suggested: int, profile: ChainProfile) -> int | None:
    """Return the price of a replacement; None when the highest price leaves no room for one that nodes accept."""
    least = old + -(-old * profile.bump_percent // 100) or 1
    price = max(least, suggested)
    if price > profile.highest_price:
        price = profile.highest_price
    return price if price >= least else None
