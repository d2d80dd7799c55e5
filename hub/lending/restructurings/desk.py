"""Restructuring: the bank offers other terms for what is left of a loan; they are in force once the borrower signed.

Both parties agree on a change of their contract (Civil Code §543): a person signs with the device key, an enterprise by
the word of a signer over these very terms. Every use case runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import Clock, format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.restructuring import Restructuring
from huilian_protocol.signers import Power
from huilian_protocol.webauthn import Assertion

from hub.lending.loans import stored as stored_loans
from hub.lending.loans.desk import Loans
from hub.lending.loans.model import Loan
from hub.lending.ports import Inbox, Mandates, Saying
from hub.lending.products.definitions import Product
from hub.lending.records import Records
from hub.lending.restructurings import stored
from hub.lending.restructurings.plans import event_of
from hub.lending.restructurings.stored import Offer, OfferState
from hub.lending.rules import LoanAction, check_exit
from hub.lending.signatures import PersonSignatures

# Long enough for an enterprise's signers to meet; interest of more days would make the offer another one.
GOOD_FOR = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Agreed:
    """A loan and an offer for it, as they stand."""

    loan: Loan
    offer: Offer


class Restructurings:
    """Use cases of the bank's workout desk and of borrowers."""

    def __init__(
        self,
        clock: Clock,
        loans: Loans,
        records: Records,
        mandates: Mandates,
        signatures: PersonSignatures,
        products: Mapping[str, Product],
        inbox: Inbox,
    ) -> None:
        self._clock, self._loans, self._records = clock, loans, records
        self._mandates, self._signatures = mandates, signatures
        self._products, self._inbox = products, inbox

    async def offer(self, loan_id: str, annual_rate: str, maturity: date, repayment: dict[str, Any]) -> Agreed:
        """Other due dates and another rate for what is left; `repayment` as `huilian_loans.documents.read_plan` has it.

        The loan stays what it is. Raises NOT_FOUND, STATE_CONFLICT, INVALID_ARGUMENT.
        """
        loan = await self._loans.locked(loan_id)
        check_exit(self._products[loan.record.product_id], LoanAction.RESTRUCTURE)
        now = self._clock.now().replace(microsecond=0)
        known = await stored.of_loan(loan_id, now)
        terms = Restructuring(
            loan_id=loan_id,
            number=len(known) + 1,
            principal_fen=int(loan.owed.principal_fen),
            annual_rate=annual_rate,
            due_date=maturity,
            repayment=repayment,
            valid_until=now + GOOD_FOR,
        )
        event_of(loan, terms)
        await stored.add(terms, now)
        await self._records.restructuring_offered(loan, terms)
        if loan.record.is_person:
            await self._inbox.say(loan.record.borrower, _saying(terms))
        return Agreed(loan, Offer(terms, OfferState.OFFERED))

    async def sign(self, borrower: str, loan_id: str, number: int, assertion: Assertion | None) -> Agreed:
        """The borrower agrees, and the terms take effect. Moves no money and needs no journal.

        Raises NOT_FOUND, OFFER_EXPIRED, STATE_CONFLICT (signed, replaced; the loan is another one than was offered
        for), PERMISSION_DENIED (an enterprise none of whose signers agreed), BINDING_INVALID, ASSERTION_INVALID.
        """
        loan = await self._own(borrower, loan_id, locked=True)
        terms = _open(await stored.of_loan(loan_id, self._clock.now()), number).terms
        evidence = {"terms": b64u_encode(terms.canonical()), **await self._signature(loan, terms, assertion)}
        event = event_of(loan, terms)
        await self._loans.book(loan.record, event, [], "restructuring")
        await stored_loans.set_maturity(loan_id, terms.due_date)
        await stored.set_signed(terms, self._clock.now())
        after = await self._loans.noted("restructured", loan, event, evidence)
        return Agreed(after, Offer(terms, OfferState.SIGNED, self._clock.now()))

    async def of_loan(self, caller: str | None, loan_id: str) -> list[Agreed]:
        """The offers of a loan with the loan, the newest first; `caller` is None for the bank. Raises NOT_FOUND."""
        loan = await (self._loans.find(loan_id) if caller is None else self._own(caller, loan_id, locked=False))
        return [Agreed(loan, offer) for offer in await stored.of_loan(loan_id, self._clock.now())]

    async def _own(self, borrower: str, loan_id: str, *, locked: bool) -> Loan:
        loan = await self._loans.get(borrower, loan_id)
        return await self._loans.locked(loan_id) if locked else loan

    async def _signature(self, loan: Loan, terms: Restructuring, assertion: Assertion | None) -> dict[str, object]:
        """One that was struck off may still agree on how to pay what it owes."""
        borrower = loan.record.borrower
        if loan.record.is_person:
            if assertion is None:
                raise HuilianError("ASSERTION_INVALID", "a person signs with the device key")
            return await self._signatures.verify(borrower, terms.challenge, assertion)
        await self._mandates.require_word(borrower, Power.FINANCE, terms.act_id, terms.principal_fen)
        return {}


def _saying(terms: Restructuring) -> Saying:
    return Saying(
        id=f"restructuring:{terms.loan_id}:{terms.number}",
        kind="LOAN_RESTRUCTURING_OFFERED",
        object_id=terms.loan_id,
        text_zh="银行提出了新的还款方案，请在有效期内查看；您签署之前，原还款计划不变。",
        text_en="The bank offers other terms for your loan. Look at them in time; nothing changes before you sign.",
    )


def _open(offers: list[Offer], number: int) -> Offer:
    found = next((offer for offer in offers if offer.terms.number == number), None)
    if found is None:
        raise HuilianError("NOT_FOUND", resource="restructuring")
    if found.state is OfferState.EXPIRED:
        raise HuilianError("OFFER_EXPIRED", expired_at=format_time(found.terms.valid_until))
    if found.state is not OfferState.OFFERED:
        raise HuilianError("STATE_CONFLICT", "not open any more", state=found.state)
    return found
