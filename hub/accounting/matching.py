"""Which booking of the bank is which of ours: by the reference that we gave it, else by amount and day. Pure.

Never by guess: whatever could be two things is AMBIGUOUS and left to people.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256

WINDOW = timedelta(days=3)
"""How far the bank's day may be from ours without a reference, and after which a booking is missing at the bank."""

_PREFIX = "HL"
_REFERENCE_LENGTH = len(_PREFIX) + 32


class Outcome(StrEnum):
    """What an entry of a statement turned out to be, and what a booking of ours is that no entry answers."""

    MATCHED = "MATCHED"
    AMBIGUOUS = "AMBIGUOUS"
    UNKNOWN_ENTRY = "UNKNOWN_ENTRY"
    MISSING_AT_BANK = "MISSING_AT_BANK"
    MISSING_IN_ERP = "MISSING_IN_ERP"


class Reason(StrEnum):
    """Why something needs a person."""

    NOTHING_LIKE_IT = "NOTHING_LIKE_IT"
    SEVERAL_FIT = "SEVERAL_FIT"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    REFERENCE_UNKNOWN = "REFERENCE_UNKNOWN"
    BOOKED_TWICE = "BOOKED_TWICE"
    NOT_BOOKED = "NOT_BOOKED"


@dataclass(frozen=True)
class Entry:
    """One booking by the other side, in fen: above 0 when it gives money."""

    entry_id: str
    booked_on: date
    amount_fen: int
    reference: str


@dataclass(frozen=True)
class Booking:
    """What one journal of ours does to the account that the statement is of, in fen: above 0 for a debit."""

    journal_id: str
    value_date: date
    amount_fen: int

    @property
    def reference(self) -> str:
        """See `statement_reference`."""
        return statement_reference(self.journal_id)


@dataclass(frozen=True)
class Finding:
    """What became of an entry; `journal_ids` are its match, or what it may be."""

    entry: Entry
    outcome: Outcome
    reason: Reason | None
    journal_ids: tuple[str, ...]


def statement_reference(journal_id: str) -> str:
    """The EndToEndId by which a payment travels: 34 characters that say nothing of whom it is for."""
    return _PREFIX + base64.b32encode(sha256(journal_id.encode()).digest()[:20]).decode("ascii")


def is_ours(reference: str) -> bool:
    """Whether a reference has the form of ours."""
    return len(reference) == _REFERENCE_LENGTH and reference.startswith(_PREFIX)


def match(entries: Sequence[Entry], bookings: Iterable[Booking], used: Iterable[str] = ()) -> list[Finding]:
    """A finding for each entry, in their order. `used` are references of bookings that were matched before."""
    open_bookings = {booking.journal_id: booking for booking in bookings}
    by_reference = {booking.reference: booking for booking in open_bookings.values()}
    findings: dict[str, Finding] = {}
    taken = set(used)
    for entry in entries:
        named = by_reference.get(entry.reference)
        if entry.reference in taken and is_ours(entry.reference):
            findings[entry.entry_id] = Finding(entry, Outcome.UNKNOWN_ENTRY, Reason.BOOKED_TWICE, ())
        elif named is not None and named.amount_fen == entry.amount_fen:
            taken.add(named.reference)
            del open_bookings[named.journal_id]
            findings[entry.entry_id] = Finding(entry, Outcome.MATCHED, None, (named.journal_id,))
    left = [entry for entry in entries if entry.entry_id not in findings]
    findings |= _named_otherwise(left, by_reference, open_bookings)
    left = [entry for entry in left if entry.entry_id not in findings]
    findings |= _by_amount(left, _unclaimed(open_bookings, findings))
    return [findings[entry.entry_id] for entry in entries]


def missing(
    bookings: Iterable[Booking], until: date, may_be: Iterable[str], window: timedelta = WINDOW
) -> list[Booking]:
    """Bookings that a bank whose statements reach until this day should have shown. `may_be`: journals that an open
    case names already.
    """
    named = set(may_be)
    return [one for one in bookings if one.value_date <= until - window and one.journal_id not in named]


def _named_otherwise(
    entries: Iterable[Entry], by_reference: Mapping[str, Booking], open_bookings: Mapping[str, Booking]
) -> dict[str, Finding]:
    """Entries that bear the reference of a booking with another amount."""
    found = {}
    for entry in entries:
        named = by_reference.get(entry.reference)
        if named is not None and named.journal_id in open_bookings:
            found[entry.entry_id] = Finding(entry, Outcome.AMBIGUOUS, Reason.AMOUNT_DIFFERS, (named.journal_id,))
    return found


def _unclaimed(open_bookings: Mapping[str, Booking], findings: Mapping[str, Finding]) -> list[Booking]:
    claimed = {journal_id for finding in findings.values() for journal_id in finding.journal_ids}
    return [booking for booking in open_bookings.values() if booking.journal_id not in claimed]


def _by_amount(entries: Sequence[Entry], bookings: Sequence[Booking]) -> dict[str, Finding]:
    """Entries without a reference that we know. A pair matches when either has nobody else that would do."""
    by_fen: dict[int, list[Booking]] = {}
    for booking in bookings:
        by_fen.setdefault(booking.amount_fen, []).append(booking)
    fits = {entry.entry_id: _fitting(entry, by_fen.get(entry.amount_fen, [])) for entry in entries}
    wanted: dict[str, int] = {}
    for booking in (one for several in fits.values() for one in several):
        wanted[booking.journal_id] = wanted.get(booking.journal_id, 0) + 1
    return {entry.entry_id: _finding(entry, fits[entry.entry_id], wanted) for entry in entries}


def _fitting(entry: Entry, bookings: Iterable[Booking]) -> list[Booking]:
    return [one for one in bookings if abs(one.value_date - entry.booked_on) <= WINDOW]


def _finding(entry: Entry, fits: Sequence[Booking], wanted: Mapping[str, int]) -> Finding:
    journal_ids = tuple(sorted(booking.journal_id for booking in fits))
    if not fits:
        reason = Reason.REFERENCE_UNKNOWN if is_ours(entry.reference) else Reason.NOTHING_LIKE_IT
        return Finding(entry, Outcome.UNKNOWN_ENTRY, reason, ())
    if is_ours(entry.reference):
        # It bears a reference of ours that is not this booking's: somebody has to look.
        return Finding(entry, Outcome.AMBIGUOUS, Reason.REFERENCE_UNKNOWN, journal_ids)
    if len(fits) > 1 or wanted[fits[0].journal_id] > 1:
        return Finding(entry, Outcome.AMBIGUOUS, Reason.SEVERAL_FIT, journal_ids)
    return Finding(entry, Outcome.MATCHED, None, journal_ids)
