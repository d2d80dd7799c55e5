"""What an offer changes, as its borrower is to see it: what falls due as the loan is, and what under the new terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from huilian_loans import payoff
from huilian_loans.documents import read_terms
from huilian_protocol.errors import HuilianError
from huilian_protocol.restructuring import Restructuring

from hub.lending.loans import stored as stored_loans
from hub.lending.loans.bookings import next_sequence, whole_fen
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import OFFER, RESTRUCTURE, LoanEventRecord
from hub.lending.restructurings.stored import Offer, OfferState
from hub.lending.rules import DueLine, LoanAction, check_action, schedule_after
from hub.lending.workouts.desk import paid_with

Schedule = tuple[DueLine, ...]


@dataclass(frozen=True, slots=True)
class Plans:
    """What falls due after a day, in the order of due dates; `offered` is empty for terms that cannot be signed."""

    former: Schedule = ()
    offered: Schedule = ()


def plans_of(loan: Loan, offer: Offer) -> Plans:
    """Of an open offer as of the loan's day, of a signed one as of the day of signing; nothing for any other."""
    if offer.state is OfferState.SIGNED:
        return _when_signed(loan, offer.terms)
    if offer.state is not OfferState.OFFERED:
        return Plans()
    try:
        event = event_of(loan, offer.terms)
    except HuilianError:
        return Plans(_former(loan, loan.events, loan.as_of))
    return _around(loan, loan.events, event)


def event_of(loan: Loan, terms: Restructuring) -> LoanEventRecord:
    """The event that brings the terms into force today. Raises STATE_CONFLICT, INVALID_ARGUMENT where it cannot."""
    check_action(loan.state, LoanAction.RESTRUCTURE)
    if not terms.principal_fen:
        raise HuilianError("STATE_CONFLICT", "no principal is left", state=loan.state)
    if terms.principal_fen != loan.owed.principal_fen:
        raise HuilianError("STATE_CONFLICT", "another principal is left than was offered for", state="CHANGED")
    content = {
        "annual_rate": terms.annual_rate,
        "maturity": terms.due_date.isoformat(),
        "repayment": dict(terms.repayment),
        OFFER: terms.act_id,
    }
    event = LoanEventRecord(next_sequence(loan), RESTRUCTURE, loan.as_of, terms.principal_fen, content=content)
    paid_with(loan, event)
    return event


def _when_signed(loan: Loan, terms: Restructuring) -> Plans:
    """By the events that were booked when it was signed: a later correction is no part of the agreement."""
    event = next(one for one in loan.events if one.content.get(OFFER) == terms.act_id)
    return _around(loan, tuple(one for one in loan.events if one.sequence < event.sequence), event)


def _around(loan: Loan, known: tuple[LoanEventRecord, ...], event: LoanEventRecord) -> Plans:
    after = stored_loans.engine_events([*known, event])
    return Plans(_former(loan, known, event.value_date), schedule_after(loan.record.terms, after, event.value_date))


def _former(loan: Loan, known: tuple[LoanEventRecord, ...], day: date) -> Schedule:
    """After its last due date all that is left is one line, due since then."""
    terms, events = read_terms(loan.record.terms), stored_loans.engine_events([*known])
    left = schedule_after(loan.record.terms, events, day)
    if left:
        return left
    owes = payoff(terms, events, day)
    last = date.fromisoformat(content_before(loan, known)["maturity"])
    return (DueLine(last, whole_fen(owes.principal_fen), whole_fen(owes.interest_fen), whole_fen(owes.fees_fen)),)


def content_before(loan: Loan, known: Sequence[LoanEventRecord]) -> Mapping[str, Any]:
    """The `annual_rate` and the `maturity` in force with these events: the newest agreement's, else the contract's."""
    agreed = [event for event in known if event.kind == RESTRUCTURE]
    return agreed[-1].content if agreed else loan.record.terms
