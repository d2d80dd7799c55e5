"""Cover for claims: what goes onto the chain at each beat is the same however many claims a hub makes, none or all.

At every beat a batch of a fixed number of claims is reserved, the one before it is made final, and each earlier batch
that has reached one of the `AGES` gives one of its claims up. Real claims take the places first, cover takes the rest;
a cover claim is random numbers, as a real one is to whoever has no key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.contract.calls import COMMITMENT_BYTES, MAX_FINGERPRINTS, Claim
from ledger.registry.fingerprints import PADDED_SIZES

CLAIM_PRINTS = PADDED_SIZES[0]
"""Fingerprints of every claim in a covered batch."""

MOST_CLAIMS = MAX_FINGERPRINTS // CLAIM_PRINTS

AGES: tuple[int, ...] = tuple(4**power for power in range(10))
"""Beats from one claim that a final batch gives up to the next: 1, 4, 16 … and, at beats of a minute, half a year.

So a real claim that ends waits about three times as long as it lasted, or less.
"""

SPARE = len(AGES)
"""Places of a batch that are always cover: what it gives up at its ages when no real claim has ended."""


KEPT_S = 30 * 86_400
"""Seconds after its last age for which a batch can still be looked up; nothing needs it any more."""


@dataclass(frozen=True, slots=True)
class Beat:
    """`claims` in each batch, of which `SPARE` are always cover; one batch every `seconds`."""

    claims: int = 16
    seconds: int = 60

    def __post_init__(self) -> None:
        if not SPARE < self.claims <= MOST_CLAIMS:
            raise ValueError(f"a batch has {SPARE + 1} to {MOST_CLAIMS} claims, not {self.claims}")
        if not 1 <= self.seconds <= 3_600:
            raise ValueError(f"a beat lasts 1 to 3,600 seconds, not {self.seconds}")

    @property
    def room(self) -> int:
        """Real claims that one batch takes; more wait for the next beat."""
        return self.claims - SPARE

    @property
    def reservation_s(self) -> int:
        """How long a batch is reserved: the next beat makes it final, with time for a chain that is away."""
        return max(600, 4 * self.seconds)

    @property
    def kept(self) -> int:
        """Beats for which a batch stays in the hub's database: until long after its last age."""
        return sum(AGES) + KEPT_S // self.seconds

    def number(self, now: datetime) -> int:
        """The beat that runs at a moment."""
        return int(now.timestamp()) // self.seconds

    def wait_s(self, now: datetime) -> float:
        """Seconds until the next one begins."""
        return self.seconds - now.timestamp() % self.seconds


def cover_claim(seed: bytes, place: int) -> Claim:
    """The cover claim at a place of the batch with this secret seed."""
    prints = [_draw(seed, b"print", place, number) for number in range(CLAIM_PRINTS)]
    return prints, _draw(seed, b"owner", place)[:COMMITMENT_BYTES]


def filled(prints: Sequence[bytes], commitment: bytes, secret: bytes) -> list[bytes]:
    """The fingerprints of a real claim and as many random ones as a covered claim has. Raises ValueError for more."""
    if len(prints) > CLAIM_PRINTS:
        raise ValueError(f"a covered claim has {CLAIM_PRINTS} fingerprints, not {len(prints)}")
    missing = range(len(prints), CLAIM_PRINTS)
    return [*prints, *(_draw(secret, b"filler" + commitment, number) for number in missing)]


def shuffled(seed: bytes, places: Iterable[int], what: bytes) -> list[int]:
    """Places in an order that only the seed tells."""
    return sorted(places, key=lambda place: _draw(seed, what, place))


def due(beat: int, given_up: int) -> int | None:
    """The beat at which a batch gives up its next claim after it was made final, or gave one up, at `beat`; None after
    the last age.
    """
    return beat + AGES[given_up] if given_up < len(AGES) else None


def _draw(secret: bytes, what: bytes, *numbers: int) -> bytes:
    text = what + b"".join(number.to_bytes(2) for number in numbers)
    return hmac.digest(secret, text, hashlib.sha256)
