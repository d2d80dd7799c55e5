"""Between receivables on the wire and receivables in the domain."""

from __future__ import annotations

import datetime as dt

from huilian.common.v1 import common_pb2
from huilian.receivables.v1 import certificate_service_pb2 as certificate_pb
from huilian.receivables.v1 import freeze_service_pb2 as freeze_pb
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb
from huilian_protocol.confirmation import ReceivableConfirmation
from huilian_protocol.errors import HuilianError

from hub.platform.timestamps import timestamp
from hub.receivables.disputes.desk import Ground
from hub.receivables.disputes.stored import Dispute
from hub.receivables.freezes.stored import Freeze, FrozenKind
from hub.receivables.model import Certificate, Receivable
from hub.receivables.orders.desk import PurchaseOrder
from hub.receivables.reasons import Reason
from hub.receivables.records import CURRENCY, evidence_hash
from hub.receivables.repeats.desk import OpenFinding
from hub.receivables.states import CertificateState, ReceivableState
from hub.receivables.trade.desk import TakenIn
from hub.receivables.trade.model import decimal_text

_RECEIVABLE_STATES = {
    state: receivable_pb.ReceivableState.Value(f"RECEIVABLE_STATE_{state}") for state in ReceivableState
}
_CERTIFICATE_STATES = {
    state: certificate_pb.CertificateState.Value(f"CERTIFICATE_STATE_{state}") for state in CertificateState
}
_FROZEN_KINDS = {kind: freeze_pb.FrozenKind.Value(f"FROZEN_KIND_{kind}") for kind in FrozenKind}
_EVIDENCE_HASH_BYTES = 32


def receivable_message(receivable: Receivable) -> receivable_pb.Receivable:
    """A receivable."""
    return receivable_pb.Receivable(
        receivable_id=receivable.receivable_id,
        state=_RECEIVABLE_STATES[receivable.state],
        buyer_uscc=receivable.buyer_uscc,
        supplier_uscc=receivable.supplier_uscc,
        supplier_name=receivable.supplier_name,
        invoice_number=receivable.invoice_number,
        issue_date=receivable.issue_date.isoformat(),
        due_date=receivable.due_date.isoformat(),
        amount=money(receivable.amount_fen),
        certificated_amount=money(receivable.issued_fen),
        redeemed_amount=money(receivable.redeemed_fen),
        credited_amount=money(receivable.credited_fen),
        reasons=[reason_message(reason) for reason in receivable.reasons],
        confirmed_time=timestamp(receivable.confirmed_at),
        evidence_hash=evidence_hash(receivable),
    )


def finding_message(finding: OpenFinding) -> receivable_pb.Finding:
    """A finding of the rules of fraud."""
    return receivable_pb.Finding(
        receivable_id=finding.receivable_id,
        rule=finding.rule.value,
        rules_version=finding.rules_version,
        repeated_receivable_ids=finding.repeats,
        open=finding.is_open,
        note=finding.note,
        found_time=timestamp(finding.found_at),
    )


def certificate_message(certificate: Certificate) -> certificate_pb.ReceivableCertificate:
    """A certificate."""
    return certificate_pb.ReceivableCertificate(
        certificate_id=certificate.certificate_id,
        state=_CERTIFICATE_STATES[certificate.state],
        receivable_id=certificate.receivable_id,
        parent_certificate_id=certificate.parent_id or "",
        issuer_uscc=certificate.issuer_uscc,
        holder_uscc=certificate.holder_uscc,
        amount=money(certificate.amount_fen),
        due_date=certificate.due_date.isoformat(),
        offered_by_uscc=certificate.offered_by,
        financing_id=certificate.financing_id or "",
    )


def confirmation_message(confirmation: ReceivableConfirmation) -> receivable_pb.ReceivableConfirmation:
    """What the buyer signs."""
    return receivable_pb.ReceivableConfirmation(
        receivable_id=confirmation.receivable_id,
        invoice_id=confirmation.invoice_id,
        buyer_uscc=confirmation.buyer_uscc,
        supplier_uscc=confirmation.supplier_uscc,
        amount_fen=confirmation.amount_fen,
        currency=confirmation.currency,
        due_date=confirmation.due_date.isoformat(),
        evidence_hash=confirmation.evidence_hash,
        confirmed_at=confirmation.confirmed_at,
        chain_id=confirmation.chain_id,
        verifying_contract=confirmation.verifying_contract,
    )


def confirmation_of(message: receivable_pb.ReceivableConfirmation) -> ReceivableConfirmation:
    """What the buyer signed. Raises CONFIRMATION_MISMATCH for values that no confirmation can hold."""
    if len(message.evidence_hash) != _EVIDENCE_HASH_BYTES:
        raise HuilianError("CONFIRMATION_MISMATCH", "32 bytes expected", field="evidenceHash")
    return ReceivableConfirmation(
        receivable_id=message.receivable_id,
        invoice_id=message.invoice_id,
        buyer_uscc=message.buyer_uscc,
        supplier_uscc=message.supplier_uscc,
        amount_fen=message.amount_fen,
        currency=message.currency,
        due_date=_date(message.due_date),
        evidence_hash=message.evidence_hash,
        confirmed_at=message.confirmed_at,
        chain_id=message.chain_id,
        verifying_contract=message.verifying_contract,
    )


def taken_in_message(taken: TakenIn) -> receivable_pb.SyncTradeDocumentsResponse:
    """The outcome of a pull."""
    return receivable_pb.SyncTradeDocumentsResponse(
        imported_documents=taken.imported,
        receivables=[receivable_message(receivable) for receivable in taken.receivables],
        rejected_documents=[
            receivable_pb.RejectedDocument(document_id=item.document_id, number=item.number, fault=item.fault)
            for item in taken.rejected
        ],
    )


def freeze_message(freeze: Freeze) -> freeze_pb.FreezingOrder:
    """A court's order."""
    return freeze_pb.FreezingOrder(
        freeze_id=freeze.freeze_id,
        kind=_FROZEN_KINDS[freeze.kind],
        object_id=freeze.object_id,
        order_number=freeze.order_number,
        authority=freeze.authority,
        frozen_time=timestamp(freeze.frozen_at),
        lifted_time=timestamp(freeze.lifted_at),
        lifting_order_number=freeze.lifting_order_number or "",
    )


def dispute_message(dispute: Dispute) -> receivable_pb.Dispute:
    """What a buyer said, and how it ended."""
    return receivable_pb.Dispute(
        dispute_id=dispute.dispute_id,
        ground=receivable_pb.DisputeGround.Value(f"DISPUTE_GROUND_{dispute.ground}"),
        statement=dispute.statement,
        disputed_time=timestamp(dispute.disputed_at),
        ended_time=timestamp(dispute.ended_at),
        ended_by_uscc=dispute.ended_by or "",
    )


def frozen_kind_of(value: freeze_pb.FrozenKind.ValueType) -> FrozenKind:
    """What is frozen, from the wire."""
    return FrozenKind(freeze_pb.FrozenKind.Name(value).removeprefix("FROZEN_KIND_"))


def ground_of(value: receivable_pb.DisputeGround.ValueType) -> Ground:
    """Why a buyer disputes, from the wire."""
    return Ground(receivable_pb.DisputeGround.Name(value).removeprefix("DISPUTE_GROUND_"))


def reason_message(reason: Reason) -> common_pb2.Reason:
    """A reason in both languages."""
    return common_pb2.Reason(code=reason.code, text_zh=reason.text_zh, text_en=reason.text_en)


def money(amount_fen: int) -> common_pb2.Money:
    """An amount in fen."""
    return common_pb2.Money(amount_fen=amount_fen, currency=CURRENCY)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise HuilianError("CONFIRMATION_MISMATCH", "not a date", field="dueDate") from error


def order_message(order: PurchaseOrder) -> receivable_pb.PurchaseOrder:
    """An order with what is open of it."""
    document = order.document
    return receivable_pb.PurchaseOrder(
        order_document_id=document.document_id,
        order_number=document.number,
        buyer_uscc=document.buyer_uscc,
        issue_date=document.issue_date.isoformat(),
        in_force=order.in_force,
        lines=[
            receivable_pb.PurchaseOrderLine(
                line_id=line.order_line_id,
                item_name=line.item_name,
                quantity=decimal_text(line.quantity),
                unit_code=line.unit_code,
                ordered=money(line.line_extension_amount_fen),
                open=money(order.open_fen[line.order_line_id]),
            )
            for line in document.lines
        ],
    )
