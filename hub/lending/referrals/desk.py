"""What a decision table leaves to a person: one queue for the products, decided with a reason.

From the product's `four_eyes_from_fen` on two persons are needed: one proposes, another one's word decides.
Dealer loans have a review of their own, always by two (`dealer_loans.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.decisions.tables import Decision
from hub.lending.products.definitions import Product
from hub.lending.records import Records
from hub.lending.referrals import stored
from hub.lending.referrals.stored import Referral, ReferralState
from hub.platform.database import Database
from hub.platform.paging import Page

APPROVE, REJECT = "APPROVE", "REJECT"
REVIEWED_AND_REFUSED = "REVIEWED_AND_REFUSED"


class Settles(Protocol):
    """A desk that goes on with an application of its product; under no lock but the referral's."""

    async def approve_referred(self, application_id: str) -> None:
        """An offer at today's price with everything blocked. Raises STATE_CONFLICT, LIMIT_EXCEEDED and the like."""
        ...

    async def refuse_referred(self, application_id: str) -> None:
        """A rejection. Raises STATE_CONFLICT."""
        ...


class Referrals:
    """Every call runs inside the caller's transaction."""

    def __init__(self, database: Database, clock: Clock, records: Records, products: Mapping[str, Product]) -> None:
        self._database = database
        self._clock = clock
        self._records = records
        self._products = products
        self._desks: dict[str, Settles] = {}

    def serve(self, product_id: str, desk: Settles) -> None:
        """`desk` goes on with the applications of a product."""
        self._desks[product_id] = desk

    async def open(
        self, product_id: str, application_id: str, applicant: str, amount_fen: int, decided: tuple[str, Decision]
    ) -> None:
        """An application waits for a person; `decided` is the decision's id and the decision."""
        decision_id, decision = decided
        codes = tuple(reason.code for reason in decision.reasons)
        referral = Referral(
            application_id=application_id,
            product_id=product_id,
            applicant=applicant,
            amount_fen=amount_fen,
            decision_id=decision_id,
            reason_codes=codes,
            state=ReferralState.OPEN,
            created_at=self._clock.now(),
        )
        await stored.add(referral)
        await self._records.referral("opened", referral)

    async def end(self, application_id: str) -> None:
        """The application was withdrawn, or came too late."""
        await stored.end(application_id)

    async def decide(self, operator: str, application_id: str, reason: str, *, approve: bool) -> Referral:
        """One operator's word: it decides, or proposes where two are needed and nobody else has proposed yet.

        Raises NOT_FOUND, STATE_CONFLICT (decided or ended), PERMISSION_DENIED (the proposer decides), and what the desk
        raises when it cannot make the offer any more.
        """
        await self._database.lock("referral", application_id)
        referral = await self.get(application_id)
        if referral.state is not ReferralState.OPEN:
            raise HuilianError("STATE_CONFLICT", "not left to a person any more", state=referral.state)
        word = APPROVE if approve else REJECT
        if self.needs_two(referral) and not referral.proposed_by:
            return await stored.save(referral, proposed_by=operator, proposal=word, proposal_reason=reason)
        if referral.proposed_by == operator:
            raise HuilianError("PERMISSION_DENIED", "whoever proposed does not decide")
        desk = self._desks[referral.product_id]
        await (desk.approve_referred if approve else desk.refuse_referred)(application_id)
        state = ReferralState.APPROVED if approve else ReferralState.REJECTED
        decided = await stored.save(referral, state=state, decided_by=operator, decided_reason=reason)
        await self._records.referral("decided", decided)
        return decided

    async def get(self, application_id: str) -> Referral:
        """One referral. Raises NOT_FOUND."""
        referral = await stored.find(application_id)
        if referral is None:
            raise HuilianError("NOT_FOUND", resource="referral")
        return referral

    async def page_of(self, *, only_open: bool, size: int, token: str) -> Page[Referral]:
        """Referrals, newest first. Raises INVALID_ARGUMENT for a foreign token."""
        return await stored.page(only_open, size, token)

    def needs_two(self, referral: Referral) -> bool:
        """Whether one person is not enough for its amount."""
        return referral.amount_fen >= self._products[referral.product_id].four_eyes_from_fen
