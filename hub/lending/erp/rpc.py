"""Payments in buyers' ERPs on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import erp_ledger_service_pb2 as pb
from huilian.lending.v1 import erp_ledger_service_pb2_grpc

from hub.lending.erp.desk import ErpPayments
from hub.lending.erp.rules import ErpPayment
from hub.lending.messages import money
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE


class ErpLedgerServicer(erp_ledger_service_pb2_grpc.ErpLedgerServiceServicer):
    """Serves the bank's operators."""

    def __init__(self, payments: ErpPayments, idempotency: Idempotency) -> None:
        self._payments, self._idempotency = payments, idempotency

    async def ListErpPayments(self, request: pb.ListErpPaymentsRequest, context: Any) -> pb.ListErpPaymentsResponse:
        """One page of payments."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._payments.page(request.buyer_uscc, size, request.page.page_token)
        return pb.ListErpPaymentsResponse(
            payments=[_payment(one) for one in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ReconcileErpLedger(
        self, request: pb.ReconcileErpLedgerRequest, context: Any
    ) -> pb.ReconcileErpLedgerResponse:
        """Compare with one buyer's ledger."""
        response_type = pb.ReconcileErpLedgerResponse
        first = await self._idempotency.replay("ReconcileErpLedger", request, response_type)
        if first is not None:
            return first
        # The connector is asked before the transaction begins.
        ledger = await self._payments.pull(request.buyer_uscc)

        async def use_case() -> pb.ReconcileErpLedgerResponse:
            compared = await self._payments.take_in(ledger)
            return pb.ReconcileErpLedgerResponse(
                compared_payments=compared.compared,
                retried_payments=compared.tried_again,
                open_case_ids=[case.case_id for case in compared.cases],
            )

        return await self._idempotency.run("ReconcileErpLedger", request, response_type, use_case)


def _payment(one: ErpPayment) -> pb.ErpPayment:
    return pb.ErpPayment(
        payment_id=one.payment_id,
        receivable_id=one.receivable_id,
        buyer_uscc=one.buyer_uscc,
        invoice_document_id=one.invoice_document_id,
        amount=money(one.amount_fen),
        value_date=one.value_date.isoformat(),
        state=pb.ErpPaymentState.Value(f"ERP_PAYMENT_STATE_{one.state}"),
        entry_number=one.entry_number,
        reason=one.reason,
    )
