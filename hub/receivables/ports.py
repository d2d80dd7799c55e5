"""What receivables need from others, as narrow protocols. Fakes in tests implement the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Protocol

from huilian_protocol.signers import Power

from hub.receivables.authenticity.rules import TaxRecord
from hub.receivables.trade.model import TradeDocument


@dataclass(frozen=True, slots=True)
class PulledDocument:
    """One document as a connector delivered it. `document` is None when it could not be read; `fault` says why.

    `version` grows with each change in the ERP. `erp_state` "cancelled" withdraws the document, "paid" says that an
    invoice is no longer owed; every other value is in force.
    """

    document_id: str
    number: str
    version: int
    erp_state: str
    document: TradeDocument | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ErpPage:
    """Documents that changed after a cursor, oldest first."""

    documents: tuple[PulledDocument, ...]
    next_cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class Sale:
    """An invoice of a core enterprise to a dealer. State "cancelled" withdraws it; `paid_on`: None until paid."""

    core_uscc: str
    document_id: str
    version: int
    dealer_uscc: str
    number: str
    issue_date: dt.date
    due_date: dt.date
    amount_fen: int
    state: str
    paid_on: dt.date | None


@dataclass(frozen=True, slots=True)
class SalesPage:
    """Sales that changed after a cursor, oldest change first; `faults` names what could not be read, and why."""

    sales: tuple[Sale, ...]
    faults: tuple[tuple[str, str], ...]
    next_cursor: str
    has_more: bool


class ErpConnectors(Protocol):
    """The ERP connectors of all buyers."""

    async def list_documents(self, buyer_uscc: str, cursor: str, page_size: int) -> ErpPage:
        """One page from the buyer's connector, over the network. Raises NOT_FOUND when the buyer has none."""
        ...

    async def list_sales(self, core_uscc: str, cursor: str, page_size: int) -> SalesPage:
        """One page of a core enterprise's sales. Raises NOT_FOUND when it has no connector."""
        ...


class TaxAuthority(Protocol):
    """Invoice verification (发票查验)."""

    async def look_up(self, invoice_number: str, seller_uscc: str) -> TaxRecord | None:
        """What is recorded under this number, over the network; None when the authority knows no such invoice.

        Raises PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT, PROVIDER_FAULT.
        """
        ...


class Mandates(Protocol):
    """Who may bind an enterprise (hub/onboarding)."""

    async def require_verified(self, uscc: str) -> None:
        """Raise STATE_CONFLICT (ENTERPRISE_NOT_VERIFIED) unless the business registry agreed with an enterprise."""
        ...

    async def require_mandate(self, uscc: str, power: Power, object_id: str, amount_fen: int) -> None:
        """Use up the word of a signer for one act of an enterprise, in the caller's transaction.

        Raises STATE_CONFLICT as `require_verified` does, and PERMISSION_DENIED when an enterprise that has signers acts
        without the word of one who may.
        """
        ...

    async def require_word(self, uscc: str, power: Power, object_id: str, amount_fen: int) -> None:
        """The same for what one that was struck off may do too: pay, dispute. Raises PERMISSION_DENIED."""
        ...


class EnterpriseDirectory(Protocol):
    """What identity knows about enterprises."""

    async def confirmation_certificate(self, uscc: str) -> str:
        """PEM certificate of the enterprise's confirmation key. Raises NOT_FOUND for an unknown enterprise."""
        ...

    async def require_registered(self, uscc: str) -> None:
        """Raise NOT_FOUND unless an enterprise of this code is registered."""
        ...


class Ledger(Protocol):
    """The append-only log."""

    async def append(
        self,
        record_type: str,
        record_id: str,
        record: dict[str, Any],
        *,
        subject: str | None,
        evidence: dict[str, Any],
    ) -> None:
        """Add a record inside the caller's transaction."""
        ...

    async def receipt(self, record_id: str, reader: str | None = None) -> bytes:
        """The receipt of a record; None asks as the bank. Raises NOT_FOUND, RECEIPT_PENDING."""
        ...
