"""What the log keeps about receivables and certificates: one record for each change of state, in the same transaction.

Record ids are made from the objects' own, so a party can ask for its receipt without being told one:
`confirmation:<receivable>` (signed anew after a dispute: and `:<time of signing>`, with `-2`, `-3` behind it within the
same second), `certificate-<event>:<certificate>` and, where a financing is part of it,
`certificate-<event>:<certificate>:<financing>`, for a part payment `certificate-paid:<certificate>:<payment>`,
`receivable-<event>:<receivable>` and, where a loan takes it as its security
or gives it back, `receivable-<event>:<receivable>:<loan>`. `parties` in each names the enterprises whose business it
is: the log gives its receipt to them only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain, count
from typing import Any

from huilian_protocol.canonical import b64u_encode, sha256_canonical
from huilian_protocol.confirmation import ReceivableConfirmation
from huilian_protocol.errors import HuilianError

from hub.receivables.freezes.stored import Freeze
from hub.receivables.model import Certificate, Receivable
from hub.receivables.ports import Ledger

CURRENCY = "CNY"


class Records:
    """Writes this domain's records."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def confirmation(
        self, message: ReceivableConfirmation, signature: bytes, certificate_pem: str, at: datetime
    ) -> None:
        """The buyer confirmed. The evidence lets anyone check the signature against the pinned CA, without us."""
        content = {**message.to_dict(), "parties": sorted({message.buyer_uscc, message.supplier_uscc})}
        evidence = {
            "confirmation": message.to_dict(),
            "signature": b64u_encode(signature),
            "certificate": certificate_pem,
        }
        record_id = f"confirmation:{message.receivable_id}"
        await self._append_again("receivable.confirmed", record_id, int(at.timestamp()), content, evidence)

    async def receivable(self, event: str, receivable: Receivable) -> None:
        """The receivable came to another state; `event` in the past tense, e.g. "settled"."""
        content = _receivable_content(receivable)
        await self._append(f"receivable.{event}", f"receivable-{event}:{receivable.receivable_id}", content, {})

    async def pledge(self, event: str, receivable: Receivable, loan_id: str) -> None:
        """A loan took the receivable as its security or gave it back."""
        content = {**_receivable_content(receivable), "loan_id": loan_id}
        record_id = f"receivable-{event}:{receivable.receivable_id}:{loan_id}"
        signed = int(receivable.confirmed_at.timestamp()) if receivable.confirmed_at else 0
        await self._append_again(f"receivable.{event}", record_id, signed, content, {})

    async def certificate(self, event: str, certificate: Certificate, **more: Any) -> None:
        """The certificate came to another state; `event` in the past tense, e.g. "transferred"."""
        content = {**_certificate_content(certificate), **more}
        record_id = f"certificate-{event}:{certificate.certificate_id}"
        await self._append(f"certificate.{event}", record_id, content, {})

    async def certificate_financing(self, event: str, certificate: Certificate, financing_id: str) -> None:
        """A financing blocked, took or released the certificate."""
        content = {**_certificate_content(certificate), "financing_id": financing_id}
        record_id = f"certificate-{event}:{certificate.certificate_id}:{financing_id}"
        await self._append(f"certificate.{event}", record_id, content, {})

    async def certificate_payment(self, certificate: Certificate, payment_id: str, amount_fen: int) -> None:
        """The buyer paid a part of the certificate, or what was left of it."""
        content = {
            **_certificate_content(certificate),
            "payment_id": payment_id,
            "paid_fen": amount_fen,
            "redeemed_fen": certificate.redeemed_fen,
        }
        record_id = f"certificate-paid:{certificate.certificate_id}:{payment_id}"
        await self._append("certificate.paid", record_id, content, {})

    async def dispute(self, event: str, receivable: Receivable, reference: str, **more: Any) -> None:
        """A receivable was disputed, diluted, reinstated or given up; `reference` tells this time from another."""
        content = {**_receivable_content(receivable), "reference": reference, **more}
        record_id = (
            f"receivable-{event}:{receivable.receivable_id}:{sha256_canonical({'reference': reference}).hex()[:16]}"
        )
        await self._append(f"receivable.{event}", record_id, content, {})

    async def credited(self, receivable: Receivable, document_ids: Sequence[str], amount_fen: int) -> None:
        """Credit notes or returns took so much off what no certificate is out over."""
        said = {"document_ids": list(document_ids), "taken_off_fen": amount_fen}
        content = {**_receivable_content(receivable), **said, "credited_fen": receivable.credited_fen}
        record_id = f"receivable-credited:{receivable.receivable_id}:{receivable.credited_fen}"
        await self._append("receivable.credited", record_id, content, {})

    async def freeze(self, event: str, freeze: Freeze, parties: list[str]) -> None:
        """A court's order was entered or lifted."""
        content = {
            "parties": parties,
            "freeze_id": freeze.freeze_id,
            "kind": freeze.kind.value,
            "object_id": freeze.object_id,
            "order_number": freeze.order_number,
            "lifting_order_number": freeze.lifting_order_number,
            "authority": freeze.authority,
        }
        kind = freeze.kind.value.lower()
        await self._append(f"{kind}.{event}", f"{kind}-{event}:{freeze.object_id}:{freeze.freeze_id}", content, {})

    async def _append_again(
        self, kind: str, record_id: str, time: int, content: dict[str, Any], evidence: dict[str, Any]
    ) -> None:
        """What can happen anew after a dispute or a dilution; what was written before stays as it was.

        Several times within a second, the ones behind the first of it bear a number.
        """
        names = chain([record_id, f"{record_id}:{time}"], (f"{record_id}:{time}-{number}" for number in count(2)))
        for name in names:
            try:
                return await self._append(kind, name, content, evidence)
            except HuilianError as error:
                if error.code != "ALREADY_EXISTS":
                    raise

    async def _append(self, kind: str, record_id: str, content: dict[str, Any], evidence: dict[str, Any]) -> None:
        await self._ledger.append(kind, record_id, content, subject=None, evidence=evidence)


def evidence_hash(receivable: Receivable) -> bytes:
    """SHA-256 of the canonical evidence of a matched receivable, 32 bytes; empty before a match."""
    return sha256_canonical(receivable.evidence) if receivable.evidence is not None else b""


def _receivable_content(receivable: Receivable) -> dict[str, Any]:
    return {
        "parties": sorted({receivable.buyer_uscc, receivable.supplier_uscc}),
        "receivable_id": receivable.receivable_id,
        "state": receivable.state.value,
        "buyer_uscc": receivable.buyer_uscc,
        "supplier_uscc": receivable.supplier_uscc,
        "amount_fen": receivable.amount_fen,
        "issued_fen": receivable.issued_fen,
        "redeemed_fen": receivable.redeemed_fen,
        "currency": CURRENCY,
        "due_date": receivable.due_date.isoformat(),
    }


def _certificate_content(certificate: Certificate) -> dict[str, Any]:
    return {
        "parties": sorted({certificate.issuer_uscc, certificate.holder_uscc, certificate.offered_by}),
        "certificate_id": certificate.certificate_id,
        "receivable_id": certificate.receivable_id,
        "parent_id": certificate.parent_id,
        "state": certificate.state.value,
        "issuer_uscc": certificate.issuer_uscc,
        "holder_uscc": certificate.holder_uscc,
        "offered_by": certificate.offered_by,
        "amount_fen": certificate.amount_fen,
        "currency": CURRENCY,
        "due_date": certificate.due_date.isoformat(),
    }
