"""A receivable and a certificate as services pass them around: frozen values, written back through the store."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from hub.receivables.reasons import Reason
from hub.receivables.states import CertificateState, ReceivableState


@dataclass(frozen=True, slots=True)
class Receivable:
    """What a buyer owes a supplier on one invoice. All amounts in fen.

    `issued_fen` is the part over which certificates are out or were redeemed, `redeemed_fen` the part that was
    redeemed: redeemed <= issued <= amount. `direct_fen` is what was paid of the part over which no certificate is out.
    `credited_fen` is by how much credit notes and returns made `amount_fen` less than what was invoiced.
    `evidence` is the canonical form of the matched documents' digests, None
    before a match.
    """

    receivable_id: str
    state: ReceivableState
    buyer_uscc: str
    supplier_uscc: str
    supplier_name: str
    invoice_document_id: str
    invoice_number: str
    issue_date: dt.date
    due_date: dt.date
    amount_fen: int
    issued_fen: int
    redeemed_fen: int
    reasons: tuple[Reason, ...]
    evidence: dict[str, Any] | None
    confirmed_at: dt.datetime | None
    direct_fen: int = 0
    credited_fen: int = 0

    @property
    def invoiced_fen(self) -> int:
        """What the invoice is over, whatever was credited since: by this other banks know it."""
        return self.amount_fen + self.credited_fen

    @property
    def unpaid_fen(self) -> int:
        """What the buyer still owes, to the holders of certificates and to the supplier."""
        return self.amount_fen - self.redeemed_fen - self.direct_fen


@dataclass(frozen=True, slots=True)
class Certificate:
    """An electronic receivable certificate (应收账款电子凭证): an unspent output over `amount_fen` of a receivable.

    A receivable, not a bill (财会〔2021〕32号). `offered_by` is who issued or transferred it to the holder.
    `financing_id` is set while a financing blocks it or is secured by it. `due_date` is the parent's, and at the root
    the receivable's.
    """

    certificate_id: str
    receivable_id: str
    parent_id: str | None
    output_index: int
    state: CertificateState
    issuer_uscc: str
    holder_uscc: str
    offered_by: str
    amount_fen: int
    due_date: dt.date
    financing_id: str | None
    created_at: dt.datetime
    redeemed_fen: int = 0

    @property
    def unpaid_fen(self) -> int:
        """What its holder has not been paid yet."""
        return self.amount_fen - self.redeemed_fen
