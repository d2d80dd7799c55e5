"""Invoice verification with the tax authority, before a confirmation and again before money is lent.

A check is two units of work around a network call: read the invoice, ask, write the answer down with its time. What
needs an authentic invoice looks at the newest answer inside its own transaction; no answer is no.
"""

from __future__ import annotations

import datetime as dt

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.platform.database import Database
from hub.platform.transactions import forbid_transaction
from hub.receivables import stored as stored_receivables
from hub.receivables.authenticity import stored
from hub.receivables.authenticity.rules import CHECK_LIFE, judge
from hub.receivables.model import Receivable
from hub.receivables.ports import TaxAuthority
from hub.receivables.trade import stored as stored_documents

AUTHENTIC = "AUTHENTIC"


class Authenticity:
    """See the module."""

    def __init__(self, database: Database, clock: Clock, tax: TaxAuthority) -> None:
        self._database, self._clock, self._tax = database, clock, tax

    async def check(self, receivable_id: str) -> None:
        """Ask the tax authority about a matched receivable's invoice and write down what it says; nothing otherwise.

        Outside any transaction. Raises PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT or PROVIDER_FAULT; then nothing is
        written and whatever needs the answer has to wait.
        """
        forbid_transaction("invoice verification")
        receivable = await stored_receivables.find(receivable_id)
        if receivable is None or receivable.evidence is None:
            return
        digest = _digest(receivable)
        invoice = await stored_documents.version_with_digest(
            receivable.buyer_uscc, receivable.invoice_document_id, digest
        )
        record = await self._tax.look_up(invoice.number, invoice.supplier_uscc)
        broken = judge(invoice, record)
        async with self._database.transaction():
            await stored.add(receivable_id, digest, broken.value if broken else AUTHENTIC, self._clock.now())

    async def check_for_buyer(self, caller: str, receivable_id: str) -> None:
        """Like `check`, for the buyer's own receivables only: nobody else's business is looked up for a stranger."""
        receivable = await stored_receivables.find(receivable_id)
        if receivable is not None and receivable.buyer_uscc == caller:
            await self.check(receivable_id)

    async def require(self, receivable: Receivable, life: dt.timedelta | None = CHECK_LIFE) -> None:
        """Raise INVOICE_REFUSED unless the newest answer says that this very invoice is authentic, and PROVIDER_
        UNAVAILABLE when there is no answer, or none that is younger than `life`.
        """
        newest = await stored.newest(receivable.receivable_id)
        if newest is None or bytes(newest.invoice_sha256) != _digest(receivable):
            raise HuilianError("PROVIDER_UNAVAILABLE", "the invoice was not verified", provider="tax_authority")
        if newest.outcome != AUTHENTIC:
            raise HuilianError("INVOICE_REFUSED", invoice=receivable.invoice_number, reason=newest.outcome)
        if life is not None and self._clock.now() - newest.checked_at > life:
            raise HuilianError("PROVIDER_UNAVAILABLE", "verified too long ago", provider="tax_authority")


def _digest(receivable: Receivable) -> bytes:
    return bytes.fromhex(receivable.evidence["invoice"]) if receivable.evidence else b""
