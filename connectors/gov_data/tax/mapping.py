"""The tax bureau's rows in the terms of our datasets.

Wire names are the bureau's: skssq 税款所属期, kjywrmc 扣缴义务人名称, sre 收入额, ybtse 应补(退)税额, yysr 营业收入.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.kit.contract import JsonValue, UpstreamMalformed
from connectors.kit.months import Month, Period
from connectors.kit.upstream import yuan_to_fen

_REGISTRATION = {"03": "NORMAL", "05": "ABNORMAL", "07": "CANCELLED"}
Row = Mapping[str, str]


def map_personal_income(rows: Sequence[Row], period: Period) -> dict[str, JsonValue]:
    """The fields of `tax.personal_income/v1` from one row per month and withholding agent."""
    incomes = [
        (_month(row, period), row.get("kjywrmc", ""), yuan_to_fen(row.get("sre")), yuan_to_fen(row.get("ybtse")))
        for row in rows
    ]
    if len({(month, agent) for month, agent, _, _ in incomes}) != len(incomes):
        raise UpstreamMalformed("a month stands twice for one withholding agent")
    latest = [income for income in incomes if income[0] > period.last.plus(-12)]
    return {
        "annual_income_fen": sum(income_fen for _, _, income_fen, _ in latest),
        "income_months": len({month for month, _, _, _ in latest}),
        "last_income_month": max((str(month) for month, _, _, _ in incomes), default=None),
        "tax_paid_fen": sum(tax_fen for _, _, _, tax_fen in latest),
        "withholding_agents": list(sorted({agent for _, agent, _, _ in incomes})),
        "years": [_year(year, incomes) for year in sorted({month.year for month, _, _, _ in incomes})],
    }


def _year(year: int, incomes: Sequence[tuple[Month, str, int, int]]) -> dict[str, JsonValue]:
    mine = [income for income in incomes if income[0].year == year]
    return {
        "year": year,
        "months": len({month for month, _, _, _ in mine}),
        "income_fen": sum(income_fen for _, _, income_fen, _ in mine),
        "tax_paid_fen": sum(tax_fen for _, _, _, tax_fen in mine),
    }


def map_enterprise(body: Row, rows: Sequence[Row], period: Period) -> dict[str, JsonValue]:
    """The fields of `tax.enterprise/v1` from the register entry and one row per declared month."""
    months = [_month(row, period) for row in rows]
    if len(set(months)) != len(months):
        raise UpstreamMalformed("a month stands twice")
    year = body.get("pjnd", "")
    return {
        "arrears_fen": yuan_to_fen(body.get("qsye")),
        "credit_grade": body.get("nsxyjb"),
        "credit_grade_year": int(year) if year.isascii() and year.isdigit() else None,
        "declared_months": len(months),
        "declared_revenue_fen": sum(yuan_to_fen(row.get("yysr")) for row in rows),
        "enterprise_name": body.get("nsrmc"),
        "income_tax_paid_fen": sum(yuan_to_fen(row.get("qysds")) for row in rows),
        "registration_status": _REGISTRATION.get(body.get("djztdm", "")),
        "uscc": body.get("shxydm"),
        "vat_paid_fen": sum(yuan_to_fen(row.get("zzs")) for row in rows),
    }


def _month(row: Row, period: Period) -> Month:
    try:
        month = Month.parse(row.get("skssq", ""))
    except ValueError:
        raise UpstreamMalformed("a month is not written YYYY-MM") from None
    if month not in period:
        raise UpstreamMalformed("a row lies outside the period")
    return month
