"""Loans of a person who leaves: an open one forbids it, a closed one is kept as long as the law says."""

from __future__ import annotations

from datetime import timedelta

from huilian_protocol.errors import HuilianError

from hub.lending.limits.desk import limit_id
from hub.lending.loans.store import LoanEventRow, LoanRow
from hub.lending.products.definitions import load_products
from hub.lending.store import DecisionRow, FlashRow, LimitRow, ReferralRow
from hub.platform.database import Database
from hub.platform.erasure import Retention

# Anti-Money Laundering Law (2024 revision) article 34: ten years after the business ended.
KEPT = timedelta(days=3_653)
LOAN_OPEN = "LOAN_OPEN"


class LendingErasure:
    """Lending's part (implements `hub.platform.erasure.Holder`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def retained(self, subject: str) -> tuple[Retention, ...]:
        """The records of closed loans. Raises STATE_CONFLICT (state LOAN_OPEN) while a loan is open."""
        # As an application and a signature do: nobody takes out a loan while it is decided that there is none.
        await self._database.lock("flash", subject)
        loans = await LoanRow.filter(borrower=subject)
        if any(not loan.closed for loan in loans):
            raise HuilianError("STATE_CONFLICT", "a loan is open; it must be paid off first", state=LOAN_OPEN)
        if not loans:
            return ()
        last = await LoanEventRow.filter(loan_id__in=[loan.loan_id for loan in loans]).order_by("-booked_at").first()
        ended = max([loan.created_at for loan in loans] + ([last.booked_at] if last else []))
        return (
            Retention(
                "AML_LOAN_RECORDS",
                "已结清贷款的合同与交易记录：依《反洗钱法》第三十四条，自业务关系结束后至少保存十年，期间仅作存储。",
                "Contract and transactions of closed loans: the Anti-Money Laundering Law (article 34) has them kept"
                " for at least ten years after the end of business; until then they are stored and nothing else.",
                ended + KEPT,
            ),
        )

    async def erase(self, subject: str) -> None:
        """Delete applications, referrals and decisions that led to no loan."""
        kept = await FlashRow.filter(subject=subject, loan_id__isnull=False)
        await FlashRow.filter(subject=subject, loan_id__isnull=True).delete()
        await ReferralRow.filter(applicant=subject).exclude(application_id__in=_ids(kept)).delete()
        decisions = DecisionRow.filter(subject=subject)
        await decisions.exclude(decision_id__in=[row.decision_id for row in kept] or [""]).delete()
        if not await LoanRow.filter(borrower=subject).exists():
            names = [limit_id(product.product_id, subject) for product in load_products().values()]
            await LimitRow.filter(limit_id__in=names).delete()


def _ids(rows: list[FlashRow]) -> list[str]:
    """Never empty: no id is empty, and a database takes an empty list amiss."""
    return [row.application_id for row in rows] or [""]
