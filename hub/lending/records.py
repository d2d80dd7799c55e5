"""What the log keeps about financings and loans; written in the transaction that changes the state.

A person's loan is a record about that person: readable by them only. An enterprise's is not about a person. Record ids
are made from the objects' own, so a party can ask for its receipt without being told one: `loan-disbursed:<loan>`,
`loan-repaid:<loan>:<sequence>`, `financing-signed:<financing>`. `parties` in each names the enterprises to whom the log
gives its receipt; `receivable-cleared:<receivable>` and `receivable-part-paid:<payment>` are the bank's own.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.restructuring import Restructuring

from hub.lending.auctions.rules import Bid
from hub.lending.auctions.stored import Auction
from hub.lending.clearing.stored import PartPayment
from hub.lending.collections.stored import CollectionEvent
from hub.lending.dealers.stored import DealerApplication
from hub.lending.financings.stored import Financing
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import LoanEventRecord
from hub.lending.orders.stored import Conversion, OrderApplication
from hub.lending.ports import Ledger
from hub.lending.products.definitions import FLASH_LOAN
from hub.lending.referrals.stored import Referral
from hub.lending.registrations.stored import Registration
from hub.lending.warnings.stored import Warned
from hub.lending.workouts.stored_calls import Call

CURRENCY = "CNY"


class Records:
    """Writes this domain's records."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def loan(self, event: str, loan: Loan, amount_fen: int, evidence: dict[str, Any]) -> None:
        """A loan came into being."""
        content = {**_loan_content(loan), "principal_fen": amount_fen, "terms": loan.record.terms}
        await self._append(f"loan.{event}", f"loan-{event}:{loan.record.loan_id}", content, loan, evidence)

    async def loan_event(
        self, event: str, loan: Loan, booked: LoanEventRecord, evidence: dict[str, Any] | None = None
    ) -> None:
        """Something was drawn, repaid or agreed."""
        content = {
            **_loan_content(loan),
            "sequence": booked.sequence,
            "kind": booked.kind,
            "amount_fen": booked.amount_fen,
            "fees_part_fen": booked.fees_part_fen,
            "interest_part_fen": booked.interest_part_fen,
            "principal_part_fen": booked.principal_part_fen,
        }
        record_id = f"loan-{event}:{loan.record.loan_id}:{booked.sequence}"
        await self._append(f"loan.{event}", record_id, content, loan, evidence or {})

    async def restructuring_offered(self, loan: Loan, terms: Restructuring) -> None:
        """Other terms wait for the borrower's signature."""
        content = {
            **_loan_content(loan),
            "number": terms.number,
            "annual_rate": terms.annual_rate,
            "due_date": terms.due_date.isoformat(),
            "repayment": dict(terms.repayment),
            "valid_until": format_time(terms.valid_until),
        }
        record_id = f"loan-restructuring-offered:{terms.loan_id}:{terms.number}"
        await self._append("loan.restructuring-offered", record_id, content, loan, {})

    async def financing(self, event: str, financing: Financing) -> None:
        """An application came to another state; `event` in the past tense, e.g. "signed"."""
        content = {
            "parties": [financing.applicant_uscc],
            "financing_id": financing.financing_id,
            "state": financing.state.value,
            "certificate_id": financing.certificate_id,
            "applicant_uscc": financing.applicant_uscc,
            "principal_fen": financing.quote.principal_fen,
            "interest_fen": financing.quote.interest_fen,
            "fee_fen": financing.quote.fee_fen,
            "currency": CURRENCY,
            "terms": financing.terms,
            "reasons": [reason.code for reason in financing.reasons],
        }
        record_id = f"financing-{event}:{financing.financing_id}"
        await self._ledger.append(f"financing.{event}", record_id, content, subject=None, evidence={})

    async def order_loan(self, event: str, application: OrderApplication) -> None:
        """An application for an order loan came to another state; `event` in the past tense, e.g. "signed"."""
        content = {
            "parties": [application.applicant_uscc],
            "loan_id": application.loan_id,
            "state": application.state.value,
            "applicant_uscc": application.applicant_uscc,
            "buyer_uscc": application.buyer_uscc,
            "order_number": application.order_number,
            "principal_fen": application.quote.principal_fen,
            "interest_fen": application.quote.interest_fen,
            "fee_fen": application.quote.fee_fen,
            "currency": CURRENCY,
            "terms": application.terms,
            "converted_rate": format(application.converted_rate, "f"),
            "reasons": [reason.code for reason in application.reasons],
        }
        record_id = f"order-loan-{event}:{application.loan_id}"
        await self._ledger.append(f"order-loan.{event}", record_id, content, subject=None, evidence={})

    async def dealer_loan(self, event: str, application: DealerApplication) -> None:
        """A dealer's application came to another state; `event` in the past tense, e.g. "reviewed"."""
        content = {
            "parties": [application.dealer_uscc],
            "loan_id": application.loan_id,
            "state": application.state.value,
            "dealer_uscc": application.dealer_uscc,
            "core_uscc": application.core_uscc,
            "limit_fen": application.limit_fen,
            "principal_fen": application.quote.principal_fen,
            "currency": CURRENCY,
            "terms": application.terms,
            "decision_id": application.decision_id,
            "reasons": [reason.code for reason in application.reasons],
            "review": asdict(application.review),
        }
        record_id = f"dealer-loan-{event}:{application.loan_id}"
        await self._ledger.append(f"dealer-loan.{event}", record_id, content, subject=None, evidence={})

    async def auction(self, event: str, auction: Auction) -> None:
        """An auction came to another state; `event` in the past tense, e.g. "awarded"."""
        content = {
            "parties": [auction.holder_uscc],
            "auction_id": auction.auction_id,
            "state": auction.state.value,
            "certificate_id": auction.certificate_id,
            "holder_uscc": auction.holder_uscc,
            "principal_fen": auction.principal_fen,
            "highest_rate": format(auction.highest_rate, "f"),
            "currency": CURRENCY,
            "closes_at": format_time(auction.closes_at),
            "reveals_until": format_time(auction.reveals_until),
        }
        record_id = f"auction-{event}:{auction.auction_id}"
        await self._ledger.append(f"auction.{event}", record_id, content, subject=None, evidence={})

    async def bid(self, event: str, bid: Bid) -> None:
        """A funder placed or revealed a bid: when, and to what it was committed, can be proved to the others."""
        content = {
            "parties": [bid.funder],
            "bid_id": bid.bid_id,
            "auction_id": bid.auction_id,
            "funder_uscc": bid.funder,
            "sequence": bid.sequence,
            "commitment": b64u_encode(bid.commitment),
            "annual_rate": None if bid.annual_rate is None else format(bid.annual_rate, "f"),
            "placed_at": format_time(bid.placed_at),
        }
        record_id = f"bid-{event}:{bid.bid_id}"
        await self._ledger.append(f"bid.{event}", record_id, content, subject=None, evidence={})

    async def conversion(self, application: OrderApplication, conversion: Conversion) -> None:
        """A receivable took over its part of an order loan, or could not."""
        content = {
            "parties": [application.applicant_uscc],
            "loan_id": conversion.loan_id,
            "receivable_id": conversion.receivable_id,
            "receivable_loan_id": conversion.receivable_loan_id,
            "state": conversion.state,
            "principal_fen": conversion.principal_fen,
            "lent_fen": conversion.lent_fen,
            "currency": CURRENCY,
        }
        record_id = f"order-loan-conversion:{conversion.id}"
        await self._ledger.append("order-loan.conversion", record_id, content, subject=None, evidence={})

    async def called(self, event: str, loan: Loan, call: Call) -> None:
        """A loan was called in, or the call ended ("met", "lifted")."""
        content = {
            **_loan_content(loan),
            "receivable_id": call.receivable_id,
            "cause": call.cause,
            "called_on": call.called_on.isoformat(),
            "due_on": call.due_on.isoformat(),
            "state": call.state.value,
        }
        record_id = f"loan-call-{event}:{loan.record.loan_id}:{call.times}"
        await self._append(f"loan.call-{event}", record_id, content, loan, {})

    async def registration(self, event: str, registration: Registration) -> None:
        """The register of movable assets: "registered", "conflicted", "amended", "extended", "objected", "expired",
        "renewed", "outranked", "deregistered".
        """
        expires_on = registration.expires_on.isoformat() if registration.expires_on else None
        content = {
            "parties": [registration.invoice.seller_uscc],
            "claim_id": registration.claim_id,
            "state": registration.state.value,
            "grantor_uscc": registration.invoice.seller_uscc,
            "debtor_uscc": registration.invoice.buyer_uscc,
            "document_number": registration.invoice.invoice_number,
            "registration_number": registration.number,
            "registered_at": format_time(registration.registered_at) if registration.registered_at else None,
            "expires_on": expires_on,
            "objection": registration.objection,
            "amount_fen": registration.invoice.amount_fen,
            "currency": CURRENCY,
        }
        record_id = registration_record(event, registration)
        await self._ledger.append(f"registration.{event}", record_id, content, subject=None, evidence={})

    async def cleared(self, receivable_id: str, content: dict[str, Any]) -> None:
        """A receivable was paid down its chain."""
        record_id = f"receivable-cleared:{receivable_id}"
        await self._ledger.append("receivable.cleared", record_id, content, subject=None, evidence={})

    async def part_payment(self, payment: PartPayment, content: dict[str, Any]) -> None:
        """A part of a receivable was paid down its chain."""
        record_id = f"receivable-part-paid:{payment.payment_id}"
        await self._ledger.append("receivable.part-paid", record_id, content, subject=None, evidence={})

    async def collection(
        self, done: str, event: CollectionEvent, supplier_uscc: str, interested_usccs: list[str]
    ) -> None:
        """A step of collection was raised or resolved; the bank's own. What an operator noted stays in the bank.

        `interested_usccs` hold a certificate over the receivable, or lent on one.
        """
        content = {
            "parties": [],
            "receivable_id": event.receivable_id,
            "buyer_uscc": event.buyer_uscc,
            "supplier_uscc": supplier_uscc,
            "interested_usccs": interested_usccs,
            "step": event.step,
            "days_overdue": event.days_overdue,
            "raised_on": event.raised_on.isoformat(),
        }
        record_id = f"collection-{done}:{event.event_id}"
        await self._ledger.append(f"collection.{done}", record_id, content, subject=None, evidence={})

    async def limit_reached(self, limit_id: str, on: date) -> None:
        """Nine tenths of an enterprise's or a shared limit are in use; the bank's own, once a business day."""
        kind, _, of = limit_id.partition(":")
        content = {"parties": [], "limit_id": limit_id, "dimension": kind, "party": of, "on": on.isoformat()}
        record_id = f"limit-reached:{limit_id}:{on.isoformat()}"
        try:
            await self._ledger.append("limit.reached", record_id, content, subject=None, evidence={})
        except HuilianError as error:
            if error.code != "ALREADY_EXISTS":
                raise

    async def referral(self, event: str, referral: Referral) -> None:
        """An application waits for persons ("opened"), or they "decided"; the bank's own, what they wrote stays."""
        is_person = referral.product_id == FLASH_LOAN
        content: dict[str, Any] = {
            "parties": [],
            "application_id": referral.application_id,
            # A person is named in no record that is not theirs.
            "applicant_uscc": "" if is_person else referral.applicant,
            "product_id": referral.product_id,
            "decision_id": referral.decision_id,
            "state": referral.state.value,
            "persons": 2 if referral.proposed_by else 1,
        }
        record_id = f"referral-{event}:{referral.application_id}"
        subject = referral.applicant if is_person else None
        await self._ledger.append(f"referral.{event}", record_id, content, subject=subject, evidence={})

    async def warning(self, event: str, warned: Warned) -> None:
        """An early warning was "raised", "acknowledged", "resolved" or "lapsed"; the bank's own, reasons stay there."""
        content = {
            "parties": [],
            "warning_id": warned.warning_id,
            "rule": f"{warned.rule}/{warned.rule_version}",
            "subject_kind": warned.subject.kind.value,
            "subject": warned.subject.id,
            "business_day": warned.business_day.isoformat(),
            "level": warned.level.value,
            "facts": warned.facts,
        }
        await self._ledger.append(
            f"warning.{event}", f"warning-{event}:{warned.warning_id}", content, subject=None, evidence={}
        )

    async def _append(
        self, kind: str, record_id: str, content: dict[str, Any], loan: Loan, evidence: dict[str, Any]
    ) -> None:
        subject = loan.record.borrower if loan.record.is_person else None
        await self._ledger.append(kind, record_id, content, subject=subject, evidence=evidence)


def registration_record(event: str, registration: Registration) -> str:
    """The id of a record about a registration; what can happen more than once bears the revision."""
    once = event in ("registered", "conflicted", "deregistered")
    return f"registration-{event}:{registration.claim_id}" + ("" if once else f":{registration.revision}")


def _loan_content(loan: Loan) -> dict[str, Any]:
    return {
        "parties": [loan.record.borrower],
        "loan_id": loan.record.loan_id,
        "borrower": loan.record.borrower,
        "product_id": loan.record.product_id,
        "value_date": loan.as_of.isoformat(),
        "currency": CURRENCY,
        "outstanding_fen": int(loan.owed.principal_fen),
        **({"funder_uscc": loan.record.funder} if loan.record.funder else {}),
    }
