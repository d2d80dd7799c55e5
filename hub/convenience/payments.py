"""Paying for actions: the exchange's port `Funds`, on the bank's own books.

The bank never risks more than it has set aside: the consent names the most that an action may cost, and that much
leaves the person's account before the order leaves the hub. What the agency really took is read from its sealed result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huilian_protocol.action import result_info
from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from huilian_protocol.sealing import open_sealed

from hub.accounting.service import AccountKind, BankCore, Line, deposit_account
from hub.convenience import rules
from hub.convenience.ports import RECIPIENT, SubjectVault
from hub.convenience.rules import REFUND, Resolution, Result, read_result
from hub.convenience.states import PaymentState
from hub.convenience.store import PaymentRow, PaymentStore
from hub.exchange.action_rules import EXECUTED, REJECTED, Order
from hub.platform.business_day import business_date
from hub.platform.database import Database

BANK = "bank"
BY_HAND = "BY_HAND"


@dataclass(frozen=True)
class Payment:
    """A payment as its payer sees it; amounts in fen. `payment_id` is the request id of the order."""

    payment_id: str
    consent_id: str
    action_id: str
    state: PaymentState
    reserved_fen: int
    paid_fen: int
    receipt_number: str
    reason: str
    ordered_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True)
class Page:
    """Some payments and where the list goes on (empty at its end)."""

    payments: tuple[Payment, ...]
    next_token: str


@dataclass(frozen=True)
class Reconciliation:
    """The books against the payments, in fen: all differences are 0 in a hub that lost nothing."""

    reserved_difference_fen: int
    owed_difference_fen: Mapping[str, int]

    @property
    def is_clean(self) -> bool:
        """Whether books and payments agree."""
        return self.reserved_difference_fen == 0 and not any(self.owed_difference_fen.values())


class Payments:
    """The payments of one hub. `opening_key` gives the private key of the recipient with this key id."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bank: BankCore,
        vault: SubjectVault,
        opening_key: Callable[[str], bytes],
    ) -> None:
        self._store, self._clock, self._bank, self._vault = PaymentStore(database), clock, bank, vault
        self._opening_key = opening_key

    async def reserve(self, order: Order) -> None:
        """See `Funds.reserve`."""
        artefact, amount_fen = order.artefact, order.grant.max_amount_fen
        if artefact.recipient.id != RECIPIENT:
            raise HuilianError("RECIPIENT_KEY_MISMATCH", f"the bank pays what {RECIPIENT} may order")
        row = PaymentRow(
            id=order.row_id,
            subject=artefact.subject,
            request_id=order.request_id,
            consent_id=artefact.id,
            action_id=order.action,
            agency=order.agency,
            state=PaymentState.RESERVED,
            reserved_fen=amount_fen,
            paid_fen=0,
            ordered_at=self._clock.now(),
        )
        await self._store.add(row)
        if amount_fen:
            await self._bank.open_account(deposit_account(artefact.subject), artefact.subject, AccountKind.DEPOSIT)
            await self._bank.open_account(rules.RESERVED_ACCOUNT, BANK, AccountKind.CLEARING)
            await self._post(row, "reserve", rules.reserving(row.subject, amount_fen))

    async def settle(self, order: Order, envelope: bytes) -> str:
        """See `Funds.settle`."""
        row = await self._store.reserved(order.row_id)
        result = self._open(order, envelope, row.reserved_fen)
        if not result.is_executed:
            await self._give_back(row, PaymentState.REJECTED, {"reason": result.details.get("reason", "")})
            return REJECTED
        row.paid_fen = result.paid_fen
        await self._pay(row, {"receipt_number": result.details.get("receipt_number", "")})
        return EXECUTED

    async def release(self, order: Order, reason: str) -> None:
        """See `Funds.release`."""
        await self._give_back(await self._store.reserved(order.row_id), PaymentState.RELEASED, {"reason": reason})

    async def settle_by_hand(self, order: Order, operator: str, resolution: Resolution) -> str:
        """Ends a payment as people found out; EXECUTED, or REJECTED for one that is given back whole.

        The caller holds the lock on its action and has seen to the second pair of eyes.
        """
        row = await self._store.reserved(order.row_id)
        # The receipt's number goes where only the person reads it.
        row.decided_by, row.proposal = operator, {**resolution.__dict__, "receipt_number": ""}
        if resolution.kind == REFUND:
            await self._give_back(row, PaymentState.RELEASED, {"reason": BY_HAND})
            return REJECTED
        row.paid_fen = resolution.paid_fen
        await self._pay(row, {"receipt_number": resolution.receipt_number})
        return EXECUTED

    async def get(self, subject: str, payment_id: str) -> Payment:
        """A person's own payment. Raises NOT_FOUND, also for somebody else's."""
        row = await self._store.find(f"{subject}/{payment_id}")
        if row is None:
            raise HuilianError("NOT_FOUND", resource=f"payment {payment_id}")
        return await self._view(row)

    async def page(self, subject: str, token: str, size: int) -> Page:
        """The person's payments, newest first; `token` is that of the page before, or empty."""
        last = await self._store.find(f"{subject}/{token}") if token else None
        if token and last is None:
            raise HuilianError("INVALID_ARGUMENT", "not a token of this list", field="page_token")
        rows = await self._store.page(subject, last, size + 1)
        shown = tuple([await self._view(row) for row in rows[:size]])
        return Page(shown, shown[-1].payment_id if len(rows) > size else "")

    async def reconcile(self) -> Reconciliation:
        """The books against the payments; for operators and tests. Inside a transaction of the caller."""
        reserved_fen, paid_fen = await self._store.sums()
        gone = await self._store.paid_over()
        owed = {agency: await self.owed_fen(agency) + gone.get(agency, 0) - fen for agency, fen in paid_fen.items()}
        return Reconciliation(await self.reserved_fen() - reserved_fen, owed)

    async def reserved_fen(self) -> int:
        """What is set aside, by the books."""
        return await self._balance(rules.RESERVED_ACCOUNT)

    async def owed_fen(self, agency: str) -> int:
        """What is owed to an agency, by the books."""
        return await self._balance(rules.owed_account(agency))

    def _open(self, order: Order, envelope: bytes, reserved_fen: int) -> Result:
        artefact = order.artefact
        info = result_info(
            consent_sha256=artefact.sha256,
            purpose=artefact.purpose.code,
            action=order.action,
            recipient=artefact.recipient.id,
            request_id=order.request_id,
        )
        try:
            payload = open_sealed(envelope, self._opening_key, info)
        except HuilianError as error:
            # The edge sealed it for another use or key: nothing that the person could mend.
            raise HuilianError("PROVIDER_FAULT", error.detail, provider=order.agency) from error
        return read_result(payload, action=order.action, request_id=order.request_id, reserved_fen=reserved_fen)

    async def _pay(self, row: PaymentRow, details: dict[str, Any]) -> None:
        if row.reserved_fen:
            await self._bank.open_account(rules.owed_account(row.agency), BANK, AccountKind.CLEARING)
            lines = rules.settling(row.subject, row.agency, row.reserved_fen, row.paid_fen)
            await self._post(row, "settle", lines)
        await self._close(row, PaymentState.PAID, details)

    async def _give_back(self, row: PaymentRow, state: PaymentState, details: dict[str, Any]) -> None:
        if row.reserved_fen:
            await self._post(row, "release", rules.settling(row.subject, row.agency, row.reserved_fen, 0))
        await self._close(row, state, details)

    async def _close(self, row: PaymentRow, state: PaymentState, details: dict[str, Any]) -> None:
        row.details = await self._vault.encrypt_for_subject(row.subject, canonicalise(details))
        row.settled_at = self._clock.now()
        await self._store.move(row, state)

    async def _post(self, row: PaymentRow, step: str, lines: list[Line]) -> None:
        # One journal id per payment and step: the books themselves refuse a second one of other content.
        today = business_date(self._clock.now())
        await self._bank.post(f"payment-{step}:{row.id}", today, f"public payment: {step}", lines)

    async def _balance(self, account: str) -> int:
        try:
            return await self._bank.balance_fen(account)
        except HuilianError as error:
            if error.code != "NOT_FOUND":
                raise
            return 0

    async def _view(self, row: PaymentRow) -> Payment:
        details: dict[str, Any] = {}
        if row.details is not None:
            details = parse_json(await self._vault.decrypt_for_subject(row.subject, bytes(row.details)))
        return Payment(
            payment_id=row.request_id,
            consent_id=row.consent_id,
            action_id=row.action_id,
            state=PaymentState(row.state),
            reserved_fen=row.reserved_fen,
            paid_fen=row.paid_fen,
            receipt_number=details.get("receipt_number", ""),
            reason=details.get("reason", ""),
            ordered_at=row.ordered_at,
            settled_at=row.settled_at,
        )
