"""The hub's side of the buyers' ERP connectors, as far as lending asks them: `ErpLedgers` over gRPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import grpc
from huilian.connector.v1 import erp_connector_service_pb2 as pb
from huilian.connector.v1 import erp_connector_service_pb2_grpc as pb_grpc
from huilian_protocol.errors import HuilianError

from hub.lending.erp.rules import ErpEntry, ErpPayment
from hub.platform.transactions import forbid_transaction
from hub.receivables.trade.client import DEADLINE_S, as_provider_error


class GrpcErpLedgers:
    """One channel (mTLS) per buyer, opened and closed by the composition root."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], deadline_s: float = DEADLINE_S) -> None:
        self._stubs = {uscc: pb_grpc.ErpConnectorServiceStub(channel) for uscc, channel in channels.items()}
        self._deadline_s = deadline_s

    def has(self, buyer_uscc: str) -> bool:
        """See `ErpLedgers.has`."""
        return buyer_uscc in self._stubs

    async def record_payment(self, payment: ErpPayment) -> str:
        """See `ErpLedgers.record_payment`."""
        forbid_transaction("a call to an ERP connector")
        request = pb.RecordPaymentRequest(
            payment_id=payment.payment_id,
            invoice_document_id=payment.invoice_document_id,
            amount_fen=payment.amount_fen,
            payment_date=payment.value_date.isoformat(),
        )
        try:
            answer = await self._stubs[payment.buyer_uscc].RecordPayment(request, timeout=self._deadline_s)
        except grpc.RpcError as error:
            raise as_provider_error(error) from error
        if not 0 < len(answer.entry_number) <= 64:
            raise HuilianError("PROVIDER_FAULT", "an entry without a number", provider="ERP")
        return str(answer.entry_number)

    async def ledger_entries(self, buyer_uscc: str, invoice_document_ids: Sequence[str]) -> list[ErpEntry]:
        """See `ErpLedgers.ledger_entries`."""
        forbid_transaction("a call to an ERP connector")
        request = pb.ListLedgerEntriesRequest(invoice_document_ids=invoice_document_ids)
        try:
            answer = await self._stubs[buyer_uscc].ListLedgerEntries(request, timeout=self._deadline_s)
        except grpc.RpcError as error:
            raise as_provider_error(error) from error
        try:
            return [_entry(entry) for entry in answer.entries]
        except ValueError as error:
            raise HuilianError("PROVIDER_FAULT", "an entry that is none", provider="ERP") from error


def _entry(message: pb.LedgerEntry) -> ErpEntry:
    sides = (message.debit_fen, message.credit_fen)
    if min(sides) < 0 or not 0 < len(message.entry_id) <= 128:
        raise ValueError("not an entry")
    return ErpEntry(
        entry_id=message.entry_id,
        invoice_document_id=message.invoice_document_id,
        payment_id=message.payment_id,
        entry_date=date.fromisoformat(message.entry_date),
        debit_fen=message.debit_fen,
        credit_fen=message.credit_fen,
    )
