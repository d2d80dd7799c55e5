"""Flash loans (闪电贷): evidence -> decision with reasons -> contract -> the person's signature -> money.

What the table leaves to a person at the bank waits as REFERRED; approved, it is an offer on the recorded facts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from huilian_protocol.canonical import b64u_encode
from huilian_protocol.clock import Clock, format_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.webauthn import Assertion

from hub.lending.decisions.log import DecisionLog
from hub.lending.decisions.tables import Decision, DecisionTables, Reason
from hub.lending.flash import stored
from hub.lending.flash.evidence import EvidenceDesk, EvidenceItem
from hub.lending.flash.rules import contract, facts, read_contract
from hub.lending.flash.sayings import review_saying
from hub.lending.flash.stored import FlashApplication, FlashState
from hub.lending.limits.desk import Limits, limit_id
from hub.lending.loans.desk import Loans, Opening
from hub.lending.ports import Inbox
from hub.lending.products.definitions import Product
from hub.lending.referrals.desk import REVIEWED_AND_REFUSED, Referrals
from hub.lending.rounds import each
from hub.lending.rules import flash_limit_fen, quote
from hub.lending.signatures import PersonSignatures
from hub.platform.database import Database

BATCH = 100
# Evidence of last week says little of a person's income today.
REVIEWED_WITHIN = timedelta(days=7)
# Nobody waits at the screen when the bank has decided.
REVIEWED_OFFER = timedelta(days=1)
AMOUNT_REDUCED, AMOUNT_TOO_LOW = "AMOUNT_REDUCED", "AMOUNT_TOO_LOW"


@dataclass(frozen=True)
class Wish:
    """What a person asks for, in fen and days."""

    application_id: str
    consent_id: str
    amount_fen: int
    term_days: int


@dataclass(frozen=True)
class FlashDesk:
    """What the flash loan desk works with."""

    database: Database
    clock: Clock
    loans: Loans
    limits: Limits
    decisions: DecisionLog
    referrals: Referrals
    tables: DecisionTables
    evidence: EvidenceDesk
    signatures: PersonSignatures
    inbox: Inbox
    product: Product


class FlashLoans:
    """Use cases of flash loans."""

    def __init__(self, desk: FlashDesk) -> None:
        self._desk = desk

    async def preview(self, subject: str, consent_id: str) -> tuple[EvidenceItem, ...]:
        """Exactly the data on which `apply` would decide; see `EvidenceDesk.gather`. Never inside a transaction."""
        return await self._desk.evidence.gather(subject, consent_id)

    async def apply(self, subject: str, wish: Wish, items: tuple[EvidenceItem, ...]) -> FlashApplication:
        """Decides on what `preview` showed: an offer with its contract, a rejection with reasons, or REFERRED.

        Raises DECISION_DATA_MISSING, ALREADY_EXISTS, INVALID_ARGUMENT (amount or term outside the product).
        """
        product = self._desk.product
        _check_wish(product, wish)
        # One person's applications and signatures queue here, so that two of them never both find "no loan yet".
        await self._desk.database.lock("flash", subject)
        await self._desk.loans.take_id(wish.application_id, "application")
        live, overdue = await self._open_loans(subject)
        known = facts(
            items, amount_fen=wish.amount_fen, term_days=wish.term_days, live_loans=live, overdue_loans=overdue
        )
        decided = await self._desk.decisions.decide(product.decision_table, known, subject, may_refer=True)
        application = self._decided(subject, wish, *decided, int(known["monthly_income_fen"]))
        await stored.add(application)
        if application.state is FlashState.REFERRED:
            referrals = self._desk.referrals
            await referrals.open(product.product_id, wish.application_id, subject, wish.amount_fen, decided)
        return application

    async def approve_referred(self, application_id: str) -> None:
        """See `referrals.Settles`. Raises NOT_FOUND without the key of the person, STATE_CONFLICT (LOAN_EXISTS)."""
        application = await self._referred(application_id)
        if (await self._open_loans(application.subject))[0]:
            raise HuilianError("STATE_CONFLICT", "another flash loan is open", state="LOAN_EXISTS")
        known, decision = await self._desk.decisions.recalled(application.decision_id)
        wish = Wish(application_id, application.consent_id, known["amount_fen"], known["term_days"])
        state, reasons, limit_fen, text = self._offer(application.subject, wish, decision, known["monthly_income_fen"])
        until = self._desk.clock.now() + REVIEWED_OFFER
        offered = replace(
            application, state=state, reasons=reasons, limit_fen=limit_fen, contract=text, offer_expires_at=until
        )
        await self._reviewed(offered)

    async def refuse_referred(self, application_id: str) -> None:
        """See `referrals.Settles`."""
        application = await self._referred(application_id)
        refused = self._desk.tables.newest(self._desk.product.decision_table).reason(REVIEWED_AND_REFUSED)
        reasons = (*application.reasons, refused)
        await self._reviewed(replace(application, state=FlashState.REJECTED, reasons=reasons))

    async def sign(self, subject: str, application_id: str, assertion: Assertion) -> FlashApplication:
        """Checks the person's signature over the contract and pays out.

        Raises NOT_FOUND, STATE_CONFLICT, OFFER_EXPIRED, BINDING_INVALID, ASSERTION_INVALID.
        """
        await self._desk.database.lock("flash", subject)
        application = await self.get(subject, application_id)
        await self._check_signable(application)
        await self._pay_out(application, await self._desk.signatures.verify(subject, application.challenge, assertion))
        await stored.set_disbursed(application_id, application_id)
        return await self.get(subject, application_id)

    async def get(self, subject: str, application_id: str) -> FlashApplication:
        """A person's own application. Raises NOT_FOUND, also for somebody else's."""
        application = await stored.find(application_id)
        if application is None or application.subject != subject:
            raise HuilianError("NOT_FOUND", resource="application")
        return application

    async def expire(self) -> int:
        """Ends offers that were not signed in time, and what nobody decided in time; how many.

        Opens its own transactions.
        """
        now = self._desk.clock.now()
        late = await stored.referred_too_long(now, BATCH)
        await each(late, self._end_referred, lambda application: application.application_id)
        return len(late) + await self._expire_offers(now)

    async def _expire_offers(self, now: datetime) -> int:
        if not await stored.has_expired_offers(now):
            return 0
        async with self._desk.database.transaction():
            return await stored.expire_offers(now)

    async def _end_referred(self, application: FlashApplication) -> None:
        async with self._desk.database.transaction():
            await self._desk.database.lock("flash", application.subject)
            current = await stored.find(application.application_id)
            if current is not None and current.state is FlashState.REFERRED:
                await self._reviewed(replace(current, state=FlashState.EXPIRED))
                await self._desk.referrals.end(application.application_id)

    async def _reviewed(self, application: FlashApplication) -> None:
        """Nobody waits at the screen any more: the person is told, whatever became of it."""
        await stored.set_reviewed(application)
        await self._desk.inbox.say(application.subject, review_saying(application.application_id, application.state))

    async def _referred(self, application_id: str) -> FlashApplication:
        seen = await stored.find(application_id)
        if seen is None:
            raise HuilianError("NOT_FOUND", resource="application")
        await self._desk.database.lock("flash", seen.subject)
        application = await self.get(seen.subject, application_id)
        if application.state is not FlashState.REFERRED:
            raise HuilianError("STATE_CONFLICT", "not left to a person", state=application.state)
        return application

    async def _open_loans(self, subject: str) -> tuple[int, int]:
        loans = await self._desk.loans.open_of(subject)
        live = sum(loan.record.product_id == self._desk.product.product_id for loan in loans)
        return live, sum(loan.in_arrears for loan in loans)

    def _decided(
        self, subject: str, wish: Wish, decision_id: str, decision: Decision, income_fen: int
    ) -> FlashApplication:
        state, reasons, limit_fen, text = FlashState.REJECTED, decision.reasons, 0, b""
        if decision.approved:
            state, reasons, limit_fen, text = self._offer(subject, wish, decision, income_fen)
        now, waits = self._desk.clock.now(), timedelta(minutes=self._desk.product.offer_minutes)
        if decision.referred:
            state, waits = FlashState.REFERRED, REVIEWED_WITHIN
        return FlashApplication(
            application_id=wish.application_id,
            state=state,
            subject=subject,
            consent_id=wish.consent_id,
            limit_fen=limit_fen,
            contract=text,
            reasons=reasons,
            rule_version=decision.rule_version,
            decision_id=decision_id,
            loan_id=None,
            offer_expires_at=now + waits,
            created_at=now,
        )

    def _offer(
        self, subject: str, wish: Wish, decision: Decision, income_fen: int
    ) -> tuple[FlashState, tuple[Reason, ...], int, bytes]:
        product = self._desk.product
        limit_fen = flash_limit_fen(product, income_fen, Decimal(decision.offer["income_multiple"]))
        table = self._desk.tables.newest(product.decision_table)
        if limit_fen < product.least_amount_fen:
            return FlashState.REJECTED, (*decision.reasons, table.reason(AMOUNT_TOO_LOW)), 0, b""
        principal_fen = min(wish.amount_fen, limit_fen)
        reduced = (table.reason(AMOUNT_REDUCED),) if principal_fen < wish.amount_fen else ()
        today = self._desk.loans.today()
        rate = Decimal(decision.offer["annual_rate"])
        priced = quote(product, principal_fen, rate, today, today + timedelta(days=wish.term_days))
        text = contract(product, wish.application_id, subject, priced, limit_fen, decision.rule_version)
        return FlashState.OFFERED, (*decision.reasons, *reduced), limit_fen, text

    async def _check_signable(self, application: FlashApplication) -> None:
        if application.state is FlashState.EXPIRED or (
            application.state is FlashState.OFFERED and self._desk.clock.now() >= application.offer_expires_at
        ):
            raise HuilianError("OFFER_EXPIRED", expired_at=format_time(application.offer_expires_at))
        if application.state is not FlashState.OFFERED:
            raise HuilianError("STATE_CONFLICT", state=application.state)
        if (await self._open_loans(application.subject))[0]:
            raise HuilianError("STATE_CONFLICT", "another flash loan is open", state="LOAN_EXISTS")

    async def _pay_out(self, application: FlashApplication, signature: dict[str, object]) -> None:
        text = read_contract(application.contract)
        product = self._desk.product
        identity = limit_id(product.product_id, application.subject)
        await self._desk.limits.set(identity, application.limit_fen)
        await self._desk.limits.draw(identity, application.application_id, text["principal_fen"])
        opening = Opening(
            loan_id=application.application_id,
            borrower=application.subject,
            is_person=True,
            revolving=product.revolving,
            terms=text["terms"],
            limit_fen=application.limit_fen,
            principal_fen=text["principal_fen"],
            fee_fen=text["fee_fen"],
        )
        evidence = {**signature, "contract": b64u_encode(application.contract)}
        await self._desk.loans.open(opening, evidence)


def _check_wish(product: Product, wish: Wish) -> None:
    if not product.least_amount_fen <= wish.amount_fen <= product.most_amount_fen:
        between = f"{product.least_amount_fen} to {product.most_amount_fen} fen"
        raise HuilianError("INVALID_ARGUMENT", between, field="amount_fen")
    if not product.least_term_days <= wish.term_days <= product.most_term_days:
        raise HuilianError("INVALID_ARGUMENT", f"at most {product.most_term_days} days", field="term_days")
