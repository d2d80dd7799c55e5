"""Statements on certificates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from huilian_protocol.errors import HuilianError
from tortoise.expressions import Q

from hub.platform.database import Database
from hub.platform.paging import Page, after_token, page_of
from hub.receivables.certificates.store import CertificateRow
from hub.receivables.model import Certificate
from hub.receivables.states import CertificateEvent, CertificateState, next_certificate_state

_INSERT = (
    "INSERT INTO receivables_certificate (certificate_id, receivable_id, parent_id, output_index, state, issuer_uscc,"
    " holder_uscc, offered_by, amount_fen, due_date, financing_id, created_at, redeemed_fen)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING RETURNING certificate_id"
)


async def find(certificate_id: str) -> Certificate | None:
    """The certificate, not locked."""
    row = await CertificateRow.get_or_none(certificate_id=certificate_id)
    return _certificate(row) if row else None


async def lock(certificate_id: str) -> Certificate | None:
    """The certificate, locked until the transaction ends (on SQLite the whole database is)."""
    row = await CertificateRow.filter(certificate_id=certificate_id).select_for_update(no_key=True).first()
    return _certificate(row) if row else None


async def holders_of(receivable_id: str, states: Collection[CertificateState]) -> dict[str, str]:
    """Who holds which of the receivable's certificates in these states, by certificate."""
    rows = CertificateRow.filter(receivable_id=receivable_id, state__in=[state.value for state in states])
    found = await rows.order_by("certificate_id").values_list("certificate_id", "holder_uscc")
    return {str(certificate_id): str(holder) for certificate_id, holder in found}


async def lock_of_receivable(receivable_id: str, states: Collection[CertificateState]) -> list[Certificate]:
    """The receivable's certificates in these states, locked in the order of their ids."""
    rows = CertificateRow.filter(receivable_id=receivable_id, state__in=[state.value for state in states])
    return [_certificate(row) for row in await rows.order_by("certificate_id").select_for_update(no_key=True)]


async def insert(database: Database, certificate: Certificate) -> None:
    """Add a new output. Raises ALREADY_EXISTS when its id is taken."""
    added = await database.fetch(
        _INSERT,
        certificate.certificate_id,
        certificate.receivable_id,
        certificate.parent_id,
        certificate.output_index,
        certificate.state.value,
        certificate.issuer_uscc,
        certificate.holder_uscc,
        certificate.offered_by,
        certificate.amount_fen,
        certificate.due_date,
        certificate.financing_id,
        certificate.created_at,
        certificate.redeemed_fen,
    )
    if not added:
        raise HuilianError("ALREADY_EXISTS", resource="certificate")


async def move(certificate: Certificate, event: CertificateEvent, financing_id: str | None) -> Certificate:
    """Change the state, and for whom it is blocked. Raises STATE_CONFLICT when the tables do not allow it."""
    state = next_certificate_state(certificate.state, event)
    count = await CertificateRow.filter(
        certificate_id=certificate.certificate_id, state=certificate.state.value
    ).update(state=state.value, financing_id=financing_id)
    if count != 1:
        raise HuilianError("STATE_CONFLICT", "the certificate changed meanwhile", state=certificate.state)
    return replace(certificate, state=state, financing_id=financing_id)


async def redeem(certificate: Certificate, amount_fen: int) -> Certificate:
    """Add to what was paid on a due certificate; paid in full it is redeemed. Raises STATE_CONFLICT."""
    redeemed_fen = certificate.redeemed_fen + amount_fen
    after = replace(certificate, redeemed_fen=redeemed_fen)
    state = next_certificate_state(certificate.state, CertificateEvent.REDEEM)
    if not after.unpaid_fen:
        after = replace(after, state=state)
    count = await CertificateRow.filter(
        certificate_id=certificate.certificate_id,
        state=certificate.state.value,
        redeemed_fen=certificate.redeemed_fen,
    ).update(state=after.state.value, redeemed_fen=redeemed_fen)
    if count != 1:
        raise HuilianError("STATE_CONFLICT", "the certificate changed meanwhile", state=certificate.state)
    return after


async def page_of_party(uscc: str, page_size: int, token: str) -> Page[Certificate]:
    """Certificates that the enterprise holds, issued or passed on, newest first."""
    mine = Q(holder_uscc=uscc) | Q(issuer_uscc=uscc) | Q(offered_by=uscc)
    query = CertificateRow.filter(mine & after_token(token, CertificateRow, "certificate_id"))
    rows = await query.order_by("-created_at", "-certificate_id").limit(page_size + 1)
    return page_of(rows, page_size, "certificate_id", _certificate)


def _certificate(row: CertificateRow) -> Certificate:
    return Certificate(
        certificate_id=row.certificate_id,
        receivable_id=row.receivable_id,
        parent_id=row.parent_id,
        output_index=row.output_index,
        state=CertificateState(row.state),
        issuer_uscc=row.issuer_uscc,
        holder_uscc=row.holder_uscc,
        offered_by=row.offered_by,
        amount_fen=row.amount_fen,
        due_date=row.due_date,
        financing_id=row.financing_id,
        created_at=row.created_at,
        redeemed_fen=row.redeemed_fen,
    )
