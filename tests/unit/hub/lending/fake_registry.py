"""The port `Registry` in memory; it passes the contract tests that the sandbox behind its client passes too."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.lending.ports import PartyNames, RegisteredEntry
from hub.platform.transactions import forbid_transaction
from ledger.registry.invoices import InvoiceIdentity

OURS, OTHER = "hub.hub-a", "hub.other-bank"
NOBODY = PartyNames()


class FakeRegistry:
    """A register that several banks may share. `away` is how it looks during an outage."""

    def __init__(self, clock: Clock, own_name: str = OURS, entries: dict[str, RegisteredEntry] | None = None) -> None:
        self._clock, self._own_name = clock, own_name
        self.entries: dict[str, RegisteredEntry] = {} if entries is None else entries
        self.invoices: dict[str, tuple[str, str, str]] = {}
        self.away = False
        self.asked: list[str] = []

    async def search(self, invoice: InvoiceIdentity) -> list[RegisteredEntry]:
        self._ask("search")
        found = [entry for entry in self.entries.values() if self.invoices[entry.registration_id] == _key(invoice)]
        live = [self._seen(entry) for entry in found if self._seen(entry).status not in ("EXPIRED", "DEREGISTERED")]
        return sorted(live, key=lambda entry: entry.registered_at)

    async def register(
        self, registration_id: str, invoice: InvoiceIdentity, expires_on: date, names: PartyNames
    ) -> RegisteredEntry:
        self._ask("register")
        return self.put(registration_id, invoice, expires_on, self._own_name, names)

    async def amend(self, registration_id: str, amount_fen: int, names: PartyNames) -> RegisteredEntry:
        self._ask("amend")
        entry = self._seen(self._entry(registration_id))
        if entry.is_over:
            raise HuilianError("STATE_CONFLICT", state=entry.status)
        known = PartyNames(names.grantor or entry.names.grantor, names.debtor or entry.names.debtor)
        if (entry.amount_fen, entry.names) != (amount_fen, known):
            self.entries[registration_id] = replace(entry, amount_fen=amount_fen, names=known, status="AMENDED")
        return self._seen(self.entries[registration_id])

    async def look(self, registration_id: str) -> RegisteredEntry:
        self._ask("look")
        return self._seen(self._entry(registration_id))

    async def extend(self, registration_id: str, expires_on: date) -> RegisteredEntry:
        self._ask("extend")
        entry = self._seen(self._entry(registration_id))
        if entry.status in ("EXPIRED", "DEREGISTERED"):
            raise HuilianError("STATE_CONFLICT", state=entry.status)
        self.entries[registration_id] = replace(entry, expires_on=expires_on, status="EXTENDED")
        return self._seen(self.entries[registration_id])

    async def deregister(self, registration_id: str) -> None:
        self._ask("deregister")
        entry = self._entry(registration_id)
        if self._seen(entry).status != "EXPIRED":
            self.entries[registration_id] = replace(entry, status="DEREGISTERED")

    def put(
        self,
        registration_id: str,
        invoice: InvoiceIdentity,
        expires_on: date,
        party: str,
        names: PartyNames = NOBODY,
    ) -> RegisteredEntry:
        """Anybody's registration."""
        known = self.invoices.get(registration_id)
        if known is not None and known != _key(invoice):
            raise HuilianError("REQUEST_ID_REUSED")
        if registration_id not in self.entries:
            last = max((entry.registered_at for entry in self.entries.values()), default=self._clock.now())
            at = max(self._clock.now(), last + timedelta(microseconds=1))
            number = f"SANDBOX-{len(self.entries) + 1:012d}"
            self.entries[registration_id] = RegisteredEntry(
                registration_id=registration_id,
                number=number,
                secured_party=party,
                is_ours=party == self._own_name,
                registered_at=at,
                expires_on=expires_on,
                status="REGISTERED",
                amount_fen=invoice.amount_fen,
                names=names,
            )
            self.invoices[registration_id] = _key(invoice)
        return self._seen(self.entries[registration_id])

    def object_to(self, registration_id: str, statement: str) -> None:
        """The grantor objects."""
        self.entries[registration_id] = replace(self.entries[registration_id], status="OBJECTED", objection=statement)

    def live(self) -> list[str]:
        """Ids of what is registered now."""
        ended = ("EXPIRED", "DEREGISTERED")
        return [name for name, entry in self.entries.items() if self._seen(entry).status not in ended]

    def _ask(self, what: str) -> None:
        forbid_transaction("a call to the register")
        if self.away:
            raise HuilianError("PROVIDER_UNAVAILABLE", provider="movable_asset_registry")
        self.asked.append(what)

    def _entry(self, registration_id: str) -> RegisteredEntry:
        if registration_id not in self.entries:
            raise HuilianError("NOT_FOUND", resource="registration")
        return self.entries[registration_id]

    def _seen(self, entry: RegisteredEntry) -> RegisteredEntry:
        over = (self._clock.now() + timedelta(hours=8)).date() > entry.expires_on
        status = "EXPIRED" if over and entry.status != "DEREGISTERED" else entry.status
        return replace(entry, is_ours=entry.secured_party == self._own_name, status=status)


def _key(invoice: InvoiceIdentity) -> tuple[str, str, str]:
    return invoice.seller_uscc, invoice.buyer_uscc, invoice.invoice_number
