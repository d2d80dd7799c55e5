"""The code list of purposes: what data may be asked for, by whom, and for how long at the most.

PIPL article 6 asks for a clear and reasonable purpose and the least data that serves it. The upper
bounds of this list are that rule in numbers: nobody can ask a person for more than its purpose allows,
whatever the person would be ready to sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError


@dataclass(frozen=True)
class Purpose:
    """One purpose; every bound is inclusive."""

    code: str
    text_zh: str
    text_en: str
    legal_basis: str
    recipients: frozenset[str]
    max_period_months: int
    max_reads: int
    max_data_life_days: int
    max_validity_days: int


class PurposeList:
    """The purposes by code."""

    def __init__(self, purposes: Mapping[str, Purpose]) -> None:
        self._purposes = dict(purposes)

    @classmethod
    def published(cls) -> PurposeList:
        """The list that ships with the hub (`purposes.json`)."""
        text = resources.files(__package__).joinpath("purposes.json").read_bytes()
        entries = [_purpose(entry) for entry in parse_json(text)["purposes"]]
        return cls({purpose.code: purpose for purpose in entries})

    def get(self, code: str) -> Purpose:
        """The purpose with this code; raises UNKNOWN_PURPOSE."""
        try:
            return self._purposes[code]
        except KeyError:
            raise HuilianError("UNKNOWN_PURPOSE", "not in the code list", purpose=code) from None

    def all(self) -> tuple[Purpose, ...]:
        """Every purpose, by code."""
        return tuple(self._purposes[code] for code in sorted(self._purposes))


def _purpose(entry: dict[str, Any]) -> Purpose:
    return Purpose(**{**entry, "recipients": frozenset(entry["recipients"])})
