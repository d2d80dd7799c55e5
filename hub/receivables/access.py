"""Who may see what. What an enterprise is no party of does not exist for it: NOT_FOUND, never PERMISSION_DENIED."""

from __future__ import annotations

from huilian_protocol.errors import HuilianError

from hub.receivables.model import Certificate, Receivable


def visible_receivable(caller: str, receivable: Receivable | None) -> Receivable:
    """The receivable if the caller is its buyer or supplier. Raises NOT_FOUND."""
    if receivable is None or caller not in (receivable.buyer_uscc, receivable.supplier_uscc):
        raise HuilianError("NOT_FOUND", resource="receivable")
    return receivable


def visible_certificate(caller: str, certificate: Certificate | None) -> Certificate:
    """The certificate if the caller holds it, issued it or passed it on. Raises NOT_FOUND."""
    parties = (certificate.holder_uscc, certificate.issuer_uscc, certificate.offered_by) if certificate else ()
    if certificate is None or caller not in parties:
        raise HuilianError("NOT_FOUND", resource="certificate")
    return certificate
