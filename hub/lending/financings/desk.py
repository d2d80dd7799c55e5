"""Loans on receivable certificates: quote, apply, accept and sign, lock the claim, disburse; every exit releases.

The path of one application: apply (decision, certificate and limit blocked, offer) -> accept (signed, claim asked for)
-> "claim.decided" -> "lending.conclude" -> money or rejection. Topics are handled at least once and change nothing when
they come again. Locks are taken in one order: financing, then claim.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from huilian_protocol.clock import format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.lending.collections.overdue import overdue_of_buyer
from hub.lending.decisions.tables import Decision, Reason
from hub.lending.financings import stored
from hub.lending.financings.claim_locks import FINANCED, REFUSED, invoice_identity
from hub.lending.financings.stored import Financing
from hub.lending.financings.tools import Desk
from hub.lending.limits.desk import Parties, limit_id
from hub.lending.loans.desk import Opening
from hub.lending.loans.model import Loan
from hub.lending.referrals.desk import REVIEWED_AND_REFUSED
from hub.lending.rounds import each
from hub.lending.rules import (
    FinancingState,
    Quote,
    check_term,
    check_transition,
    no_price,
    offered_anew,
    principal_on_certificate,
    quote,
)
from hub.lending.standing import no_longer_verified
from hub.lending.warnings.desk import red_facts
from hub.platform.business_day import business_date
from hub.platform.outbox import Message
from hub.platform.paging import Page
from hub.receivables.service import Certificate, CertificateState

CONCLUDE_TOPIC = "lending.conclude"
BATCH = 100
_S = FinancingState


class Financings:
    """Use cases of financing; each runs inside the caller's transaction unless it says otherwise."""

    def __init__(self, desk: Desk) -> None:
        """Registers the handler of its topic with the outbox."""
        self._desk = desk
        desk.outbox.register(CONCLUDE_TOPIC, self.conclude)

    async def quote(self, applicant: str, certificate_id: str) -> Quote:
        """The price of the most that a held certificate fetches today; nothing is blocked.

        Raises NOT_FOUND, STATE_CONFLICT, TERM_TOO_LONG, INVALID_ARGUMENT (below the least amount).
        """
        certificate = await self._held(applicant, certificate_id)
        principal_fen = principal_on_certificate(self._desk.product, 0, certificate.amount_fen)
        decision = self._desk.tables.newest(self._desk.product.decision_table).decide(
            self._facts(certificate, principal_fen, applicant_overdue=0, buyer_overdue=0) | red_facts()
        )
        if not decision.approved:
            codes = ", ".join(reason.code for reason in decision.reasons)
            raise HuilianError("STATE_CONFLICT", f"not financed: {codes}", state=certificate.state)
        return self._priced(principal_fen, decision, certificate.due_date)

    async def apply(self, applicant: str, financing_id: str, certificate_id: str, wanted_fen: int) -> Financing:
        """An offer with the certificate and the buyer's limit blocked, or a rejection with reasons, or REFERRED to a
        person, with nothing blocked.

        `wanted_fen` 0 asks for the most. Raises NOT_FOUND, ALREADY_EXISTS, STATE_CONFLICT, TERM_TOO_LONG,
        AMOUNT_EXCEEDS_RECEIVABLE, LIMIT_EXCEEDED, INVALID_ARGUMENT.
        """
        await self._desk.mandates.require_verified(applicant)
        await self._desk.database.lock("financing", financing_id)
        await self._desk.loans.take_id(financing_id, "financing")
        certificate = await self._held(applicant, certificate_id)
        principal_fen = principal_on_certificate(self._desk.product, wanted_fen, certificate.amount_fen)
        decision_id, decision = await self._decide(applicant, certificate, principal_fen)
        financing = self._checked(applicant, financing_id, certificate, principal_fen, decision_id, decision)
        if decision.referred:
            product_id, decided = self._desk.product.product_id, (decision_id, decision)
            await self._desk.referrals.open(product_id, financing_id, applicant, principal_fen, decided)
            return await self._add(financing, _S.REFERRED, "referred")
        if not decision.approved:
            return await self._add(financing, _S.REJECTED, "rejected")
        await self._block(financing)
        return await self._add(financing, _S.OFFERED, "offered")

    async def accept(self, applicant: str, financing_id: str) -> Financing:
        """Signs the offer; the money follows once the claim is locked on the chain.

        Raises NOT_FOUND, STATE_CONFLICT, OFFER_EXPIRED, PERMISSION_DENIED (no signer of the applicant agreed).
        """
        financing = await self._locked(applicant, financing_id)
        if financing.state is _S.OFFERED and self._desk.clock.now() >= financing.offer_expires_at:
            raise HuilianError("OFFER_EXPIRED", expired_at=format_time(financing.offer_expires_at))
        await self._desk.mandates.require_mandate(applicant, Power.FINANCE, financing_id, financing.quote.principal_fen)
        financing = await stored.move(financing, _S.ACCEPTED)
        receivable = await self._desk.receivables.get_receivable(financing.receivable_id)
        claim_id, claim_state = await self._desk.claims.ensure(receivable.receivable_id, invoice_identity(receivable))
        signed = await stored.move(financing, _S.SIGNED, claim_id=claim_id)
        await self._desk.records.financing("signed", signed)
        if claim_state == FINANCED:
            await self._put_conclusion(financing_id)
        return signed

    async def withdraw(self, applicant: str, financing_id: str) -> Financing:
        """Takes an application back before it is signed. Raises NOT_FOUND, STATE_CONFLICT."""
        return await self._end(await self._locked(applicant, financing_id), _S.WITHDRAWN, "withdrawn")

    async def approve_referred(self, application_id: str) -> None:
        """See `referrals.Settles`."""
        financing = await self._lock(application_id)
        check_transition(financing.state, _S.OFFERED)
        await self._held(financing.applicant_uscc, financing.certificate_id)
        before, now = financing.quote, self._desk.clock.now()
        anew = offered_anew(self._desk.product, before, before.due_date, self._today(), now)
        offered = await stored.move(financing, _S.OFFERED, **anew)
        await self._block(offered)
        await self._desk.records.financing("offered", offered)

    async def refuse_referred(self, application_id: str) -> None:
        """See `referrals.Settles`."""
        financing = await self._lock(application_id)
        refused = self._desk.tables.newest(self._desk.product.decision_table).reason(REVIEWED_AND_REFUSED)
        rejected = await stored.move(financing, _S.REJECTED, reasons=(*financing.reasons, refused))
        await self._desk.records.financing("rejected", rejected)

    async def get(self, applicant: str, financing_id: str) -> Financing:
        """An applicant's own application. Raises NOT_FOUND, also for somebody else's."""
        financing = await stored.find(financing_id)
        if financing is None or financing.applicant_uscc != applicant:
            raise HuilianError("NOT_FOUND", resource="financing")
        return financing

    async def list_own(self, applicant: str, size: int, token: str) -> Page[Financing]:
        """An applicant's applications, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored.page_of_applicant(applicant, size, token)

    async def claim_decided(self, claim_id: str) -> None:
        """The chain answered on a claim: the applications that waited for it are concluded."""
        for financing_id in await stored.ids_on_claim(claim_id):
            await self._put_conclusion(financing_id)

    async def conclude(self, message: Message) -> None:
        """Pays out a signed application whose claim is ours, rejects one whose claim was refused.

        Opens its own transaction; again it changes nothing. The invoice is verified once more first: an answer that
        does not come leaves the message to be delivered again.
        """
        signed = await stored.find(str(message.payload["financing_id"]))
        if signed is not None and signed.state is _S.SIGNED:
            await self._desk.receivables.verify_invoice(signed.receivable_id)
        async with self._desk.database.transaction():
            financing = await self._lock(str(message.payload["financing_id"]))
            if financing.state is not _S.SIGNED or financing.claim_id is None:
                return
            claim_state = await self._desk.claims.state(financing.claim_id)
            if claim_state == REFUSED:
                await self._refuse(financing)
            elif self._today() >= financing.quote.due_date:
                await self._expire_signed(financing)
            elif claim_state == FINANCED:
                await self._pay_out_if_lendable(financing)

    async def expire(self) -> int:
        """Ends offers that nobody accepted in time and contracts that waited too long; how many.

        Opens a transaction for each.
        """
        now = self._desk.clock.now()
        offers = await stored.ids_of_expired_offers(now, BATCH)
        late = await stored.ids_too_late(business_date(now), BATCH)

        async def end(financing_id: str) -> None:
            async with self._desk.database.transaction():
                await self._expire(await self._lock(financing_id))

        await each([*offers, *late], end, str)
        return len(offers) + len(late)

    async def loan_closed(self, loan: Loan) -> None:
        """The borrower closed a loan: unless the certificate was redeemed, it and the claim are free again."""
        record = loan.record
        if record.certificate_id is None or record.financing_id is None:
            return
        certificate = await self._desk.receivables.get_certificate(record.certificate_id)
        if certificate.state is not CertificateState.FINANCED:
            return
        await self._desk.receivables.release_block(record.certificate_id, record.financing_id)
        if record.claim_id is not None:
            await self._desk.claims.release_if_unused(record.claim_id)

    async def freezing(self, certificate: Certificate) -> None:
        """A court is about to freeze a certificate: an application that blocks it ends and gives it back."""
        financing = await stored.find(certificate.financing_id or "")
        if financing is None:
            return
        financing = await self._lock(financing.financing_id)
        if financing.state is _S.OFFERED:
            await self._released(await stored.move(financing, _S.WITHDRAWN), "withdrawn")
        elif financing.state is _S.SIGNED:
            await self._expire_signed(financing)

    async def _held(self, applicant: str, certificate_id: str) -> Certificate:
        certificate = await self._desk.receivables.get_certificate(certificate_id)
        if certificate.holder_uscc != applicant:
            raise HuilianError("NOT_FOUND", resource="certificate")
        if certificate.state is not CertificateState.HELD:
            raise HuilianError("STATE_CONFLICT", state=certificate.state)
        check_term(self._desk.product, self._today(), certificate.due_date)
        return certificate

    async def _decide(self, applicant: str, certificate: Certificate, principal_fen: int) -> tuple[str, Decision]:
        loans = await self._desk.loans.open_of(applicant)
        facts = self._facts(
            certificate,
            principal_fen,
            applicant_overdue=sum(loan.in_arrears for loan in loans),
            buyer_overdue=await overdue_of_buyer(certificate.issuer_uscc),
        )
        facts |= await self._desk.warnings.facts(certificate.issuer_uscc, applicant)
        table = self._desk.product.decision_table
        return await self._desk.decisions.decide(table, facts, subject=None, may_refer=True)

    def _facts(
        self, certificate: Certificate, principal_fen: int, *, applicant_overdue: int, buyer_overdue: int
    ) -> dict[str, int | str]:
        return {
            "amount_fen": principal_fen,
            "certificate_fen": certificate.amount_fen,
            "term_days": (certificate.due_date - self._today()).days,
            "applicant_overdue_loans": applicant_overdue,
            "buyer_overdue_receivables": buyer_overdue,
        }

    def _priced(self, principal_fen: int, decision: Decision, due_date: date) -> Quote:
        annual_rate = Decimal(decision.offer["annual_rate"])
        return quote(self._desk.product, principal_fen, annual_rate, self._today(), due_date)

    def _checked(
        self,
        applicant: str,
        financing_id: str,
        certificate: Certificate,
        principal_fen: int,
        decision_id: str,
        decision: Decision,
    ) -> Financing:
        product, now = self._desk.product, self._desk.clock.now()
        due = certificate.due_date
        priced = (
            self._priced(principal_fen, decision, due)
            if decision.offer
            else no_price(principal_fen, self._today(), due)
        )
        return Financing(
            financing_id=financing_id,
            state=_S.CHECKED,
            certificate_id=certificate.certificate_id,
            receivable_id=certificate.receivable_id,
            applicant_uscc=applicant,
            buyer_uscc=certificate.issuer_uscc,
            quote=priced,
            terms=product.terms_of(priced.annual_rate, priced.value_date, due),
            reasons=decision.reasons,
            decision_id=decision_id,
            claim_id=None,
            loan_id=None,
            offer_expires_at=now + timedelta(minutes=product.offer_minutes),
            created_at=now,
        )

    async def _add(self, financing: Financing, state: FinancingState, event: str) -> Financing:
        await stored.add(financing)
        moved = await stored.move(financing, state)
        await self._desk.records.financing(event, moved)
        return moved

    async def _block(self, financing: Financing) -> None:
        identity = limit_id(self._desk.product.product_id, financing.buyer_uscc)
        await self._desk.limits.ensure(identity, self._desk.product.party_limit_fen)
        parties = Parties(self._desk.product.product_id, financing.buyer_uscc, financing.applicant_uscc)
        await self._desk.limits.block(identity, financing.financing_id, financing.quote.principal_fen, parties)
        await self._desk.receivables.block_for_financing(financing.certificate_id, financing.financing_id)

    async def _end(self, financing: Financing, state: FinancingState, event: str) -> Financing:
        """Ends what nobody signed."""
        ended = await stored.move(financing, state)
        if financing.state is not _S.REFERRED:
            return await self._released(ended, event)
        await self._desk.referrals.end(financing.financing_id)
        await self._desk.records.financing(event, ended)
        return ended

    async def _released(self, financing: Financing, event: str) -> Financing:
        await self._desk.receivables.release_block(financing.certificate_id, financing.financing_id)
        await self._desk.limits.release_block(financing.financing_id)
        await self._desk.records.financing(event, financing)
        return financing

    async def _refuse(self, financing: Financing) -> None:
        assert financing.claim_id is not None, "it was signed"
        await self._reject(financing, await self._desk.claims.refusal(financing.claim_id))

    async def _reject(self, financing: Financing, error: HuilianError) -> None:
        reason = Reason(error.code, error.text_zh, error.text_en)
        refused = await stored.move(financing, _S.REJECTED, reasons=(*financing.reasons, reason))
        await self._released(refused, "rejected")

    async def _expire(self, financing: Financing) -> None:
        if financing.state is _S.SIGNED:
            await self._expire_signed(financing)
        elif financing.state in (_S.OFFERED, _S.REFERRED):
            await self._end(financing, _S.EXPIRED, "expired")

    async def _expire_signed(self, financing: Financing) -> None:
        await self._released(await stored.move(financing, _S.EXPIRED), "expired")
        if financing.claim_id is not None:
            await self._desk.claims.release_if_unused(financing.claim_id)

    async def _pay_out_if_lendable(self, financing: Financing) -> None:
        parties = (financing.applicant_uscc, financing.buyer_uscc)
        if (refusal := await no_longer_verified(self._desk.mandates, *parties)) is not None:
            return await self._reject_claimed(financing, refusal)
        try:
            await self._desk.receivables.require_lendable_now(financing.receivable_id)
        except HuilianError as error:
            if error.code != "INVOICE_REFUSED":
                raise
            await self._reject_claimed(financing, error)
        else:
            await self._pay_out(financing)

    async def _reject_claimed(self, financing: Financing, error: HuilianError) -> None:
        await self._reject(financing, error)
        if financing.claim_id is not None:
            await self._desk.claims.release_if_unused(financing.claim_id)

    async def _pay_out(self, financing: Financing) -> None:
        opening = Opening(
            loan_id=financing.financing_id,
            borrower=financing.applicant_uscc,
            is_person=False,
            revolving=False,
            terms=financing.terms,
            limit_fen=financing.quote.principal_fen,
            principal_fen=financing.quote.principal_fen,
            fee_fen=financing.quote.fee_fen,
            certificate_id=financing.certificate_id,
            financing_id=financing.financing_id,
            claim_id=financing.claim_id,
        )
        await self._desk.limits.utilise(financing.financing_id)
        await self._desk.receivables.mark_financed(financing.certificate_id, financing.financing_id)
        loan = await self._desk.loans.open(opening, evidence={})
        disbursed = await stored.move(financing, _S.DISBURSED, loan_id=loan.record.loan_id)
        await self._desk.records.financing("disbursed", disbursed)

    async def _put_conclusion(self, financing_id: str) -> None:
        await self._desk.outbox.put(CONCLUDE_TOPIC, financing_id, {"financing_id": financing_id})

    async def _locked(self, applicant: str, financing_id: str) -> Financing:
        await self._desk.database.lock("financing", financing_id)
        return await self.get(applicant, financing_id)

    async def _lock(self, financing_id: str) -> Financing:
        await self._desk.database.lock("financing", financing_id)
        financing = await stored.find(financing_id)
        if financing is None:
            raise HuilianError("NOT_FOUND", resource="financing")
        return financing

    def _today(self) -> date:
        return business_date(self._desk.clock.now())
