"""What people read about a reason: Chinese and English texts by code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.platform.legal_rules import TERM_SIX_MONTHS, rule
from hub.receivables.fraud_rules import RULES, FraudRule
from hub.receivables.matching.mismatches import MatchReason, Mismatch
from hub.receivables.rules import TermWarning

ALREADY_PAID: Final = "ALREADY_PAID"
TERM_ABOVE_SIX_MONTHS: Final = "TERM_ABOVE_SIX_MONTHS"

_MISMATCH_TEXTS: dict[Mismatch, tuple[str, str]] = {
    Mismatch.TOTAL_DIFFERS: ("发票总额与明细合计不一致", "The invoice total is not the sum of its lines"),
    Mismatch.ORDER_MISSING: ("找不到发票对应的采购订单", "The purchase order of the invoice is missing"),
    Mismatch.PARTY_DIFFERS: ("发票与订单的买卖双方不一致", "The invoice is between other parties than the order"),
    Mismatch.ORDER_LINE_UNKNOWN: ("发票行没有对应的订单行", "The invoice line answers no line of the order"),
    Mismatch.ITEM_DIFFERS: ("货物与订单不一致", "The item differs from the order"),
    Mismatch.UNIT_DIFFERS: ("计量单位与订单不一致", "The unit of measure differs from the order"),
    Mismatch.PRICE_DIFFERS: ("单价与订单不一致", "The unit price differs from the order"),
    Mismatch.AMOUNT_DIFFERS: ("金额不等于数量乘单价", "The line amount is not quantity times unit price"),
    Mismatch.ABOVE_RECEIVED: ("开票数量超过收货数量", "More is invoiced than was received"),
    Mismatch.ABOVE_ORDERED: ("开票数量超过订购数量", "More is invoiced than was ordered"),
    Mismatch.RETURN_UNALLOCATED: ("退货单无法对应订单行", "A return does not say which ordered goods went back"),
    Mismatch.CREDIT_UNALLOCATED: ("红字凭证无法对应唯一的发票", "A credit note could belong to several invoices"),
    Mismatch.CREDIT_PREDATES_INVOICE: (
        "红字凭证早于其冲减的发票",
        "A credit note is older than the invoice it corrects",
    ),
    Mismatch.CREDIT_ABOVE_INVOICE: ("红字凭证超过发票", "Credit notes take off more than was invoiced"),
    Mismatch.CREDITED_IN_FULL: ("发票已全额冲减", "The invoice is credited in full: nothing is owed on it"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason with its code and what people read, as it is stored and shown."""

    code: str
    text_zh: str
    text_en: str


def mismatch_reason(reason: MatchReason) -> Reason:
    """The words for a mismatch; line 0 is the invoice as a whole."""
    text_zh, text_en = _MISMATCH_TEXTS[reason.mismatch]
    where_zh, where_en = (f"第{reason.line}行：", f"Line {reason.line}: ") if reason.line else ("", "")
    return Reason(
        code=reason.mismatch.value,
        text_zh=f"{where_zh}{text_zh}（应为{reason.expected}，实为{reason.found}）",
        text_en=f"{where_en}{text_en} (expected {reason.expected}, found {reason.found})",
    )


def fraud_reason(rule: FraudRule, detail: str) -> Reason:
    """The words for a rule of fraud; `detail` says what it found, numbers of invoices for example."""
    entry = RULES[rule]
    return Reason(rule.value, f"{entry.text_zh}（{detail}）", f"{entry.text_en} ({detail})")


def term_reason(warning: TermWarning) -> Reason:
    """A term above six months is allowed, not wanted (银发〔2025〕77号)."""
    return Reason(
        code=TERM_ABOVE_SIX_MONTHS,
        text_zh=f"付款期限超过六个月（原则上不晚于{warning.usual_latest}，{rule(TERM_SIX_MONTHS).source}）",
        text_en=f"The term is above six months (in principle not later than {warning.usual_latest}, {TERM_SIX_MONTHS})",
    )


def paid_reason() -> Reason:
    """The buyer's books say that the invoice is paid: nothing is owed on it."""
    return Reason(
        code=ALREADY_PAID,
        text_zh="买方账上该发票已付款",
        text_en="The buyer's books say that the invoice is paid already",
    )
