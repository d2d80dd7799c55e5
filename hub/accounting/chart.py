"""The bank's chart of accounts (会计科目表) as data: one code for each kind of account, in `chart.json`.

Codes and names after 财会〔2006〕18号 (企业会计准则——应用指南, 附录), the loss account after
财会〔2018〕36号; the two parts of 6011 are the bank's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from huilian_protocol.canonical import parse_json

from hub.accounting.rules import CREDIT_NORMAL, AccountKind

_FILE = Path(__file__).with_name("chart.json")
_KEYS = frozenset({"kind", "code", "name_zh", "name_en", "class"})


class AccountClass(StrEnum):
    """What an account is in the balance sheet or the profit and loss statement."""

    ASSET = "ASSET"
    LIABILITY = "LIABILITY"
    INCOME = "INCOME"
    EXPENSE = "EXPENSE"


@dataclass(frozen=True)
class ChartEntry:
    """One line of the chart."""

    kind: AccountKind
    code: str
    name_zh: str
    name_en: str
    account_class: AccountClass


@cache
def chart() -> Mapping[AccountKind, ChartEntry]:
    """The chart by kind, in the order of codes. Raises ValueError for a file that leaves a kind out or contradicts."""
    entries = [_entry(raw) for raw in parse_json(_FILE.read_bytes())]
    known = {entry.kind: entry for entry in sorted(entries, key=lambda entry: entry.code)}
    if set(known) != set(AccountKind) or len({entry.code for entry in entries}) != len(AccountKind):
        raise ValueError("chart.json: each kind once, each code once")
    return known


def _entry(raw: Mapping[str, str]) -> ChartEntry:
    if set(raw) != _KEYS:
        raise ValueError(f"chart.json: fields missing or unknown: {sorted(set(raw) ^ _KEYS)}")
    entry = ChartEntry(
        AccountKind(raw["kind"]), raw["code"], raw["name_zh"], raw["name_en"], AccountClass(raw["class"])
    )
    is_credit = entry.account_class in (AccountClass.LIABILITY, AccountClass.INCOME)
    if is_credit != (entry.kind in CREDIT_NORMAL):
        raise ValueError(f"chart.json: {entry.kind} stands on the other side of the books")
    return entry
