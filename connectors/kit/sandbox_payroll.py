"""What an invented job pays: housing fund, social insurance and withheld income tax, by the public rules.

The agency sandboxes share these rules, so the tax withheld in one register fits the deposits in the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.kit.months import Month, Period
from connectors.kit.sandbox_people import Employment

# One city's bounds on the bases, in fen a month, and its shares in tenths of a percent.
_FUND_FLOOR_FEN, _FUND_CAP_FEN, _FUND_PERMILLE = 236_000, 4_426_500, 120
_INSURANCE_FLOOR_FEN, _INSURANCE_CAP_FEN, _EMPLOYEE_INSURANCE_PERMILLE = 477_500, 2_750_100, 105

# Income tax on comprehensive income (个人所得税法 2018, table 1): up to (yuan a year), percent, quick deduction (yuan).
_BRACKETS = (
    (36_000, 3, 0),
    (144_000, 10, 2_520),
    (300_000, 20, 16_920),
    (420_000, 25, 31_920),
    (660_000, 30, 52_920),
    (960_000, 35, 85_920),
    (None, 45, 181_920),
)
_BASIC_DEDUCTION_FEN = 500_000


def _permille(amount_fen: int, permille: int) -> int:
    """A share of an amount, rounded half up to a whole fen."""
    return (amount_fen * permille + 500) // 1_000


def fund_base_fen(job: Employment) -> int:
    """The monthly base of the housing fund deposit."""
    return min(max(job.salary_fen, _FUND_FLOOR_FEN), _FUND_CAP_FEN)


def fund_share_fen(job: Employment) -> int:
    """One side's monthly housing fund deposit; employer and employee pay the same."""
    return _permille(fund_base_fen(job), _FUND_PERMILLE)


def insurance_base_fen(job: Employment) -> int:
    """The monthly base of social insurance contributions."""
    return min(max(job.salary_fen, _INSURANCE_FLOOR_FEN), _INSURANCE_CAP_FEN)


@dataclass(frozen=True, slots=True)
class Payslip:
    """A month's income and the income tax that the employer withheld from it."""

    month: Month
    employer: str
    income_fen: int
    tax_fen: int


def _annual_tax_fen(taxable_fen: int) -> int:
    for ceiling_yuan, percent, quick_deduction_yuan in _BRACKETS:
        if ceiling_yuan is None or taxable_fen <= ceiling_yuan * 100:
            return max(0, (taxable_fen * percent + 50) // 100 - quick_deduction_yuan * 100)
    raise AssertionError("the last bracket has no ceiling")


def _deductions_fen(job: Employment) -> int:
    if not job.insured:
        return _BASIC_DEDUCTION_FEN
    insurance_fen = _permille(insurance_base_fen(job), _EMPLOYEE_INSURANCE_PERMILLE)
    return _BASIC_DEDUCTION_FEN + insurance_fen + fund_share_fen(job)


def payslips(job: Employment, until: Month) -> Iterator[Payslip]:
    """Every month's slip up to `until`, taxed by the cumulative withholding method (累计预扣法) within each year."""
    last = until if job.last is None else min(job.last, until)
    if last < job.first:
        return
    months_in_year, withheld_fen = 0, 0
    for month in Period(job.first, last):
        if month.month == 1:
            months_in_year, withheld_fen = 0, 0
        months_in_year += 1
        taxable_fen = max(0, months_in_year * (job.salary_fen - _deductions_fen(job)))
        tax_fen = _annual_tax_fen(taxable_fen) - withheld_fen
        withheld_fen += tax_fen
        yield Payslip(month, job.employer, job.salary_fen, tax_fen)
