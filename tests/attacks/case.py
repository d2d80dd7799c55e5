"""One attack."""

from __future__ import annotations

from dataclasses import dataclass

from tests.attacks.deeds import Deed


@dataclass(frozen=True)
class Case:
    """A name, the deed, and `blocked_by`: exactly what stops it."""

    name: str
    deed: Deed
    blocked_by: str
