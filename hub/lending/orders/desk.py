"""Loans on purchase orders (订单融资): lent on goods to come, taken over line by line by receivables for what came.

apply (decision, buyer's limit blocked, offer) -> sign (claim on the order asked for) -> money. What happens when goods
come, or do not, is in `conversions.py`. Topics are handled at least once and change nothing when they come again. Locks
are taken in one order: order loan, claim, receivable.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from huilian_protocol.clock import format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.lending.collections.overdue import overdue_of_buyer
from hub.lending.decisions.tables import Decision, Reason
from hub.lending.financings.claim_locks import FINANCED, ORDER, REFUSED
from hub.lending.limits.desk import Parties, limit_id
from hub.lending.loans import stored as stored_loans
from hub.lending.loans.desk import Opening
from hub.lending.loans.model import Loan
from hub.lending.orders import rules as order_rules
from hub.lending.orders import stored
from hub.lending.orders.conversions import Conversions, OrderDesk
from hub.lending.orders.rules import ApplicationState, OrderLine, spread_principal
from hub.lending.orders.stored import OrderApplication
from hub.lending.orders.view import OrderLoan
from hub.lending.referrals.desk import REVIEWED_AND_REFUSED
from hub.lending.rounds import each
from hub.lending.rules import Quote, check_term, no_price, offered_anew, principal_on_certificate, quote
from hub.lending.standing import no_longer_verified
from hub.lending.warnings.desk import red_facts
from hub.platform.business_day import business_date
from hub.platform.outbox import Message
from hub.platform.paging import Page
from hub.receivables.service import PurchaseOrder
from ledger.registry.fingerprints import InvoiceIdentity

CONCLUDE_TOPIC = "lending.order-conclude"
BATCH = 100
_S = ApplicationState
_STATES = {"APPROVED": _S.OFFERED, "REJECTED": _S.REJECTED, "REFERRED": _S.REFERRED}


class OrderLoans:
    """Use cases; each runs inside the caller's transaction unless it says otherwise."""

    def __init__(self, desk: OrderDesk) -> None:
        """Registers the handler of its topic with the outbox."""
        self._desk = desk
        self.conversions = Conversions(desk, self.loan_closed)
        desk.outbox.register(CONCLUDE_TOPIC, self.conclude)

    async def quote(self, applicant: str, buyer_uscc: str, order_document_id: str, term_days: int) -> Quote:
        """The price of the most that an order fetches today; nothing is blocked.

        Raises NOT_FOUND, STATE_CONFLICT, TERM_TOO_LONG, INVALID_ARGUMENT (below the least amount).
        """
        order, due_date = await self._fundable(applicant, buyer_uscc, order_document_id, term_days)
        principal_fen = self._principal(order, 0)
        facts = self._facts(order, principal_fen, due_date, applicant_overdue=0, buyer_overdue=0) | red_facts()
        decision = self._desk.tables.newest(self._desk.product.decision_table).decide(facts)
        return self._priced(principal_fen, decision, due_date)

    async def apply(
        self, applicant: str, loan_id: str, buyer_uscc: str, order_document_id: str, wanted_fen: int, term_days: int
    ) -> OrderLoan:
        """An offer with the buyer's limit blocked, a rejection, or REFERRED to a person. `wanted_fen` 0: the most.

        Raises NOT_FOUND, ALREADY_EXISTS, STATE_CONFLICT (withdrawn, delivered or lent on already), TERM_TOO_LONG,
        AMOUNT_EXCEEDS_RECEIVABLE, LIMIT_EXCEEDED, INVALID_ARGUMENT.
        """
        await self._desk.mandates.require_verified(applicant)
        await self._desk.mandates.require_verified(buyer_uscc)
        await self._desk.database.lock("order-loan", loan_id)
        await self._desk.loans.take_id(loan_id, "order loan")
        await self._desk.database.lock("order", buyer_uscc, order_document_id)
        order, due_date = await self._fundable(applicant, buyer_uscc, order_document_id, term_days)
        if await stored.live_on_order(buyer_uscc, order_document_id) is not None:
            raise HuilianError("STATE_CONFLICT", "the order is lent on already", state="FINANCED")
        principal_fen = self._principal(order, wanted_fen)
        decision_id, decision = await self._decide(applicant, order, principal_fen, due_date)
        application = self._offered(applicant, loan_id, order, principal_fen, due_date, decision_id, decision)
        lines = _lines(order, principal_fen, self._desk.product.advance_rate)
        await stored.add(application, lines)
        if decision.approved:
            await self._block(application)
        if decision.referred:
            decided = (decision_id, decision)
            await self._desk.referrals.open(self._desk.product.product_id, loan_id, applicant, principal_fen, decided)
        await self._desk.records.order_loan(application.state.lower(), application)
        return await self._view(application)

    async def sign(self, applicant: str, loan_id: str) -> OrderLoan:
        """Signs the offer; the money follows once the claim on the order is locked on the chain.

        Raises NOT_FOUND, STATE_CONFLICT, OFFER_EXPIRED, PERMISSION_DENIED (no signer of the applicant agreed).
        """
        application = await self._locked(applicant, loan_id)
        if application.state is _S.OFFERED and self._desk.clock.now() >= application.offer_expires_at:
            raise HuilianError("OFFER_EXPIRED", expired_at=format_time(application.offer_expires_at))
        order_rules.check_transition(application.state, _S.SIGNED)
        await self._desk.mandates.require_mandate(applicant, Power.FINANCE, loan_id, application.quote.principal_fen)
        order = await self._desk.receivables.find_order(application.buyer_uscc, application.order_document_id)
        claim_id, claim_state = await self._desk.claims.ensure(f"{ORDER}{loan_id}", _order_identity(order))
        signed = await stored.move(application, _S.SIGNED, claim_id=claim_id)
        await self._desk.records.order_loan("signed", signed)
        if claim_state == FINANCED:
            await self._put_conclusion(loan_id)
        return await self._view(signed)

    async def withdraw(self, applicant: str, loan_id: str) -> OrderLoan:
        """Takes an application back before it is signed. Raises NOT_FOUND, STATE_CONFLICT."""
        application = await self._locked(applicant, loan_id)
        await self._end_unpaid(application, _S.WITHDRAWN, "withdrawn")
        return await self._view(await self._own(applicant, loan_id))

    async def approve_referred(self, application_id: str) -> None:
        """See `referrals.Settles`."""
        application = await self._lock(application_id)
        order_rules.check_transition(application.state, _S.OFFERED)
        product, before = self._desk.product, application.quote
        order = await self._desk.receivables.find_order(application.buyer_uscc, application.order_document_id)
        # What was cancelled or delivered while a person looked secures nothing.
        principal_on_certificate(product, before.principal_fen, sum(order.open_fen.values()))
        check_term(product, self._today(), before.due_date)
        anew = offered_anew(product, before, before.due_date, self._today(), self._desk.clock.now())
        offered = await stored.move(application, _S.OFFERED, **anew)
        await self._block(offered)
        await self._desk.records.order_loan("offered", offered)

    async def refuse_referred(self, application_id: str) -> None:
        """See `referrals.Settles`."""
        application = await self._lock(application_id)
        refused = self._desk.tables.newest(self._desk.product.decision_table).reason(REVIEWED_AND_REFUSED)
        rejected = await stored.move(application, _S.REJECTED, reasons=(*application.reasons, refused))
        await self._desk.records.order_loan("rejected", rejected)

    async def get(self, applicant: str, loan_id: str) -> OrderLoan:
        """An applicant's own order loan as of today. Raises NOT_FOUND, also for somebody else's."""
        return await self._view(await self._own(applicant, loan_id))

    async def list_own(self, applicant: str, size: int, token: str) -> Page[OrderLoan]:
        """An applicant's order loans, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        page = await stored.page_of_applicant(applicant, size, token)
        return Page(tuple([await self._view(item) for item in page.items]), page.next_token)

    async def claim_decided(self, claim_id: str) -> None:
        """The chain answered on a claim: what waited for it goes on."""
        for loan_id in await stored.signed_on_claim(claim_id):
            await self._put_conclusion(loan_id)
        await self.conversions.claim_decided(claim_id)

    async def conclude(self, message: Message) -> None:
        """Pays out a signed application whose claim is ours, rejects one whose order another bank lends on.

        Opens its own transaction; again it changes nothing.
        """
        async with self._desk.database.transaction():
            application = await self._lock(str(message.payload["id"]))
            if application.state is not _S.SIGNED or application.claim_id is None:
                return
            claim_state = await self._desk.claims.state(application.claim_id)
            if claim_state == REFUSED:
                await self._refuse(application)
            elif self._today() >= application.quote.due_date:
                await self._end_unpaid(application, _S.EXPIRED, "expired")
            elif claim_state == FINANCED:
                await self._pay_out_if_verified(application)

    async def expire(self) -> int:
        """Ends offers that nobody accepted in time and contracts that waited too long; how many.

        Opens a transaction for each.
        """
        now = self._desk.clock.now()
        late = [
            *await stored.ids_of_expired_offers(now, BATCH),
            *await stored.ids_too_late(business_date(now), BATCH),
        ]

        async def end(loan_id: str) -> None:
            async with self._desk.database.transaction():
                application = await self._lock(loan_id)
                if application.state in (_S.REFERRED, _S.OFFERED, _S.SIGNED):
                    await self._end_unpaid(application, _S.EXPIRED, "expired")

        await each(late, end, str)
        return len(late)

    async def loan_closed(self, loan: Loan) -> None:
        """A loan was repaid: an order loan gives its order back, a loan on a receivable the receivable."""
        application = await stored.find(loan.record.loan_id)
        if application is not None and application.state is _S.DISBURSED:
            await self._desk.records.order_loan("ended", await stored.move(application, _S.ENDED))
        await self.conversions.loan_closed(loan)
        if application is not None and application.claim_id is not None:
            await self._desk.claims.release_if_unused(application.claim_id)

    async def _fundable(
        self, applicant: str, buyer_uscc: str, order_document_id: str, term_days: int
    ) -> tuple[PurchaseOrder, date]:
        order = await self._desk.receivables.find_order(buyer_uscc, order_document_id)
        if order.document.supplier_uscc != applicant:
            raise HuilianError("NOT_FOUND", resource="order")
        if not order.in_force or not any(order.open_fen.values()):
            raise HuilianError("STATE_CONFLICT", "nothing of the order is to come", state="CLOSED")
        due_date = self._today() + timedelta(days=term_days)
        check_term(self._desk.product, self._today(), due_date)
        return order, due_date

    def _principal(self, order: PurchaseOrder, wanted_fen: int) -> int:
        return principal_on_certificate(self._desk.product, wanted_fen, sum(order.open_fen.values()))

    async def _decide(
        self, applicant: str, order: PurchaseOrder, principal_fen: int, due_date: date
    ) -> tuple[str, Decision]:
        loans = await self._desk.loans.open_of(applicant)
        facts = self._facts(
            order,
            principal_fen,
            due_date,
            applicant_overdue=sum(loan.in_arrears for loan in loans),
            buyer_overdue=await overdue_of_buyer(order.document.buyer_uscc),
        )
        facts |= await self._desk.warnings.facts(order.document.buyer_uscc, applicant)
        table = self._desk.product.decision_table
        return await self._desk.decisions.decide(table, facts, subject=None, may_refer=True)

    def _facts(
        self, order: PurchaseOrder, principal_fen: int, due_date: date, *, applicant_overdue: int, buyer_overdue: int
    ) -> dict[str, int | str]:
        return {
            "amount_fen": principal_fen,
            "order_fen": sum(order.open_fen.values()),
            "term_days": (due_date - self._today()).days,
            "applicant_overdue_loans": applicant_overdue,
            "buyer_overdue_receivables": buyer_overdue,
        }

    def _priced(self, principal_fen: int, decision: Decision, due_date: date) -> Quote:
        if not decision.offer:
            return no_price(principal_fen, self._today(), due_date)
        rate = Decimal(decision.offer["annual_rate"])
        return quote(self._desk.product, principal_fen, rate, self._today(), due_date)

    def _offered(
        self,
        applicant: str,
        loan_id: str,
        order: PurchaseOrder,
        principal_fen: int,
        due_date: date,
        decision_id: str,
        decision: Decision,
    ) -> OrderApplication:
        now, priced = self._desk.clock.now(), self._priced(principal_fen, decision, due_date)
        return OrderApplication(
            loan_id=loan_id,
            state=_STATES[decision.outcome],
            buyer_uscc=order.document.buyer_uscc,
            order_document_id=order.document.document_id,
            order_number=order.document.number,
            applicant_uscc=applicant,
            quote=priced,
            terms=self._desk.product.terms_of(priced.annual_rate, priced.value_date, due_date),
            converted_rate=Decimal(decision.offer.get("converted_annual_rate", "0")),
            reasons=decision.reasons,
            decision_id=decision_id,
            claim_id=None,
            offer_expires_at=now + timedelta(minutes=self._desk.product.offer_minutes),
            created_at=now,
        )

    async def _pay_out_if_verified(self, application: OrderApplication) -> None:
        parties = (application.applicant_uscc, application.buyer_uscc)
        refusal = await no_longer_verified(self._desk.mandates, *parties)
        if refusal is None:
            return await self._pay_out(application)
        reasons = (*application.reasons, Reason(refusal.code, refusal.text_zh, refusal.text_en))
        await self._end_unpaid(replace(application, reasons=reasons), _S.REJECTED, "rejected")

    async def _pay_out(self, application: OrderApplication) -> None:
        opening = Opening(
            loan_id=application.loan_id,
            borrower=application.applicant_uscc,
            is_person=False,
            revolving=False,
            terms=application.terms,
            limit_fen=application.quote.principal_fen,
            principal_fen=application.quote.principal_fen,
            fee_fen=application.quote.fee_fen,
            claim_id=application.claim_id,
        )
        await self._desk.limits.utilise(application.loan_id)
        await self._desk.loans.open(opening, evidence={})
        await self._desk.records.order_loan("disbursed", await stored.move(application, _S.DISBURSED))
        # What changed while the contract waited for its claim.
        await self.conversions.orders_changed(application.buyer_uscc, frozenset({application.order_document_id}))

    async def _refuse(self, application: OrderApplication) -> None:
        assert application.claim_id is not None, "it was signed"
        refusal = await self._desk.claims.refusal(application.claim_id)
        reasons = (*application.reasons, Reason(refusal.code, refusal.text_zh, refusal.text_en))
        await self._released(await stored.move(application, _S.REJECTED, reasons=reasons), "rejected")

    async def _block(self, application: OrderApplication) -> None:
        product, buyer_uscc = self._desk.product, application.buyer_uscc
        identity = limit_id(product.product_id, buyer_uscc)
        await self._desk.limits.ensure(identity, product.party_limit_fen)
        parties = Parties(product.product_id, buyer_uscc, application.applicant_uscc)
        await self._desk.limits.block(identity, application.loan_id, application.quote.principal_fen, parties)

    async def _end_unpaid(self, application: OrderApplication, state: ApplicationState, event: str) -> None:
        ended = await stored.move(application, state)
        if application.state is _S.REFERRED:
            await self._desk.referrals.end(application.loan_id)
            await self._desk.records.order_loan(event, ended)
            return
        await self._released(ended, event)
        if application.claim_id is not None:
            await self._desk.claims.release_if_unused(application.claim_id)

    async def _released(self, application: OrderApplication, event: str) -> OrderLoan:
        await self._desk.limits.release_block(application.loan_id)
        await self._desk.records.order_loan(event, application)
        return await self._view(application)

    async def _view(self, application: OrderApplication) -> OrderLoan:
        loan_id = application.loan_id
        record = await stored_loans.find(loan_id)
        return OrderLoan(
            application,
            await stored.lines_of(loan_id),
            await stored.conversions_of(loan_id),
            None if record is None else await self._desk.loans.view(record, self._today()),
        )

    async def _locked(self, applicant: str, loan_id: str) -> OrderApplication:
        await self._desk.database.lock("order-loan", loan_id)
        return await self._own(applicant, loan_id)

    async def _own(self, applicant: str, loan_id: str) -> OrderApplication:
        application = await stored.find(loan_id)
        if application is None or application.applicant_uscc != applicant:
            raise HuilianError("NOT_FOUND", resource="order loan")
        return application

    async def _lock(self, loan_id: str) -> OrderApplication:
        await self._desk.database.lock("order-loan", loan_id)
        application = await stored.find(loan_id)
        if application is None:
            raise HuilianError("NOT_FOUND", resource="order loan")
        return application

    async def _put_conclusion(self, loan_id: str) -> None:
        await self._desk.outbox.put(CONCLUDE_TOPIC, loan_id, {"id": loan_id})

    def _today(self) -> date:
        return business_date(self._desk.clock.now())


def _lines(order: PurchaseOrder, principal_fen: int, advance_rate: Decimal) -> list[OrderLine]:
    """The principal on what is to come; a line that came already is no part of the loan."""
    to_come = {line_id: fen for line_id, fen in order.open_fen.items() if fen > 0}
    ordered = order.ordered_fen
    lines = spread_principal(to_come, principal_fen, advance_rate)
    return [replace(line, billed_before_fen=ordered[line.line_id] - line.ordered_fen) for line in lines]


def _order_identity(order: PurchaseOrder) -> InvoiceIdentity:
    """What other banks know an order by: as an invoice whose number says that it is none."""
    document = order.document
    return InvoiceIdentity(
        seller_uscc=document.supplier_uscc,
        buyer_uscc=document.buyer_uscc,
        invoice_number=f"PO:{document.number}",
        amount_fen=document.payable_amount_fen,
        issue_date=document.issue_date,
    )
