"""Loans to dealers (经销商融资): purchase history -> decision -> offer, rejection or a person -> signature -> money.

Unsecured and revolving. What a table leaves to a person two operators settle: one proposes, another decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from huilian_protocol.clock import Clock, format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.lending.dealers import stored
from hub.lending.dealers.rules import DealerState, dealer_facts, dealer_limit_fen, window_start
from hub.lending.dealers.stored import DealerApplication, Review
from hub.lending.decisions.log import DecisionLog
from hub.lending.decisions.tables import Decision, DecisionTables, Reason
from hub.lending.flash.desk import AMOUNT_REDUCED
from hub.lending.limits.desk import Limits, Parties, limit_id
from hub.lending.loans.desk import Loans, Opening
from hub.lending.ports import Mandates, SalesHistory
from hub.lending.products.definitions import Product
from hub.lending.records import Records
from hub.lending.referrals.desk import APPROVE, REJECT, REVIEWED_AND_REFUSED
from hub.lending.rounds import each
from hub.lending.rules import Quote, offered_anew, quote
from hub.lending.warnings.desk import EarlyWarnings
from hub.platform.database import Database
from hub.platform.paging import Page

BATCH = 100
LIMIT_TOO_LOW = "LIMIT_TOO_LOW"
_S = DealerState


@dataclass(frozen=True)
class DealerWish:
    """What a dealer asks for, in fen and days."""

    loan_id: str
    core_uscc: str
    amount_fen: int
    term_days: int


@dataclass(frozen=True)
class DealerDesk:
    """What the dealer loan desk works with."""

    database: Database
    clock: Clock
    loans: Loans
    limits: Limits
    decisions: DecisionLog
    tables: DecisionTables
    warnings: EarlyWarnings
    sales: SalesHistory
    mandates: Mandates
    records: Records
    product: Product


class DealerLoans:
    """Use cases; each runs inside the caller's transaction unless it says otherwise."""

    def __init__(self, desk: DealerDesk) -> None:
        self._desk = desk

    async def apply(self, dealer: str, wish: DealerWish) -> DealerApplication:
        """An offer with limits blocked, a rejection with reasons, or REFERRED to a person.

        Raises DECISION_DATA_MISSING (no consent), ALREADY_EXISTS, STATE_CONFLICT (another application or loan lives),
        INVALID_ARGUMENT (amount or term outside the product), LIMIT_EXCEEDED.
        """
        _check_wish(self._desk.product, wish)
        await self._desk.mandates.require_verified(dealer)
        # One dealer's applications and signatures queue here.
        await self._desk.database.lock("dealer", dealer)
        await self._desk.loans.take_id(wish.loan_id, "dealer loan")
        await self._check_free(dealer)
        if await stored.live_of(dealer):
            raise HuilianError("STATE_CONFLICT", "another application lives", state="OFFERED")
        bought = await self._facts(dealer, wish)
        facts = {**bought, **await self._desk.warnings.facts(wish.core_uscc, dealer)}
        decision_id, decision = await self._desk.decisions.decide(
            self._desk.product.decision_table, facts, subject=None, may_refer=True
        )
        application = self._decided(dealer, wish, bought["average_month_fen"], decision_id, decision)
        await stored.add(application)
        if application.state is _S.OFFERED:
            await self._block(application)
        await self._desk.records.dealer_loan(application.state.lower(), application)
        return application

    async def sign(self, dealer: str, loan_id: str) -> DealerApplication:
        """Signs the offer; the money is paid out at once, more can be drawn up to the limit.

        Raises NOT_FOUND, STATE_CONFLICT, OFFER_EXPIRED, PERMISSION_DENIED (no signer of the dealer agreed).
        """
        application = await self._locked(dealer, loan_id)
        if application.state is _S.OFFERED and self._desk.clock.now() >= application.offer_expires_at:
            raise HuilianError("OFFER_EXPIRED", expired_at=format_time(application.offer_expires_at))
        signed = await stored.move(application, _S.DISBURSED)
        await self._desk.mandates.require_mandate(dealer, Power.FINANCE, loan_id, application.quote.principal_fen)
        await self._check_free(dealer)
        await self._desk.limits.utilise(loan_id)
        opening = Opening(
            loan_id=loan_id,
            borrower=dealer,
            is_person=False,
            revolving=self._desk.product.revolving,
            terms=application.terms,
            limit_fen=application.limit_fen,
            principal_fen=application.quote.principal_fen,
            fee_fen=application.quote.fee_fen,
        )
        await self._desk.loans.open(opening, evidence={})
        await self._desk.records.dealer_loan("disbursed", signed)
        return signed

    async def withdraw(self, dealer: str, loan_id: str) -> DealerApplication:
        """Takes an application back before it is signed. Raises NOT_FOUND, STATE_CONFLICT."""
        return await self._end(await self._locked(dealer, loan_id), _S.WITHDRAWN)

    async def get(self, dealer: str, loan_id: str) -> DealerApplication:
        """A dealer's own application. Raises NOT_FOUND, also for somebody else's."""
        application = await stored.find(loan_id)
        if application is None or application.dealer_uscc != dealer:
            raise HuilianError("NOT_FOUND", resource="dealer loan")
        return application

    async def core_of(self, loan_id: str) -> str | None:
        """The core enterprise on whose sales a loan was given; None for another product's."""
        application = await stored.find(loan_id)
        return None if application is None else application.core_uscc

    async def list_own(self, dealer: str, size: int, token: str) -> Page[DealerApplication]:
        """A dealer's applications, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored.page_of_dealer(dealer, size, token)

    async def list_referred(self, size: int, token: str) -> Page[DealerApplication]:
        """What waits for a person, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored.page_of_referred(size, token)

    async def propose(self, operator: str, loan_id: str, reason: str, *, approve: bool) -> DealerApplication:
        """One operator's proposal on a referred application; a later one takes its place.

        Raises NOT_FOUND, STATE_CONFLICT (not referred).
        """
        application = await self._referred(loan_id)
        review = Review(operator, APPROVE if approve else REJECT, reason)
        return await stored.save(replace(application, review=review), application.state)

    async def review(self, operator: str, loan_id: str, reason: str, *, approve: bool) -> DealerApplication:
        """Another operator's decision: an offer at today's price with limits blocked, or a rejection.

        Raises NOT_FOUND, STATE_CONFLICT (not referred, or nobody has proposed), PERMISSION_DENIED (the proposer),
        LIMIT_EXCEEDED.
        """
        application = await self._referred(loan_id)
        if application.review.proposed_by is None:
            raise HuilianError("STATE_CONFLICT", "nobody has proposed a decision", state="NOT_PROPOSED")
        if application.review.proposed_by == operator:
            raise HuilianError("PERMISSION_DENIED", "whoever proposed does not decide")
        review = replace(application.review, reviewed_by=operator, review_reason=reason)
        if not approve:
            refused = self._desk.tables.newest(self._desk.product.decision_table).reason(REVIEWED_AND_REFUSED)
            reasons = (*application.reasons, refused)
            moved = await stored.move(application, _S.REJECTED, review=review, reasons=reasons)
        else:
            moved = await stored.move(application, _S.OFFERED, review=review, **self._priced_anew(application))
            await self._block(moved)
        await self._desk.records.dealer_loan("reviewed", moved)
        return moved

    async def expire(self) -> int:
        """Ends offers that were not signed in time; how many. Opens a transaction for each."""
        late = await stored.ids_of_expired_offers(self._desk.clock.now(), BATCH)

        async def end(loan_id: str) -> None:
            async with self._desk.database.transaction():
                application = await self._lock(loan_id)
                if application.state is _S.OFFERED:
                    await self._end(application, _S.EXPIRED)

        await each(late, end, str)
        return len(late)

    async def _facts(self, dealer: str, wish: DealerWish) -> dict[str, int]:
        today = self._desk.loans.today()
        purchases, totals_fen = await self._desk.sales.history(wish.core_uscc, dealer, window_start(today))
        loans = await self._desk.loans.open_of(dealer)
        overdue = sum(loan.in_arrears for loan in loans)
        return dealer_facts(purchases, totals_fen, dealer, today, amount_fen=wish.amount_fen, overdue_loans=overdue)

    def _decided(
        self, dealer: str, wish: DealerWish, average_fen: int, decision_id: str, decision: Decision
    ) -> DealerApplication:
        product, now = self._desk.product, self._desk.clock.now()
        state, reasons, limit_fen = self._outcome(wish, average_fen, decision)
        today = self._desk.loans.today()
        due = today + timedelta(days=wish.term_days)
        priced = Quote("", wish.amount_fen, 0, 0, Decimal(0), Decimal(0), today, due)
        if limit_fen:
            rate = Decimal(decision.offer["annual_rate"])
            priced = quote(product, min(wish.amount_fen, limit_fen), rate, today, due)
        return DealerApplication(
            loan_id=wish.loan_id,
            state=state,
            core_uscc=wish.core_uscc,
            dealer_uscc=dealer,
            limit_fen=limit_fen,
            quote=priced,
            terms=product.terms_of(priced.annual_rate, today, due),
            reasons=reasons,
            decision_id=decision_id,
            offer_expires_at=now + timedelta(minutes=product.offer_minutes),
            created_at=now,
        )

    def _outcome(
        self, wish: DealerWish, average_fen: int, decision: Decision
    ) -> tuple[DealerState, tuple[Reason, ...], int]:
        if not decision.offer:
            return _S.REJECTED, decision.reasons, 0
        product, explain = self._desk.product, self._desk.tables.newest(self._desk.product.decision_table).reason
        limit_fen = dealer_limit_fen(product, average_fen, Decimal(decision.offer["month_multiple"]))
        if limit_fen < product.least_amount_fen:
            return _S.REJECTED, (*decision.reasons, explain(LIMIT_TOO_LOW)), 0
        reduced = (explain(AMOUNT_REDUCED),) if wish.amount_fen > limit_fen else ()
        return _S.REFERRED if decision.referred else _S.OFFERED, (*decision.reasons, *reduced), limit_fen

    def _priced_anew(self, application: DealerApplication) -> dict[str, object]:
        """The same loan from today on: the days that a person took are not charged for."""
        before, today = application.quote, self._desk.loans.today()
        due: date = today + (before.due_date - before.value_date)
        return offered_anew(self._desk.product, before, due, today, self._desk.clock.now())

    async def _block(self, application: DealerApplication) -> None:
        identity = limit_id(self._desk.product.product_id, application.dealer_uscc)
        parties = Parties(self._desk.product.product_id, application.core_uscc, application.dealer_uscc)
        await self._desk.limits.set(identity, application.limit_fen)
        await self._desk.limits.block(identity, application.loan_id, application.quote.principal_fen, parties)

    async def _end(self, application: DealerApplication, state: DealerState) -> DealerApplication:
        ended = await stored.move(application, state)
        if application.state is _S.OFFERED:
            await self._desk.limits.release_block(application.loan_id)
        await self._desk.records.dealer_loan(state.lower(), ended)
        return ended

    async def _check_free(self, dealer: str) -> None:
        if await self._desk.loans.open_of(dealer, self._desk.product.product_id):
            raise HuilianError("STATE_CONFLICT", "another dealer loan is open", state="LOAN_EXISTS")

    async def _locked(self, dealer: str, loan_id: str) -> DealerApplication:
        await self._desk.database.lock("dealer", dealer)
        return await self.get(dealer, loan_id)

    async def _lock(self, loan_id: str) -> DealerApplication:
        found = await stored.find(loan_id)
        if found is None:
            raise HuilianError("NOT_FOUND", resource="dealer loan")
        return await self._locked(found.dealer_uscc, loan_id)

    async def _referred(self, loan_id: str) -> DealerApplication:
        application = await self._lock(loan_id)
        if application.state is not _S.REFERRED:
            raise HuilianError("STATE_CONFLICT", "not left to a person", state=application.state)
        return application


def _check_wish(product: Product, wish: DealerWish) -> None:
    if not product.least_amount_fen <= wish.amount_fen <= product.most_amount_fen:
        between = f"{product.least_amount_fen} to {product.most_amount_fen} fen"
        raise HuilianError("INVALID_ARGUMENT", between, field="amount_fen")
    if not product.least_term_days <= wish.term_days <= product.most_term_days:
        raise HuilianError("INVALID_ARGUMENT", f"at most {product.most_term_days} days", field="term_days")
