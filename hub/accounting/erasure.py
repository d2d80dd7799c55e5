"""The bank's books about a person who leaves: they are kept, and say so."""

from __future__ import annotations

from datetime import timedelta

from huilian_protocol.clock import Clock

from hub.accounting.store import Account
from hub.platform.erasure import Retention

# Measures for the Administration of Accounting Archives (2015), annex 1: vouchers and ledgers, thirty years.
KEPT = timedelta(days=10_958)


class AccountingErasure:
    """The books' part (implements `hub.platform.erasure.Holder`). A journal holds amounts and account ids only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def retained(self, subject: str) -> tuple[Retention, ...]:
        """The person's accounts, if there are any."""
        if not await Account.filter(owner=subject).exists():
            return ()
        return (
            Retention(
                "ACCOUNTING_RECORDS",
                "银行账簿中的账户与分录：依《会计档案管理办法》保存三十年，期间仅作存储。",
                "Accounts and journal lines in the bank's books: accounting rules have them kept for thirty years;"
                " until then they are stored and nothing else.",
                self._clock.now() + KEPT,
            ),
        )

    async def erase(self, subject: str) -> None:
        """Nothing: journals never change."""
