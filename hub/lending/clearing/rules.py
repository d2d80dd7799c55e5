"""How a payment is shared among those whom one receivable owes: equal rank, in proportion, to the fen. Pure.

All claims on a receivable fall due on one day and rank equally, so each gets the same fraction of what it is still
owed (Enterprise Bankruptcy Law art. 113, second paragraph,; decision 23 says why). Fractions of a fen
go by largest remainder (Hare), ties to the claim that is named first.
"""

from __future__ import annotations

from collections.abc import Sequence


def apportion(amount_fen: int, owed_fen: Sequence[int]) -> list[int]:
    """What each claim gets of a payment, in fen: together exactly the payment, each less than one fen from its exact
    share and never more than it is owed.

    Raises ValueError for a payment below zero or above what is owed, and for a claim below zero.
    """
    total_fen = sum(owed_fen)
    if not 0 <= amount_fen <= total_fen or any(owed < 0 for owed in owed_fen):
        raise ValueError(f"{amount_fen} fen cannot be shared among {total_fen}")
    if not total_fen:
        return [0 for _ in owed_fen]
    shares = [amount_fen * owed // total_fen for owed in owed_fen]
    left_fen = amount_fen - sum(shares)
    by_remainder = sorted(range(len(owed_fen)), key=lambda i: (-(amount_fen * owed_fen[i] % total_fen), i))
    for index in by_remainder[:left_fen]:
        shares[index] += 1
    return shares
