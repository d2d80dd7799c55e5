"""The published code list of purposes: what may be asked for, by whom, for how long and how often at the most.

PIPL article 6 asks for a clear and reasonable purpose and the least data that serves it. The upper bounds of this list
are that rule in numbers: a "fair use" template per purpose. The hub refuses to prepare what goes beyond them, and every
edge refuses to serve it, whatever person and hub have signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

from huilian_protocol.artefact import ActionGrant, Artefact, Period
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError

__all__ = ["Purpose", "PurposeList", "months_in"]


@dataclass(frozen=True)
class Purpose:
    """One purpose; every bound is inclusive. `max_reads` counts per dataset, `max_uses` and `max_amount_fen` per
    action; a purpose with `max_actions` 0 lets nobody act for the person.
    """

    code: str
    text_zh: str
    text_en: str
    legal_basis: str
    recipients: frozenset[str]
    max_period_months: int
    max_reads: int
    max_data_life_days: int
    max_validity_days: int
    max_actions: int
    max_uses: int
    max_amount_fen: int

    def check(self, artefact: Artefact) -> None:
        """Raises :class:`HuilianError` PURPOSE_LIMIT_EXCEEDED, with the name of the first limit that is broken."""
        if artefact.recipient.id not in self.recipients:
            raise self._beyond("recipient", artefact.recipient.id)
        self.check_bound("max_reads", artefact.max_reads, self.max_reads)
        self.check_bound("data_life_days", artefact.data_life_days, self.max_data_life_days)
        if artefact.valid_until - artefact.valid_from > timedelta(days=self.max_validity_days):
            raise self._beyond("valid_until_time", f"valid for more than {self.max_validity_days} days")
        for grant in artefact.datasets:
            self.check_period(grant.period)
        self.check_actions(artefact.actions)

    def check_bound(self, limit: str, value: int, upper: int) -> None:
        """Raises :class:`HuilianError` PURPOSE_LIMIT_EXCEEDED when `value` is above `upper`."""
        if value > upper:
            raise self._beyond(limit, f"{value} is more than {upper}")

    def check_period(self, period: Period) -> None:
        """Raises :class:`HuilianError` PURPOSE_LIMIT_EXCEEDED for too many months."""
        self.check_bound("period", months_in(period), self.max_period_months)

    def check_actions(self, actions: Iterable[ActionGrant]) -> None:
        """Raises :class:`HuilianError` PURPOSE_LIMIT_EXCEEDED for too many actions, uses or too much money."""
        grants = tuple(actions)
        self.check_bound("max_actions", len(grants), self.max_actions)
        for grant in grants:
            self.check_bound("max_uses", grant.max_uses, self.max_uses)
            self.check_bound("max_amount_fen", grant.max_amount_fen, self.max_amount_fen)

    def _beyond(self, limit: str, detail: str) -> HuilianError:
        return HuilianError("PURPOSE_LIMIT_EXCEEDED", detail, purpose=self.code, limit=limit)


class PurposeList:
    """The purposes by code."""

    def __init__(self, purposes: Mapping[str, Purpose]) -> None:
        self._purposes = dict(purposes)

    @classmethod
    def published(cls) -> PurposeList:
        """The list that ships with the protocol (`purposes.json`): hub and edges hold the same one."""
        return _published()

    def get(self, code: str) -> Purpose:
        """The purpose with this code; raises :class:`HuilianError` UNKNOWN_PURPOSE."""
        try:
            return self._purposes[code]
        except KeyError:
            raise HuilianError("UNKNOWN_PURPOSE", "not in the code list", purpose=code) from None

    def all(self) -> tuple[Purpose, ...]:
        """Every purpose, by code."""
        return tuple(self._purposes[code] for code in sorted(self._purposes))

    def check(self, artefact: Artefact) -> None:
        """Raises :class:`HuilianError` UNKNOWN_PURPOSE, or PURPOSE_LIMIT_EXCEEDED for more than the purpose allows."""
        self.get(artefact.purpose.code).check(artefact)


def months_in(period: Period) -> int:
    """Number of months of a period, both ends counted."""
    years = int(period.to_month[:4]) - int(period.from_month[:4])
    return years * 12 + int(period.to_month[5:]) - int(period.from_month[5:]) + 1


@cache
def _published() -> PurposeList:
    text = resources.files(__package__).joinpath("purposes.json").read_bytes()
    entries = [_purpose(entry) for entry in parse_json(text)["purposes"]]
    return PurposeList({purpose.code: purpose for purpose in entries})


def _purpose(entry: dict[str, Any]) -> Purpose:
    return Purpose(**{**entry, "recipients": frozenset(entry["recipients"])})
