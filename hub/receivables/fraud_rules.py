"""The named rules against fabricated, reused and twice-pledged invoices: id, decision, words and source. Data, pure.

A rule's id is the reason that people and partners read. BLOCK: the invoice backs nothing until what is wrong is put
right. REVIEW: nobody lends on it before the bank has looked, unless it is small (`REVIEW_FROM_FEN`).
docs/fraud-rules.md is made from this table by `python -m hub.receivables.fraud_rules`; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RULES_VERSION: Final = "2026-11"
REVIEW_FROM_FEN: Final = 10_000_000
"""A weak sign alone holds up nothing below 100,000 yuan: equal orders of small parts are everyday business."""


class Verdict(StrEnum):
    """What a rule that applies leads to."""

    BLOCK = "BLOCK"
    REVIEW = "REVIEW"


class FraudRule(StrEnum):
    """The rules; the value is the reason code."""

    DUPLICATE_INVOICE = "DUPLICATE_INVOICE"
    INVOICE_RETYPED = "INVOICE_RETYPED"
    GOODS_BILLED_TWICE = "GOODS_BILLED_TWICE"
    INVOICE_RENUMBERED = "INVOICE_RENUMBERED"
    INVOICE_SPLIT = "INVOICE_SPLIT"
    INVOICES_MERGED = "INVOICES_MERGED"
    INVOICE_UNKNOWN = "INVOICE_UNKNOWN"
    INVOICE_RED_OFFSET = "INVOICE_RED_OFFSET"
    INVOICE_CANCELLED = "INVOICE_CANCELLED"
    INVOICE_PARTY_DIFFERS = "INVOICE_PARTY_DIFFERS"
    INVOICE_AMOUNT_DIFFERS = "INVOICE_AMOUNT_DIFFERS"
    INVOICE_DATE_DIFFERS = "INVOICE_DATE_DIFFERS"


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """What a rule says and where it comes from."""

    verdict: Verdict
    text_zh: str
    text_en: str
    source: str


_TRUE_TRADE = "民法典第763条；银发〔2025〕77号（真实交易关系）"
_ONCE = "民法典第768条；商业银行保理业务管理暂行办法（银监会令2014年第5号）"
_INVOICES = "发票管理办法（国务院令第764号修订）第二十一条；全国增值税发票查验平台"

RULES: Final[Mapping[FraudRule, RuleEntry]] = {
    FraudRule.DUPLICATE_INVOICE: RuleEntry(
        Verdict.BLOCK,
        "该供应商的同一发票号码已用于另一笔应收账款",
        "Another receivable rests on this supplier's invoice number already",
        _ONCE,
    ),
    FraudRule.INVOICE_RETYPED: RuleEntry(
        Verdict.BLOCK,
        "同一发票换了写法（全角、分隔符、前导零、O与0、只写末八位）再次提交",
        "The same invoice spelled otherwise: full width, separators, leading zeros, O for 0, or its last eight digits",
        _ONCE,
    ),
    FraudRule.GOODS_BILLED_TWICE: RuleEntry(
        Verdict.BLOCK,
        "同一收货单以另一订单再次开票",
        "One goods receipt is billed again under another order",
        _TRUE_TRADE,
    ),
    FraudRule.INVOICE_RENUMBERED: RuleEntry(
        Verdict.REVIEW,
        "双方、金额、明细相同而号码不同，开票日期相差不超过三日",
        "Same parties, total and lines under another number, issued within three days",
        _TRUE_TRADE,
    ),
    FraudRule.INVOICE_SPLIT: RuleEntry(
        Verdict.REVIEW,
        "本发票与另一张发票合起来等于此前的一张发票",
        "Together with another invoice it repeats an earlier one, line by line",
        _TRUE_TRADE,
    ),
    FraudRule.INVOICES_MERGED: RuleEntry(
        Verdict.REVIEW,
        "本发票等于此前两张发票之和",
        "It repeats two earlier invoices, line by line",
        _TRUE_TRADE,
    ),
    FraudRule.INVOICE_UNKNOWN: RuleEntry(
        Verdict.BLOCK,
        "税务机关查无此票",
        "The tax authority knows no such invoice",
        _INVOICES,
    ),
    FraudRule.INVOICE_RED_OFFSET: RuleEntry(
        Verdict.BLOCK,
        "发票已被红字冲销",
        "The invoice was offset by a red-letter invoice",
        "国家税务总局公告2024年第11号（红字数电票）",
    ),
    FraudRule.INVOICE_CANCELLED: RuleEntry(
        Verdict.BLOCK,
        "发票已作废",
        "The invoice was cancelled",
        _INVOICES,
    ),
    FraudRule.INVOICE_PARTY_DIFFERS: RuleEntry(
        Verdict.BLOCK,
        "购买方或销售方与税务机关的记录不一致",
        "Seller or buyer differs from what the tax authority recorded",
        _INVOICES,
    ),
    FraudRule.INVOICE_AMOUNT_DIFFERS: RuleEntry(
        Verdict.BLOCK,
        "价税合计或税额与税务机关的记录不一致",
        "Total or tax differs from what the tax authority recorded",
        _INVOICES,
    ),
    FraudRule.INVOICE_DATE_DIFFERS: RuleEntry(
        Verdict.BLOCK,
        "开票日期与税务机关的记录不一致",
        "The day of issue differs from what the tax authority recorded",
        _INVOICES,
    ),
}


def page() -> str:
    """The rules as a Markdown page."""
    rows = [
        f"| `{rule}` | {entry.verdict} | {entry.text_zh} | {entry.text_en} | {entry.source} |"
        for rule, entry in RULES.items()
    ]
    return "\n".join((_HEAD, *rows, ""))


_HEAD = f"""# Rules against invoice fraud

Made from `hub/receivables/fraud_rules.py` (`python -m hub.receivables.fraud_rules`); version {RULES_VERSION}.

BLOCK: the invoice backs no confirmation and no loan until what is wrong is put right. REVIEW: a weak sign; from
{REVIEW_FROM_FEN // 100:,} yuan on nothing is lent on the invoice before the bank has looked and said why it may pass,
below that it is only noted. The first six compare an invoice with those that matched before it (`repeats/`);
the others compare it with what the tax authority recorded (`authenticity/`). Invoices that
answer one order are left to the three-way match (`matching/`): it never lets more be billed than was received, so
honest partial deliveries, which look alike, are never blocked.

What was sent back was not received, and what was credited is not owed (`matching/credits.py`,
`disputes/dilutions.py`). The match refuses
by `ABOVE_RECEIVED` what is billed beyond what was kept, by `RETURN_UNALLOCATED` and `CREDIT_UNALLOCATED` what could be
of several lines or invoices, by `CREDIT_PREDATES_INVOICE`, `CREDIT_ABOVE_INVOICE` and `CREDITED_IN_FULL` credit notes
that cannot be or leave nothing. After the buyer signed, what comes back dilutes: nothing is lent on the receivable
before it is confirmed anew by what is left. Numbers and totals are compared as they were invoiced, credited or not.

| rule | leads to | 规则 | rule in English | source |
| --- | --- | --- | --- | --- |"""


if __name__ == "__main__":
    import sys

    sys.stdout.write(page())
