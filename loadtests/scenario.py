"""What the citizens of the load scenarios consent to."""

from __future__ import annotations

from datetime import datetime

LAST_MONTHS = 12
FIELDS = {
    "housing_fund.account/v1": ["account_status", "base_fen", "deposit_months"],
    "social_insurance.contribution/v1": ["base_fen", "consecutive_months", "participation_status"],
    "tax.personal_income/v1": ["annual_income_fen", "income_months", "tax_paid_fen"],
}


def months_before(now: datetime, count: int) -> tuple[str, str]:
    """First and last of the `count` months that ended before this one, as "YYYY-MM"."""
    last = now.year * 12 + now.month - 2
    return _month(last - count + 1), _month(last)


def _month(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
