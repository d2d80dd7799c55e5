"""Collects the receipts of a certificate's own branch, from the confirmation to the certificate. Reads only."""

from __future__ import annotations

from huilian_protocol.errors import HuilianError
from huilian_protocol.provenance import MAX_STEPS, build_provenance

from hub.receivables import stored as stored_receivables
from hub.receivables.access import visible_certificate
from hub.receivables.certificates import stored
from hub.receivables.model import Certificate, Receivable
from hub.receivables.ports import Ledger
from hub.receivables.states import CertificateState


class ProvenanceDesk:
    """Whoever holds, issued or passed on a certificate may have its branch proved."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def prove(self, caller: str, certificate_id: str) -> bytes:
        """The file `huilian-provenance/v1`. Receipts are fetched as the bank: a holder is a party of its chain's end,
        not of every link.

        Raises NOT_FOUND, RECEIPT_PENDING (a link is not anchored yet), STATE_CONFLICT (a chain of above 200 links).
        """
        certificate = visible_certificate(caller, await stored.find(certificate_id))
        receivable = await stored_receivables.find(certificate.receivable_id)
        assert receivable is not None, "a certificate's receivable exists: a foreign key says so"
        ids = await _branch(certificate)
        confirmation = await self._confirmation(receivable)
        receipts = [await self._ledger.receipt(record_id) for record_id in ids]
        return build_provenance(certificate_id, [confirmation, *receipts])

    async def _confirmation(self, receivable: Receivable) -> bytes:
        """Of the signature that counts: the newest, where the buyer signed again after a dispute."""
        assert receivable.confirmed_at is not None, "certificates are issued over confirmed receivables"
        first = f"confirmation:{receivable.receivable_id}"
        try:
            return await self._ledger.receipt(f"{first}:{int(receivable.confirmed_at.timestamp())}")
        except HuilianError as error:
            if error.code != "NOT_FOUND":
                raise
        return await self._ledger.receipt(first)


async def _branch(certificate: Certificate) -> list[str]:
    """Ids of the records that made the certificate, the issue first."""
    ids: list[str] = []
    while certificate.parent_id is not None:
        parent = await stored.find(certificate.parent_id)
        assert parent is not None, "a foreign key says so"
        ids.append(_made_by(parent, certificate))
        if len(ids) >= MAX_STEPS - 1:
            raise HuilianError("STATE_CONFLICT", "the chain is too long to prove in one file", state=certificate.state)
        certificate = parent
    return [f"certificate-issued:{certificate.certificate_id}", *reversed(ids)]


def _made_by(parent: Certificate, child: Certificate) -> str:
    if parent.state is CertificateState.SPLIT:
        return f"certificate-split:{parent.certificate_id}"
    if parent.state is CertificateState.TRANSFERRED:
        return f"certificate-transferred:{child.certificate_id}"
    return f"certificate-returned:{child.certificate_id}"
