"""What core enterprises sold to dealers, by their ERPs, and who lets the bank decide on it.

As with trade documents, `pull` reads the connector outside any transaction and `take_in` stores what came; both may be
repeated at will. Nobody's sales are looked at without two consents: the core enterprise's to the use of its sales, and
the dealer's to the use of its own purchases. Either can take its consent back at any time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError
from stdnum.cn import uscc

from hub.platform.transactions import forbid_transaction
from hub.receivables.ports import ErpConnectors, Sale
from hub.receivables.sales import stored

PAGE_SIZE = 200
MAX_PAGES = 25
CANCELLED = "cancelled"
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class PulledSales:
    """What one pull brought."""

    core_uscc: str
    before: str
    after: str
    sales: tuple[Sale, ...]
    faults: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TakenInSales:
    """How many sales were new or changed, and what was left out: document and fault."""

    imported: int
    rejected: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SalesConsent:
    """Who lets the bank use the sales of a core enterprise to a dealer."""

    core_enterprise: bool
    dealer: bool


class Sales:
    """Use cases of sales; they run inside the caller's transaction except `pull`."""

    def __init__(self, clock: Clock, erps: ErpConnectors) -> None:
        self._clock = clock
        self._erps = erps

    async def pull(self, core_uscc: str) -> PulledSales:
        """What changed in the core enterprise's ERP since the last time. Raises NOT_FOUND and provider errors."""
        forbid_transaction("pulling sales")
        before = cursor = await stored.cursor_of(core_uscc)
        sales: list[Sale] = []
        faults: list[tuple[str, str]] = []
        for _ in range(MAX_PAGES):
            page = await self._erps.list_sales(core_uscc, cursor, PAGE_SIZE)
            sales += page.sales
            faults += page.faults
            cursor = page.next_cursor
            if not page.has_more:
                break
        return PulledSales(core_uscc, before, cursor, tuple(sales), tuple(faults))

    async def take_in(self, pulled: PulledSales) -> TakenInSales:
        """Stores the newest version of every sale. Again it changes nothing.

        Raises PROVIDER_FAULT when one version of a sale comes with two contents.
        """
        imported, rejected = 0, list(pulled.faults)
        for sale in pulled.sales:
            fault = _fault(sale, pulled.core_uscc)
            if fault:
                rejected.append((sale.document_id, fault))
            else:
                imported += await stored.save(sale)
        await stored.move_cursor(pulled.core_uscc, pulled.before, pulled.after)
        return TakenInSales(imported, tuple(rejected))

    async def set_consent(self, caller: str, core_uscc: str, *, granted: bool) -> SalesConsent:
        """The caller's consent: a core enterprise's to the use of its sales, a dealer's to that of its purchases."""
        await stored.set_consent(core_uscc, caller, self._clock.now() if granted else None)
        return await self.consent(core_uscc, caller)

    async def consent(self, core_uscc: str, dealer_uscc: str) -> SalesConsent:
        """Whether both consent."""
        parties = await stored.consenting(core_uscc, {core_uscc, dealer_uscc})
        return SalesConsent(core_uscc in parties, dealer_uscc in parties)

    async def history(self, core_uscc: str, dealer_uscc: str, since: dt.date) -> tuple[Sequence[Sale], dict[str, int]]:
        """The dealer's purchases in force, oldest first, and what every dealer bought since a day, in fen by dealer.

        Raises DECISION_DATA_MISSING unless both consent.
        """
        consent = await self.consent(core_uscc, dealer_uscc)
        missing = [
            name
            for name, given in (("core enterprise's consent", consent.core_enterprise), ("dealer's", consent.dealer))
            if not given
        ]
        if missing:
            raise HuilianError("DECISION_DATA_MISSING", datasets=", ".join(missing))
        return await stored.purchases(core_uscc, dealer_uscc), await stored.totals(core_uscc, since)


def _fault(sale: Sale, core_uscc: str) -> str:
    """Why a sale cannot be used, empty when it can."""
    if sale.core_uscc != core_uscc:
        return "core_uscc: another enterprise's"
    if not uscc.is_valid(sale.dealer_uscc) or sale.dealer_uscc == core_uscc:
        return "dealer_uscc: not a dealer's credit code"
    if sale.amount_fen <= 0 or sale.due_date < sale.issue_date:
        return "amount_fen, due_date: out of range"
    if sale.paid_on is not None and sale.paid_on < sale.issue_date:
        return "paid_on: before the invoice"
    is_named = 0 < len(sale.document_id) <= MAX_TEXT and 0 < len(sale.number) <= MAX_TEXT and sale.version > 0
    return "" if is_named else "document_id, number, version: out of range"
