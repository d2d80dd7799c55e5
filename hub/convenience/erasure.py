"""Payments of a person who leaves: one under way forbids it, those that were paid are kept as long as the law says."""

from __future__ import annotations

from datetime import timedelta

from huilian_protocol.errors import HuilianError

from hub.convenience.states import PaymentState
from hub.convenience.store import PaymentRow
from hub.platform.erasure import Retention

# Anti-Money Laundering Law (2024 revision) article 34: ten years after the transaction.
KEPT = timedelta(days=3_653)
PAYMENT_OPEN = "PAYMENT_OPEN"


class ConvenienceErasure:
    """The convenience zone's part (implements `hub.platform.erasure.Holder`)."""

    async def retained(self, subject: str) -> tuple[Retention, ...]:
        """The records of what was paid. Raises STATE_CONFLICT (state PAYMENT_OPEN) while money is under way."""
        if await PaymentRow.filter(subject=subject, state=PaymentState.RESERVED).exists():
            raise HuilianError("STATE_CONFLICT", "a payment is under way; its end must be known", state=PAYMENT_OPEN)
        last = await PaymentRow.filter(subject=subject, state=PaymentState.PAID).order_by("-settled_at").first()
        if last is None:
            return ()
        assert last.settled_at is not None, "what was paid was settled"
        return (
            Retention(
                "AML_PAYMENT_RECORDS",
                "已完成缴费的交易记录：依《反洗钱法》第三十四条，自交易结束后至少保存十年，期间仅作存储。",
                "Records of payments that were made: the Anti-Money Laundering Law (article 34) has them kept for at"
                " least ten years; until then they are stored and nothing else.",
                last.settled_at + KEPT,
            ),
        )

    async def erase(self, subject: str) -> None:
        """Delete payments of which nothing came; receipt numbers of the others go with the person's key."""
        await PaymentRow.filter(subject=subject).exclude(state=PaymentState.PAID).delete()
