"""What every domain that keeps something about persons provides, so that a person's data can be destroyed at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Retention:
    """Something that the law obliges the hub to keep for a while, although the person wants it gone.

    `code` is constant, `until` the earliest moment at which it may go. Until then it is kept and used for nothing else
    (PIPL article 47, second paragraph).
    """

    code: str
    text_zh: str
    text_en: str
    until: datetime


class Holder(Protocol):
    """One domain's part of an erasure; both calls run in the one transaction that erases."""

    async def retained(self, subject: str) -> tuple[Retention, ...]:
        """What of this person must be kept.

        Raises HuilianError STATE_CONFLICT while something is under way that cannot go on without the data.
        """
        ...

    async def erase(self, subject: str) -> None:
        """Remove everything about this person that is neither retained nor readable under their key only."""
        ...
