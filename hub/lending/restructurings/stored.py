"""Statements on offers to restructure a loan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from huilian_protocol.restructuring import Restructuring, read_restructuring

from hub.lending.restructurings.store import RestructuringRow


class OfferState(StrEnum):
    """Life of an offer. What nobody signed in time stays OFFERED in the table: its terms say until when."""

    OFFERED = "OFFERED"
    SIGNED = "SIGNED"
    REPLACED = "REPLACED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer as of a moment."""

    terms: Restructuring
    state: OfferState
    signed_at: datetime | None = None


async def add(terms: Restructuring, now: datetime) -> None:
    """Write a new offer; the one that was open gives way."""
    open_one = RestructuringRow.filter(loan_id=terms.loan_id, state=OfferState.OFFERED.value)
    await open_one.update(state=OfferState.REPLACED.value)
    await RestructuringRow.create(
        loan_id=terms.loan_id,
        number=terms.number,
        state=OfferState.OFFERED.value,
        terms=terms.canonical(),
        offered_at=now,
    )


async def of_loan(loan_id: str, now: datetime) -> list[Offer]:
    """All offers of a loan, the newest first."""
    return [_offer(row, now) for row in await RestructuringRow.filter(loan_id=loan_id).order_by("-number")]


async def set_signed(terms: Restructuring, now: datetime) -> None:
    """The borrower signed."""
    row = RestructuringRow.filter(loan_id=terms.loan_id, number=terms.number, state=OfferState.OFFERED.value)
    await row.update(state=OfferState.SIGNED.value, signed_at=now)


def _offer(row: RestructuringRow, now: datetime) -> Offer:
    terms, state = read_restructuring(bytes(row.terms)), OfferState(row.state)
    if state is OfferState.OFFERED and now >= terms.valid_until:
        state = OfferState.EXPIRED
    return Offer(terms, state, row.signed_at)
