"""What lending needs of others, as narrow protocols; `hub/main.py` hands in who provides it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from huilian_protocol.artefact import Artefact
from huilian_protocol.signers import Power

from hub.exchange.service import Delivery, Read, Volume
from hub.lending.erp.rules import ErpEntry, ErpPayment
from hub.receivables.service import (
    Certificate,
    Days,
    ErpTrouble,
    Freeze,
    FrozenKind,
    Impaired,
    Impairment,
    OrderVolume,
    PurchaseOrder,
    Receivable,
    Sale,
)
from ledger.registry.fingerprints import InvoiceIdentity


class Ledger(Protocol):
    """The log (hub/ledger)."""

    async def append(
        self, record_type: str, record_id: str, record: dict[str, Any], *, subject: str | None, evidence: dict[str, Any]
    ) -> object:
        """Append a salted record inside the open transaction."""
        ...


class Claims(Protocol):
    """Locks on receivables that every bank on the chain sees (hub/ledger)."""

    async def request(self, claim_id: str, invoice: InvoiceIdentity) -> None:
        """Ask for the lock in the open transaction; the answer comes as the outbox topic "claim.decided"."""
        ...

    async def release(self, claim_id: str) -> None:
        """Give the lock up in the open transaction."""
        ...


@dataclass(frozen=True, slots=True)
class PartyNames:
    """Registered names of the grantor and the debtor of a receivable; empty where they are not known."""

    grantor: str = ""
    debtor: str = ""


NO_NAMES = PartyNames()


@dataclass(frozen=True, slots=True)
class RegisteredEntry:
    """A registration as the register shows it; `is_ours` when we are the secured party. The amount is in fen."""

    registration_id: str
    number: str
    secured_party: str
    is_ours: bool
    registered_at: dt.datetime
    expires_on: dt.date
    status: str
    amount_fen: int
    objection: str = ""
    names: PartyNames = NO_NAMES

    @property
    def is_over(self) -> bool:
        """Whether it counts no more."""
        return self.status in ("EXPIRED", "DEREGISTERED")


class Registry(Protocol):
    """The register of movable assets (中登网). Over the network, so never inside a transaction.

    Every call raises PROVIDER_UNAVAILABLE while the register is away.
    """

    async def search(self, invoice: InvoiceIdentity) -> list[RegisteredEntry]:
        """Live registrations over a receivable, whoever's they are, the earliest first."""
        ...

    async def register(
        self, registration_id: str, invoice: InvoiceIdentity, expires_on: dt.date, names: PartyNames
    ) -> RegisteredEntry:
        """Register for us; the same id again is the same registration. Raises REQUEST_ID_REUSED."""
        ...

    async def amend(self, registration_id: str, amount_fen: int, names: PartyNames) -> RegisteredEntry:
        """Another amount in fen, other names (empty: as they are); the place in the order of time stays.

        Raises NOT_FOUND, STATE_CONFLICT once it ran out.
        """
        ...

    async def look(self, registration_id: str) -> RegisteredEntry:
        """A registration as it is now. Raises NOT_FOUND."""
        ...

    async def extend(self, registration_id: str, expires_on: dt.date) -> RegisteredEntry:
        """A later end; the same again changes nothing. Raises NOT_FOUND, STATE_CONFLICT once it ran out."""
        ...

    async def deregister(self, registration_id: str) -> None:
        """End it; again changes nothing. Raises NOT_FOUND."""
        ...


class Mandates(Protocol):
    """Who may borrow and lend, and who may bind them (hub/onboarding)."""

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


class Receivables(Protocol):
    """Certificates and receivables (hub/receivables); every call runs inside the open transaction."""

    @property
    def sales(self) -> SalesHistory: ...

    @property
    def signs(self) -> EarlySigns: ...

    async def get_receivable(self, receivable_id: str) -> Receivable: ...

    async def lock_receivable(self, receivable_id: str) -> Receivable: ...

    async def get_certificate(self, certificate_id: str) -> Certificate: ...

    async def holders_of(self, receivable_id: str) -> dict[str, str]: ...

    async def verify_invoice(self, receivable_id: str) -> None:
        """Outside any transaction."""
        ...

    async def require_lendable_now(self, receivable_id: str) -> None: ...

    async def block_for_financing(self, certificate_id: str, financing_id: str) -> Certificate: ...

    async def mark_financed(self, certificate_id: str, financing_id: str) -> Certificate: ...

    async def release_block(self, certificate_id: str, financing_id: str) -> Certificate: ...

    def when_confirmed(self, tell: Callable[[Receivable], Awaitable[None]]) -> None: ...

    def when_orders_change(self, tell: Callable[[str, frozenset[str]], Awaitable[None]]) -> None: ...

    async def find_order(self, buyer_uscc: str, order_document_id: str) -> PurchaseOrder: ...

    async def delivered_fen(self, receivable: Receivable) -> dict[tuple[str, str], int]: ...

    async def pledge(self, receivable_id: str, loan_id: str) -> Receivable: ...

    async def pledge_again(self, receivable_id: str, loan_id: str) -> Receivable: ...

    async def release_pledge(self, receivable_id: str, loan_id: str) -> Receivable: ...

    async def receivables_due(
        self, on: dt.date, limit: int = 100, after: tuple[dt.date, str] | None = None
    ) -> list[Receivable]: ...

    async def fall_due(self, receivable_id: str) -> list[Certificate]: ...

    async def redeem(self, certificate_id: str) -> Certificate: ...

    async def redeem_part(self, certificate_id: str, payment_id: str, amount_fen: int) -> Certificate: ...

    async def pay_direct(self, receivable_id: str, amount_fen: int) -> Receivable: ...

    async def settle(self, receivable_id: str) -> Receivable: ...

    async def miss_due_date(self, receivable_id: str) -> Receivable: ...

    async def default(self, receivable_id: str) -> Receivable: ...

    async def is_frozen(self, kind: FrozenKind, object_id: str) -> bool: ...

    def when_impaired(self, tell: Callable[[Receivable, Impairment], Awaitable[None]]) -> None: ...

    def when_voided(self, tell: Callable[[Receivable], Awaitable[None]]) -> None: ...

    def before_freezing(self, tell: Callable[[Certificate], Awaitable[None]]) -> None: ...

    def when_unfrozen(self, tell: Callable[[Freeze], Awaitable[None]]) -> None: ...


class ErpLedgers(Protocol):
    """The general ledgers of buyers' ERPs, over the network: never inside a transaction."""

    def has(self, buyer_uscc: str) -> bool:
        """Whether this buyer has an ERP connector."""
        ...

    async def record_payment(self, payment: ErpPayment) -> str:
        """Posts a payment, once per payment id; the number of the ERP's entry.

        Raises STATE_CONFLICT, ALREADY_EXISTS, NOT_FOUND where the ERP says no, PROVIDER_UNAVAILABLE, PROVIDER_TIMEOUT
        and PROVIDER_FAULT where nobody knows.
        """
        ...

    async def ledger_entries(self, buyer_uscc: str, invoice_document_ids: Sequence[str]) -> Sequence[ErpEntry]:
        """What stands on the payable accounts about these invoices, at most 100. Raises PROVIDER_*."""
        ...


class SalesHistory(Protocol):
    """What dealers bought from core enterprises (hub/receivables)."""

    async def history(
        self, core_uscc: str, dealer_uscc: str, since: dt.date
    ) -> tuple[Sequence[Sale], Mapping[str, int]]:
        """The dealer's purchases, oldest first, and what each dealer bought since a day, in fen.

        Raises DECISION_DATA_MISSING unless both consent.
        """
        ...


class EarlySigns(Protocol):
    """What receivables count over all parties at once (hub/receivables). Reads only; no transaction needed."""

    async def fallen_orders(self, recent: Days, before: Days, *, placed: bool) -> list[OrderVolume]:
        """Parties whose orders are worth less in the recent period; `placed` counts by buyer, else by supplier."""
        ...

    async def impaired(self, since: dt.datetime, *, owed: bool) -> list[Impaired]:
        """Parties with disputes since a time, or with diluted receivables; `owed` counts by buyer, else by supplier."""
        ...

    async def erp_troubles(self) -> list[ErpTrouble]:
        """Every ERP connector that failed the last time."""
        ...


class Consent(Protocol):
    """A consent as far as lending looks into it."""

    @property
    def artefact(self) -> Artefact: ...


class Consents(Protocol):
    """Consents of persons (hub/consent)."""

    async def find(self, consent_id: str) -> Consent:
        """Any consent. Raises NOT_FOUND."""
        ...


class Exchange(Protocol):
    """Consented reads (hub/exchange); opens its own transactions, so never inside one."""

    async def fetch(self, requested_by: str, read: Read) -> Delivery:
        """One read under a consent; the same request id gives the first answer again."""
        ...

    async def volumes(self, from_day: str, to_day: str, agency: str) -> list[Volume]:
        """How many reads there were of these days, by outcome, of one agency or (empty) of all."""
        ...


@dataclass(frozen=True, slots=True)
class Saying:
    """What a person is told, once for each `id`; `kind` is its code, `object_id` what it is about. Never a figure."""

    id: str
    kind: str
    object_id: str
    text_zh: str
    text_en: str


class Inbox(Protocol):
    """Persons' inboxes (hub/exchange)."""

    async def say(self, subject: str, saying: Saying) -> None:
        """Put it into the person's inbox, inside the caller's transaction; not of who left in the meantime."""
        ...


class Persons(Protocol):
    """Registered persons (hub/identity)."""

    async def key_binding(self, subject: str) -> str:
        """The identity authority's binding of the person's device key. Raises NOT_FOUND."""
        ...


class SubjectVault(Protocol):
    """Encryption under a person's own key (hub/platform)."""

    async def encrypt_for_subject(self, subject: str, plaintext: bytes) -> bytes:
        """Readable until the person's key is destroyed."""
        ...

    async def decrypt_for_subject(self, subject: str, ciphertext: bytes) -> bytes:
        """What was encrypted for the person. Raises NOT_FOUND once the key is destroyed."""
        ...
