"""SQL of our registrations at the register of movable assets. Rows are changed under their claim's lock only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from tortoise.expressions import Q

from hub.lending.ports import NO_NAMES, PartyNames
from hub.lending.registrations.states import LIVE, RegistrationEvent, RegistrationState, next_state
from hub.lending.store import RegistrationRow
from ledger.registry.invoices import InvoiceIdentity


@dataclass(frozen=True, slots=True)
class Registration:
    """One registration; its id is its claim's. `invoice` is what the register knows the receivable by, with the amount
    as registered.
    """

    claim_id: str
    state: RegistrationState
    invoice: InvoiceIdentity
    number: str = ""
    registered_at: datetime | None = None
    expires_on: date | None = None
    objection: str = ""
    names: PartyNames = NO_NAMES
    attempt: int = 1
    outranked: bool = False
    revision: int = 0

    @property
    def register_id(self) -> str:
        """Its id at the register: another for each attempt, for what ran out there is over."""
        return self.claim_id if self.attempt == 1 else f"{self.claim_id}-r{self.attempt}"


async def add(claim_id: str, invoice: InvoiceIdentity) -> None:
    """A registration that will be asked for."""
    await RegistrationRow.create(
        claim_id=claim_id,
        state=RegistrationState.REQUESTED.value,
        grantor_uscc=invoice.seller_uscc,
        debtor_uscc=invoice.buyer_uscc,
        document_number=invoice.invoice_number,
        amount_fen=invoice.amount_fen,
        issue_date=invoice.issue_date,
    )


async def find(claim_id: str) -> Registration | None:
    """A registration, or None."""
    row = await RegistrationRow.get_or_none(claim_id=claim_id)
    return None if row is None else _registration(row)


async def move(registration: Registration, event: RegistrationEvent, **changes: Any) -> Registration:
    """The registration in its next state and revision. Raises STATE_CONFLICT when the table has no such step."""
    state, revision = next_state(registration.state, event), registration.revision + 1
    after = replace(registration, state=state, revision=revision, **changes)
    changed = await RegistrationRow.filter(claim_id=registration.claim_id, state=registration.state.value).update(
        **_columns(after)
    )
    if changed != 1:
        raise AssertionError("a registration is changed under its claim's lock only")
    return after


async def ids_to_look_at(today: date, limit: int) -> list[str]:
    """Live registrations that were not looked at today."""
    unseen = Q(looked_on__isnull=True) | Q(looked_on__lt=today)
    rows = RegistrationRow.filter(Q(state__in=[state.value for state in LIVE]) & unseen)
    return [row.claim_id for row in await rows.order_by("claim_id").limit(limit)]


async def looked_at(claim_id: str, today: date) -> None:
    """Looked at, or queued to be."""
    await RegistrationRow.filter(claim_id=claim_id).update(looked_on=today)


def _columns(registration: Registration) -> dict[str, Any]:
    same = ("number", "registered_at", "expires_on", "objection", "attempt", "outranked", "revision")
    return {name: getattr(registration, name) for name in same} | {
        "state": registration.state.value,
        "amount_fen": registration.invoice.amount_fen,
        "grantor_name": registration.names.grantor,
        "debtor_name": registration.names.debtor,
    }


def _registration(row: RegistrationRow) -> Registration:
    return Registration(
        claim_id=row.claim_id,
        state=RegistrationState(row.state),
        invoice=InvoiceIdentity(
            seller_uscc=row.grantor_uscc,
            buyer_uscc=row.debtor_uscc,
            invoice_number=row.document_number,
            amount_fen=row.amount_fen,
            issue_date=row.issue_date,
        ),
        number=row.number,
        registered_at=row.registered_at,
        expires_on=row.expires_on,
        objection=row.objection,
        names=PartyNames(row.grantor_name, row.debtor_name),
        attempt=row.attempt,
        outranked=row.outranked,
        revision=row.revision,
    )
