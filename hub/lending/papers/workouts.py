"""What the papers of workouts say, from the loan's events: what stood on the day, by the loan engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from huilian_loans import owed, position
from huilian_loans.documents import read_terms
from huilian_protocol.errors import HuilianError

from documents.lending_papers import Instalment
from documents.paper import Paper
from documents.workout_papers import BuyBackNotice, ChargeOffCertificate, Parts, RestructuringAgreement
from hub.lending.loans import stored
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import BUY_BACK, CHARGE_OFF, OFFER, RESTRUCTURE, SETTLED_BY, LoanEventRecord
from hub.lending.restructurings.plans import content_before
from hub.lending.rules import schedule_after


@dataclass(frozen=True, slots=True)
class Listed:
    """A paper that a loan has: what happened, the number of its event, and its day."""

    kind: str
    sequence: int
    day: date


def workouts_of(loan: Loan) -> list[Listed]:
    """The papers of what was done to a loan, in order."""
    return [Listed(event.kind, event.sequence, event.value_date) for event in loan.events if event.kind in _PAPERS]


def workout_paper(loan: Loan, kind: str, sequence: int) -> Paper:
    """The paper of one event, of the newest of its kind for `sequence` 0. Raises NOT_FOUND."""
    found = [event for event in loan.events if event.kind == kind and sequence in (0, event.sequence)]
    if not found:
        raise HuilianError("NOT_FOUND", resource="document")
    return _PAPERS[kind](loan, found[-1])


def _restructuring(loan: Loan, event: LoanEventRecord) -> Paper:
    """By the events that were booked when it was agreed: a later correction is no part of the agreement."""
    terms, day = read_terms(loan.record.terms), event.value_date
    earlier = [one for one in loan.events if one.sequence < event.sequence]
    before = stored.engine_events(earlier)
    known = stored.engine_events([one for one in loan.events if one.sequence <= event.sequence])
    stood = owed(terms, position(terms, before, day))
    old = content_before(loan, earlier)
    return RestructuringAgreement(
        loan_id=loan.record.loan_id,
        record_id=_record("restructured", loan, event),
        borrower=loan.record.borrower,
        day=day,
        owed=Parts(int(stood.fees_fen), int(stood.interest_fen), int(stood.principal_fen)),
        old_rate=Decimal(old["annual_rate"]),
        new_rate=Decimal(event.content["annual_rate"]),
        old_maturity=date.fromisoformat(old["maturity"]),
        new_maturity=date.fromisoformat(event.content["maturity"]),
        plan=event.content["repayment"]["kind"],
        schedule=[
            Instalment(line.due_date, line.principal_fen, line.interest_fen, line.fee_fen)
            for line in schedule_after(loan.record.terms, known, day)
        ],
        signed_terms=event.content.get(OFFER, "—"),
    ).paper()


def _buy_back(loan: Loan, event: LoanEventRecord) -> Paper:
    return BuyBackNotice(
        loan_id=loan.record.loan_id,
        record_id=_record("repaid", loan, event),
        borrower=loan.record.borrower,
        payer=event.content.get(SETTLED_BY, ""),
        certificate_id=loan.record.certificate_id or "",
        day=event.value_date,
        paid=_parts(event),
    ).paper()


def _charge_off(loan: Loan, event: LoanEventRecord) -> Paper:
    return ChargeOffCertificate(
        loan_id=loan.record.loan_id,
        record_id=_record("charged-off", loan, event),
        borrower=loan.record.borrower,
        day=event.value_date,
        given_up=_parts(event),
        as_of=loan.as_of,
        left_fen=loan.written_off_fen,
    ).paper()


_PAPERS = {RESTRUCTURE: _restructuring, BUY_BACK: _buy_back, CHARGE_OFF: _charge_off}


def _parts(event: LoanEventRecord) -> Parts:
    return Parts(event.fees_part_fen, event.interest_part_fen, event.principal_part_fen)


def _record(done: str, loan: Loan, event: LoanEventRecord) -> str:
    return f"loan-{done}:{loan.record.loan_id}:{event.sequence}"
