"""The hub's side of the tax authority: `TaxAuthority` over gRPC, fail-closed."""

from __future__ import annotations

import datetime as dt

import grpc
from huilian.receivables.v1 import tax_authority_service_pb2 as pb
from huilian.receivables.v1 import tax_authority_service_pb2_grpc as pb_grpc
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import from_rpc_error

from hub.platform.transactions import forbid_transaction
from hub.receivables.authenticity.rules import TaxRecord, TaxState

DEADLINE_S = 5.0
PROVIDER = "tax_authority"
_STATES = {
    pb.TAX_INVOICE_STATE_NORMAL: TaxState.NORMAL,
    pb.TAX_INVOICE_STATE_RED_OFFSET: TaxState.RED_OFFSET,
    pb.TAX_INVOICE_STATE_CANCELLED: TaxState.CANCELLED,
}


class GrpcTaxAuthority:
    """One channel (mTLS); None for a hub that has no tax authority, which then confirms and lends nothing."""

    def __init__(self, channel: grpc.aio.Channel | None) -> None:
        self._stub = pb_grpc.TaxAuthorityServiceStub(channel) if channel is not None else None

    async def look_up(self, invoice_number: str, seller_uscc: str) -> TaxRecord | None:
        """See `ports.TaxAuthority`."""
        forbid_transaction("a call to the tax authority")
        if self._stub is None:
            raise HuilianError("PROVIDER_UNAVAILABLE", "no tax authority is set", provider=PROVIDER)
        request = pb.LookUpInvoiceRequest(invoice_number=invoice_number, seller_uscc=seller_uscc)
        try:
            answer = await self._stub.LookUpInvoice(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            stated = from_rpc_error(error)
            code = "PROVIDER_TIMEOUT" if stated.code == "DEADLINE_EXCEEDED" else "PROVIDER_UNAVAILABLE"
            raise HuilianError(code, stated.code, provider=PROVIDER) from error
        return _record(answer.invoice) if answer.found else None


def _record(message: pb.TaxInvoice) -> TaxRecord:
    try:
        return TaxRecord(
            state=_STATES[message.state],
            seller_uscc=message.seller_uscc,
            buyer_uscc=message.buyer_uscc,
            issue_date=dt.date.fromisoformat(message.issue_date),
            total_fen=message.total_fen,
            tax_fen=message.tax_fen,
        )
    except (KeyError, ValueError) as error:
        raise HuilianError("PROVIDER_FAULT", "an answer that cannot be read", provider=PROVIDER) from error
