"""Is this invoice, or are these goods, already behind another receivable? Pure; the rules are in `fraud_rules`.

Invoices that answer a common order are left to the three-way match, which never lets more be billed than was received:
honest partial deliveries of one order look alike and are no duplicates. What is left is the same trade written down
again under another order.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from hub.receivables.fraud_rules import REVIEW_FROM_FEN, RULES, FraudRule, Verdict
from hub.receivables.trade.model import TradeDocument
from ledger.registry.invoices import InvoiceIdentity, identifiers

REPEAT_DAYS = 3
"""A trade that is written down again carries a date close to the first one."""
LOOK_BACK = dt.timedelta(days=31)
PAIRS_AT_MOST = 2_000
ROUNDING_FEN = 5
"""A total that was split is rounded line by line."""
# Letters that a scanner or a forger puts for digits; an invoice number in one spelling has none of them left.
_LOOK_ALIKE = str.maketrans("OQIL", "0011")
LineKey = tuple[str, str, Decimal]


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice with the goods receipts that it rests on."""

    receivable_id: str
    invoice: TradeDocument
    receipts: tuple[TradeDocument, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that applies, and the receivables whose trade is repeated."""

    rule: FraudRule
    repeats: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """What the rule leads to."""
        return RULES[self.rule].verdict


def invoice_identity(invoice: TradeDocument) -> InvoiceIdentity:
    """What identifies an invoice at every bank, look-alike letters in its number read as digits."""
    return InvoiceIdentity(
        seller_uscc=invoice.supplier_uscc,
        buyer_uscc=invoice.buyer_uscc,
        invoice_number=plain_number(invoice.number),
        amount_fen=invoice.payable_amount_fen,
        issue_date=invoice.issue_date,
    )


def plain_number(text: str) -> str:
    """A number with full-width characters, case and look-alike letters undone."""
    return unicodedata.normalize("NFKC", text).upper().translate(_LOOK_ALIKE)


def number_key(invoice: TradeDocument) -> str:
    """The one form of supplier and number, unique among the receivables of a hub; the number itself if that is empty.

    A number of signs alone has no canonical form and stays as it is written.
    """
    try:
        number = invoice_identity(invoice).invoice_number
    except ValueError:
        number = invoice.number
    return f"{invoice.supplier_uscc}:{number}"


def find_duplicates(new: Billed, others: Sequence[Billed]) -> tuple[Finding, ...]:
    """The rules by which `new` repeats any of `others`, which have the same buyer and supplier; blocks come first."""
    found = [*_same_invoice(new, others)]
    elsewhere = [other for other in others if not _share_order(new, other)]
    found += _same_goods(new, elsewhere)
    near = [other for other in elsewhere if abs(other.invoice.issue_date - new.invoice.issue_date) <= LOOK_BACK]
    found += _renumbered(new, near)
    found += _merged(new, near)
    found += _split(new, near)
    return tuple(sorted(found, key=lambda finding: finding.verdict is not Verdict.BLOCK))


def worth_comparing(amount_fen: int, others: Mapping[str, int]) -> set[str]:
    """Of receivables by id with their totals in fen: those whose totals alone could make a repeated, split or merged
    invoice of `amount_fen`. Only these are read whole.
    """
    totals = {total + strays for total in others.values() for strays in range(-ROUNDING_FEN, ROUNDING_FEN + 1)}
    return {
        receivable_id
        for receivable_id, total in others.items()
        if total == amount_fen or {amount_fen - total, amount_fen + total, total - amount_fen} & totals
    }


def holds_up(finding: Finding, amount_fen: int) -> bool:
    """Whether somebody has to look before money is lent: never for small trades, see `REVIEW_FROM_FEN`."""
    return finding.verdict is Verdict.REVIEW and amount_fen >= REVIEW_FROM_FEN


def _same_invoice(new: Billed, others: Iterable[Billed]) -> Iterator[Finding]:
    mine = _identifiers(new.invoice)
    for other in others:
        if new.invoice.number == other.invoice.number:
            yield Finding(FraudRule.DUPLICATE_INVOICE, (other.receivable_id,))
        elif mine & _identifiers(other.invoice):
            yield Finding(FraudRule.INVOICE_RETYPED, (other.receivable_id,))


def _identifiers(invoice: TradeDocument) -> set[bytes]:
    try:
        return set(identifiers(invoice_identity(invoice)))
    except ValueError:
        return set()


def _same_goods(new: Billed, others: Iterable[Billed]) -> Iterator[Finding]:
    """A receipt that stands in the books twice, under two orders: one number, and goods in common."""
    for other in others:
        if any(_is_copy(mine, theirs) for mine in new.receipts for theirs in other.receipts):
            yield Finding(FraudRule.GOODS_BILLED_TWICE, (other.receivable_id,))


def _is_copy(mine: TradeDocument, theirs: TradeDocument) -> bool:
    same_number = plain_number(mine.number) == plain_number(theirs.number)
    return same_number and bool(_goods(mine).keys() & _goods(theirs).keys())


def _renumbered(new: Billed, others: Iterable[Billed]) -> Iterator[Finding]:
    for other in others:
        days = abs((other.invoice.issue_date - new.invoice.issue_date).days)
        same_total = other.invoice.payable_amount_fen == new.invoice.payable_amount_fen
        if same_total and days <= REPEAT_DAYS and _goods(other.invoice) == _goods(new.invoice):
            yield Finding(FraudRule.INVOICE_RENUMBERED, (other.receivable_id,))


def _merged(new: Billed, others: Sequence[Billed]) -> Iterator[Finding]:
    for one, two in _pairs(others):
        if _adds_up(one, two, new):
            yield Finding(FraudRule.INVOICES_MERGED, (one.receivable_id, two.receivable_id))
            return


def _split(new: Billed, others: Sequence[Billed]) -> Iterator[Finding]:
    for one, two in _pairs(others):
        whole, part = sorted((one, two), key=lambda item: -item.invoice.payable_amount_fen)
        if _adds_up(new, part, whole):
            yield Finding(FraudRule.INVOICE_SPLIT, (whole.receivable_id, part.receivable_id))
            return


def _pairs(others: Sequence[Billed]) -> Iterator[tuple[Billed, Billed]]:
    for number, pair in enumerate(combinations(others, 2)):
        if number >= PAIRS_AT_MOST:
            return
        yield pair


def _adds_up(one: Billed, two: Billed, whole: Billed) -> bool:
    total_fen = one.invoice.payable_amount_fen + two.invoice.payable_amount_fen
    if abs(total_fen - whole.invoice.payable_amount_fen) > ROUNDING_FEN:
        return False
    return _goods(one.invoice) + _goods(two.invoice) == _goods(whole.invoice)


def _goods(document: TradeDocument) -> Counter[LineKey]:
    """Quantities by item, unit and price: what a document is about, whatever its lines are called."""
    goods: Counter[LineKey] = Counter()
    for line in document.lines:
        # Counter adds whatever adds; quantities are decimals.
        goods[line.item_name, line.unit_code, line.unit_price_fen] += line.quantity  # type: ignore[assignment]
    return goods


def _share_order(one: Billed, other: Billed) -> bool:
    return bool(set(one.invoice.order_document_ids) & set(other.invoice.order_document_ids))
