"""The exposure report: per group, core enterprise, supplier and product, at one moment. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from hub.lending.limits.desk import Dimension
from hub.lending.limits.stored import LimitExposure

# A supervisor is told a supplier's name from this use on (one million yuan); smaller ones are one row together: who
# they are is nothing that the size of a bank's risk depends on.
NAMED_FROM_FEN = 100_000_000
_SHARE = Decimal("0.0001")


@dataclass(frozen=True)
class ExposureLine:
    """One line, in fen. `party` is a USCC, a group or a product, empty for `parties` small suppliers together.

    `largest_fen` is the most that one application or loan holds; `share` the line's part of its dimension, 4 digits.
    """

    dimension: Dimension
    party: str
    parties: int
    limit_fen: int
    blocked_fen: int
    utilised_fen: int
    largest_fen: int
    share: Decimal

    @property
    def used_fen(self) -> int:
        """Blocked and utilised."""
        return self.blocked_fen + self.utilised_fen


def report(limits: Iterable[LimitExposure], *, names_all: bool) -> list[ExposureLine]:
    """The lines by dimension, the largest use first; small suppliers in one line unless `names_all`."""
    lines = [_line(limit) for limit in limits]
    if not names_all:
        lines = _merged(lines)
    totals: dict[Dimension, int] = defaultdict(int)
    for line in lines:
        totals[line.dimension] += line.used_fen
    shown = [_with_share(line, totals[line.dimension]) for line in lines]
    return sorted(shown, key=lambda line: (list(Dimension).index(line.dimension), -line.used_fen, line.party))


def _line(limit: LimitExposure) -> ExposureLine:
    party = limit.limit_id.partition(":")[2]
    amounts = (limit.limit_fen, limit.blocked_fen, limit.utilised_fen, limit.largest_fen)
    return ExposureLine(Dimension(limit.dimension), party, 1, *amounts, Decimal(0))


def _merged(lines: list[ExposureLine]) -> list[ExposureLine]:
    small = [line for line in lines if line.dimension is Dimension.SUPPLIER and line.used_fen < NAMED_FROM_FEN]
    named = [line for line in lines if line not in small]
    if not small:
        return named
    together = ExposureLine(
        dimension=Dimension.SUPPLIER,
        party="",
        parties=len(small),
        limit_fen=sum(line.limit_fen for line in small),
        blocked_fen=sum(line.blocked_fen for line in small),
        utilised_fen=sum(line.utilised_fen for line in small),
        largest_fen=max(line.largest_fen for line in small),
        share=Decimal(0),
    )
    return [*named, together]


def _with_share(line: ExposureLine, total_fen: int) -> ExposureLine:
    share = Decimal(line.used_fen) / total_fen if total_fen else Decimal(0)
    return ExposureLine(**{**line.__dict__, "share": share.quantize(_SHARE, rounding=ROUND_HALF_UP)})
