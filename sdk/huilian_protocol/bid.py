"""A sealed bid: a funder commits to its rate before anybody can see it, and opens it once no more bids are taken.

The commitment names auction, bid and funder, so that it opens nothing else; 32 random bytes of salt keep the rate, of
which there are few, from being guessed.
"""

from __future__ import annotations

import re
from decimal import Decimal

from huilian_protocol.canonical import b64u_encode, sha256_canonical

__all__ = ["SALT_BYTES", "commit_bid"]

TYPE = "huilian-bid/v1"
SALT_BYTES = 32
_RATE = re.compile(r"0(\.[0-9]{1,8})?", re.ASCII)


def commit_bid(*, auction_id: str, bid_id: str, funder: str, annual_rate: Decimal, salt: bytes) -> bytes:
    """SHA-256 over the canonical bid, 32 bytes. `annual_rate` is a fraction below 1 with at most 8 decimals.

    Raises ValueError for another rate or a salt of another length.
    """
    text = rate_text(annual_rate)
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt of {SALT_BYTES} bytes is expected")
    return sha256_canonical(
        {
            "type": TYPE,
            "auction_id": auction_id,
            "bid_id": bid_id,
            "funder": funder,
            "annual_rate": text,
            "salt": b64u_encode(salt),
        }
    )


def rate_text(annual_rate: Decimal) -> str:
    """The one spelling of a rate: no exponent, no trailing zeros. Raises ValueError as `commit_bid`."""
    text = format(annual_rate.normalize(), "f")
    if _RATE.fullmatch(text) is None:
        raise ValueError("a rate is a fraction below 1 with at most 8 decimals")
    return text
