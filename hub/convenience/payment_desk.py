"""The bank's own side of payments: what nobody could tell the end of, the books against the payments, and what is owed.

A payment stays set aside as long as the agency cannot be heard. When people found out by other means (a letter, the
agency's file), one operator proposes the end and another one carries it out; afterwards nobody asks the agency again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.accounting.matching import statement_reference
from hub.accounting.service import AccountKind, BankCore
from hub.convenience import rules
from hub.convenience.payments import BANK, Payments
from hub.convenience.ports import Actions
from hub.convenience.rules import REFUND, SETTLE, Resolution
from hub.convenience.states import PaymentState
from hub.convenience.store import PaymentRow, PaymentStore
from hub.exchange.action_rules import Order
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.paging import id_token

LONGEST_KEY = 130


@dataclass(frozen=True)
class Unresolved:
    """A payment that is still set aside. `payment_key` names it among all persons' payments."""

    payment_key: str
    agency: str
    action_id: str
    reserved_fen: int
    ordered_at: datetime
    proposal: Resolution | None
    proposed_by: str | None


@dataclass(frozen=True)
class UnresolvedPage:
    """Some unresolved payments, oldest first, and where the list goes on (empty at its end)."""

    payments: tuple[Unresolved, ...]
    next_token: str


@dataclass(frozen=True)
class PaidOver:
    """What went to an agency's treasury account, in fen; `reference` is the EndToEndId under which it travels."""

    agency: str
    amount_fen: int
    journal_id: str
    reference: str


@dataclass(frozen=True)
class Books:
    """The books against the payments, in fen; differences are 0 in a hub that lost nothing."""

    reserved_fen: int
    reserved_difference_fen: int
    owed_fen: Mapping[str, int]
    owed_difference_fen: Mapping[str, int]


class PaymentDesk:
    """Use cases of operators; all run inside the caller's transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bank: BankCore,
        payments: Payments,
        actions: Actions,
        cash_account: str | None,
    ) -> None:
        """`cash_account` is the bank's own account from which agencies are paid, None where there is none."""
        self._store, self._database, self._clock, self._bank = PaymentStore(database), database, clock, bank
        self._payments, self._actions, self._cash_account = payments, actions, cash_account

    async def page(self, size: int, token: str) -> UnresolvedPage:
        """Payments set aside, oldest first. Raises INVALID_ARGUMENT for a foreign token."""
        last = await self._store.find(id_token(token, LONGEST_KEY)) if token else None
        if token and last is None:
            raise HuilianError("INVALID_ARGUMENT", "not a token of this list", field="page_token")
        rows = await self._store.unresolved(last, size + 1)
        shown = tuple(_view(row) for row in rows[:size])
        return UnresolvedPage(shown, shown[-1].payment_key if len(rows) > size else "")

    async def propose(self, operator: str, payment_key: str, resolution: Resolution) -> Unresolved:
        """One operator says how a payment ended; a later proposal takes its place.

        Raises NOT_FOUND, STATE_CONFLICT (it has ended), INVALID_ARGUMENT (more than is set aside).
        """
        row = await self._reserved(payment_key)
        fits = 0 <= resolution.paid_fen <= row.reserved_fen
        if not fits or (resolution.kind == REFUND and (resolution.paid_fen or resolution.receipt_number)):
            raise HuilianError("INVALID_ARGUMENT", "not of what is set aside", field="paid_fen")
        row.proposal, row.proposed_by = dict(resolution.__dict__), operator
        await row.save()
        return _view(row)

    async def decide(self, operator: str, payment_key: str, *, approve: bool) -> PaymentState:
        """Another operator carries the proposal out, or drops it.

        Raises NOT_FOUND, STATE_CONFLICT (it has ended, nothing is proposed, or the agency is being asked right now),
        PERMISSION_DENIED (the proposer).
        """
        if not approve:
            row = await self._reserved(payment_key)
            _proposed(operator, row)
            row.proposal = row.proposed_by = None
            await row.save()
            return PaymentState.RESERVED
        ended = PaymentState.RELEASED

        async def move(order: Order) -> str:
            nonlocal ended
            resolution = _proposed(operator, await self._found(payment_key))
            ended = PaymentState.PAID if resolution.kind == SETTLE else PaymentState.RELEASED
            return await self._payments.settle_by_hand(order, operator, resolution)

        # All locks on the action at once: whoever else ends it takes them in the same order.
        await self._actions.end_by_hand(payment_key, move)
        return ended

    async def pay_over(self, payover_id: str, agency: str) -> PaidOver:
        """Books all that is owed to an agency out of the bank's own account; the payment order bears `reference`.

        Raises STATE_CONFLICT (nothing is owed, or the bank has no account to pay from), ALREADY_EXISTS.
        """
        if self._cash_account is None:
            raise HuilianError("STATE_CONFLICT", "no account to pay from", state="NO_BANK_ACCOUNT")
        await self._database.lock("payments-over", agency)
        if await self._store.paid_over_exists(payover_id):
            raise HuilianError("ALREADY_EXISTS", resource="payment to the treasury")
        owed_fen = await self._payments.owed_fen(agency)
        if owed_fen <= 0:
            raise HuilianError("STATE_CONFLICT", "nothing is owed", state="NOTHING_OWED")
        await self._bank.open_account(self._cash_account, BANK, AccountKind.CASH)
        journal_id = f"payments-over:{agency}:{payover_id}"
        lines = rules.paying_over(agency, self._cash_account, owed_fen)
        await self._bank.post(journal_id, business_date(self._clock.now()), "payments to the treasury", lines)
        await self._store.add_paid_over(payover_id, agency, owed_fen, journal_id, self._clock.now())
        return PaidOver(agency, owed_fen, journal_id, statement_reference(journal_id))

    async def books(self) -> Books:
        """What is set aside and owed by the books, and how that differs from the payments themselves."""
        found = await self._payments.reconcile()
        owed = {agency: await self._payments.owed_fen(agency) for agency in found.owed_difference_fen}
        reserved_fen = await self._payments.reserved_fen()
        return Books(reserved_fen, found.reserved_difference_fen, owed, found.owed_difference_fen)

    async def _reserved(self, payment_key: str) -> PaymentRow:
        await self._database.lock("exchange-action", payment_key)
        return await self._found(payment_key)

    async def _found(self, payment_key: str) -> PaymentRow:
        row = await self._store.find(payment_key)
        if row is None:
            raise HuilianError("NOT_FOUND", resource="payment")
        if row.state != PaymentState.RESERVED:
            raise HuilianError("STATE_CONFLICT", "it has ended", state=row.state)
        return row


def _proposed(operator: str, row: PaymentRow) -> Resolution:
    if row.proposal is None:
        raise HuilianError("STATE_CONFLICT", "nobody has proposed anything", state="NOT_PROPOSED")
    if row.proposed_by == operator:
        raise HuilianError("PERMISSION_DENIED", "whoever proposed does not decide")
    return Resolution(**row.proposal)


def _view(row: PaymentRow) -> Unresolved:
    return Unresolved(
        payment_key=row.id,
        agency=row.agency,
        action_id=row.action_id,
        reserved_fen=row.reserved_fen,
        ordered_at=row.ordered_at,
        proposal=None if row.proposal is None else Resolution(**row.proposal),
        proposed_by=row.proposed_by,
    )
