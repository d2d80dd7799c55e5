"""Clearing at the due date: the buyer's account pays every holder down the chain, loans first.

Each receivable is one transaction, so a process that dies anywhere leaves it either cleared or untouched; the next run
takes up what is left, also after part payments (`part_payments`). A buyer whose funds do not suffice is overdue from
the day after the due date, and is tried again at every run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.accounting.service import BankCore, deposit_account
from hub.lending.clearing.payouts import PaidOut, Payment, Payouts
from hub.lending.collections.overdue import note_overdue
from hub.lending.ports import Receivables
from hub.lending.records import CURRENCY, Records
from hub.lending.rounds import each
from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.receivables.service import Receivable, ReceivableState

MOST_AT_ONCE = 1000
DEFAULT_DAYS = 90

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cleared:
    """How a run went: ids of receivables."""

    settled: tuple[str, ...]
    overdue: tuple[str, ...]
    waiting: tuple[str, ...]


class Clearing:
    """Opens its own transactions."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bank: BankCore,
        receivables: Receivables,
        payouts: Payouts,
        records: Records,
    ) -> None:
        self._database = database
        self._clock = clock
        self._bank = bank
        self._receivables = receivables
        self._payouts = payouts
        self._records = records
        self._after: tuple[date, str] | None = None

    async def run(self) -> Cleared:
        """Clears what is due today or was before: at most MOST_AT_ONCE, the next run goes on behind them.

        So buyers who never pay hold up nobody, however many they are.
        """
        today = business_date(self._clock.now())
        outcome: dict[str, list[str]] = {"settled": [], "overdue": [], "waiting": []}
        async with self._database.transaction():
            due = await self._receivables.receivables_due(today, MOST_AT_ONCE, self._after)
        self._after = (due[-1].due_date, due[-1].receivable_id) if len(due) == MOST_AT_ONCE else None

        async def settle(receivable: Receivable) -> None:
            outcome[await self._settle(receivable, today)].append(receivable.receivable_id)

        await each(due, settle, lambda receivable: receivable.receivable_id)
        return Cleared(**{name: tuple(ids) for name, ids in outcome.items()})

    async def _settle(self, receivable: Receivable, today: date) -> str:
        try:
            if await self._affordable(receivable):
                async with self._database.transaction():
                    await self._clear(receivable.receivable_id, today)
                return "settled"
        except HuilianError as error:
            if error.code not in {"INSUFFICIENT_FUNDS", "STATE_CONFLICT"}:
                raise
            # Paid out elsewhere in between, or a financing still blocks a certificate: the next run tries again.
            logger.info("clearing.waits", extra={"receivable_id": receivable.receivable_id, "code": error.code})
            if error.code == "STATE_CONFLICT":
                return "waiting"
        return await self._miss(receivable, today)

    async def _affordable(self, receivable: Receivable) -> bool:
        """A look before the attempt, so that an unfunded buyer costs one read a round. The books have the last word."""
        try:
            balance_fen = await self._bank.balance_fen(deposit_account(receivable.buyer_uscc))
        except HuilianError as error:
            if error.code != "NOT_FOUND":
                raise
            return False
        return balance_fen >= receivable.unpaid_fen

    async def _clear(self, receivable_id: str, today: date) -> None:
        await self._database.lock("clearing", receivable_id)
        receivable = await self._receivables.get_receivable(receivable_id)
        if receivable.state is ReceivableState.SETTLED:
            return
        whole = Payment(None, receivable.buyer_uscc, receivable.unpaid_fen, today)
        paid = await self._payouts.pay(receivable_id, whole)
        await self._records.cleared(receivable_id, _content(paid, whole))

    async def _miss(self, receivable: Receivable, today: date) -> str:
        if today <= receivable.due_date:
            return "waiting"
        if receivable.state is ReceivableState.OVERDUE:
            await self._default(receivable, today)
        elif receivable.state is not ReceivableState.DEFAULTED:
            async with self._database.transaction():
                await self._receivables.miss_due_date(receivable.receivable_id)
                await note_overdue(receivable.receivable_id, receivable.buyer_uscc, receivable.due_date)
        return "overdue"

    async def _default(self, receivable: Receivable, today: date) -> None:
        """Above 90 days late the buyer is in default (商业银行金融资产风险分类办法, 2023 no. 1, art. 11)."""
        if (today - receivable.due_date).days > DEFAULT_DAYS:
            async with self._database.transaction():
                await self._receivables.default(receivable.receivable_id)


def _content(paid: PaidOut, payment: Payment) -> dict[str, object]:
    receivable = paid.receivable
    return {
        # The bank's own: it tells of holders who need not know of each other, and of their loans. Each of them has the
        # receipts of its certificate and loan, buyer and supplier that of the settlement.
        "parties": [],
        "receivable_id": receivable.receivable_id,
        "buyer_uscc": receivable.buyer_uscc,
        "supplier_uscc": receivable.supplier_uscc,
        "amount_fen": receivable.amount_fen,
        "paid_fen": payment.amount_fen,
        "currency": CURRENCY,
        "value_date": payment.value_date.isoformat(),
        "certificates": list(paid.certificates),
        "loans_repaid_fen": paid.loans_repaid_fen,
    }
