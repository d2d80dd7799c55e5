"""Sales of huilian.receivables.v1 on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.receivables.v1 import sales_service_pb2 as pb
from huilian.receivables.v1 import sales_service_pb2_grpc

from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.receivables.sales.desk import SalesConsent
from hub.receivables.service import ReceivablesService


class SalesServicer(sales_service_pb2_grpc.SalesServiceServicer):
    """Serves core enterprises and dealers."""

    def __init__(self, service: ReceivablesService, idempotency: Idempotency) -> None:
        self._sales, self._idempotency = service.sales, idempotency

    async def SyncSales(self, request: pb.SyncSalesRequest, context: Any) -> pb.SyncSalesResponse:
        """Read the caller's ERP."""
        first = await self._idempotency.replay("SyncSales", request, pb.SyncSalesResponse)
        if first is not None:
            return first
        # The connector is asked before the transaction begins.
        pulled = await self._sales.pull(current_caller().id)

        async def use_case() -> pb.SyncSalesResponse:
            taken_in = await self._sales.take_in(pulled)
            rejected = [pb.RejectedSale(document_id=name, fault=fault) for name, fault in taken_in.rejected]
            return pb.SyncSalesResponse(imported_count=taken_in.imported, rejected=rejected)

        return await self._idempotency.run("SyncSales", request, pb.SyncSalesResponse, use_case)

    async def SetSalesConsent(self, request: pb.SetSalesConsentRequest, context: Any) -> pb.SetSalesConsentResponse:
        """The caller's own consent."""

        async def use_case() -> pb.SetSalesConsentResponse:
            consent = await self._sales.set_consent(current_caller().id, request.core_uscc, granted=request.granted)
            return pb.SetSalesConsentResponse(consent=_consent(consent))

        return await self._idempotency.run("SetSalesConsent", request, pb.SetSalesConsentResponse, use_case)

    async def GetSalesConsent(self, request: pb.GetSalesConsentRequest, context: Any) -> pb.GetSalesConsentResponse:
        """Whether the core enterprise and the caller consent."""
        consent = await self._sales.consent(request.core_uscc, current_caller().id)
        return pb.GetSalesConsentResponse(consent=_consent(consent))


def _consent(consent: SalesConsent) -> pb.SalesConsent:
    return pb.SalesConsent(core_enterprise=consent.core_enterprise, dealer=consent.dealer)
