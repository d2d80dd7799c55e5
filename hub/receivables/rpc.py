"""huilian.receivables.v1 on the wire: proto in, proto out, no rule. The policy table says who may call what."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb
from huilian.receivables.v1 import receivable_service_pb2_grpc as receivable_grpc

from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE
from hub.receivables.messages import (
    confirmation_message,
    confirmation_of,
    dispute_message,
    finding_message,
    ground_of,
    order_message,
    receivable_message,
    taken_in_message,
)
from hub.receivables.service import ReceivablesService


class ReceivableServicer(receivable_grpc.ReceivableServiceServicer):
    """Serves receivables to their buyers and suppliers."""

    def __init__(self, service: ReceivablesService, idempotency: Idempotency) -> None:
        self._service, self._idempotency = service, idempotency

    async def SyncTradeDocuments(
        self, request: receivable_pb.SyncTradeDocumentsRequest, context: Any
    ) -> receivable_pb.SyncTradeDocumentsResponse:
        """Pull and match the caller's trade documents."""
        response_type = receivable_pb.SyncTradeDocumentsResponse
        first = await self._idempotency.replay("SyncTradeDocuments", request, response_type)
        if first is not None:
            return first
        # The connector is asked before the transaction begins.
        pulled = await self._service.trade.pull(current_caller().id, request.from_start)

        async def use_case() -> receivable_pb.SyncTradeDocumentsResponse:
            return taken_in_message(await self._service.trade.take_in(pulled))

        return await self._idempotency.run("SyncTradeDocuments", request, response_type, use_case)

    async def GetReceivable(
        self, request: receivable_pb.GetReceivableRequest, context: Any
    ) -> receivable_pb.GetReceivableResponse:
        """One receivable of the caller."""
        receivable = await self._service.get_visible(current_caller().id, request.receivable_id)
        return receivable_pb.GetReceivableResponse(receivable=receivable_message(receivable))

    async def ListReceivables(
        self, request: receivable_pb.ListReceivablesRequest, context: Any
    ) -> receivable_pb.ListReceivablesResponse:
        """The caller's receivables, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._service.list_own(current_caller().id, size, request.page.page_token)
        return receivable_pb.ListReceivablesResponse(
            receivables=[receivable_message(receivable) for receivable in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ListPurchaseOrders(
        self, request: receivable_pb.ListPurchaseOrdersRequest, context: Any
    ) -> receivable_pb.ListPurchaseOrdersResponse:
        """Orders placed with the caller, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._service.list_orders(current_caller().id, size, request.page.page_token)
        return receivable_pb.ListPurchaseOrdersResponse(
            purchase_orders=[order_message(order) for order in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def PrepareConfirmation(
        self, request: receivable_pb.PrepareConfirmationRequest, context: Any
    ) -> receivable_pb.PrepareConfirmationResponse:
        """What the caller would sign now."""
        confirmation = await self._service.confirmations.prepare(current_caller().id, request.receivable_id)
        return receivable_pb.PrepareConfirmationResponse(confirmation=confirmation_message(confirmation))

    async def ConfirmReceivable(
        self, request: receivable_pb.ConfirmReceivableRequest, context: Any
    ) -> receivable_pb.ConfirmReceivableResponse:
        """Take the caller's signature."""
        response_type = receivable_pb.ConfirmReceivableResponse
        first = await self._idempotency.replay("ConfirmReceivable", request, response_type)
        if first is not None:
            return first
        # The tax authority is asked before the transaction begins.
        await self._service.authenticity.check_for_buyer(current_caller().id, request.confirmation.receivable_id)

        async def use_case() -> receivable_pb.ConfirmReceivableResponse:
            confirmation = confirmation_of(request.confirmation)
            confirmed = await self._service.confirmations.confirm(current_caller().id, confirmation, request.signature)
            return receivable_pb.ConfirmReceivableResponse(receivable=receivable_message(confirmed))

        return await self._idempotency.run("ConfirmReceivable", request, response_type, use_case)

    async def ListFindings(
        self, request: receivable_pb.ListFindingsRequest, context: Any
    ) -> receivable_pb.ListFindingsResponse:
        """What the rules of fraud found, for the bank."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._service.repeats.page(size, request.page.page_token)
        return receivable_pb.ListFindingsResponse(
            findings=[finding_message(finding) for finding in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ReleaseFinding(
        self, request: receivable_pb.ReleaseFindingRequest, context: Any
    ) -> receivable_pb.ReleaseFindingResponse:
        """The bank looked."""

        async def use_case() -> receivable_pb.ReleaseFindingResponse:
            await self._service.repeats.release(request.receivable_id, request.rule, request.note)
            return receivable_pb.ReleaseFindingResponse()

        response_type = receivable_pb.ReleaseFindingResponse
        return await self._idempotency.run("ReleaseFinding", request, response_type, use_case)

    async def DisputeReceivable(
        self, request: receivable_pb.DisputeReceivableRequest, context: Any
    ) -> receivable_pb.DisputeReceivableResponse:
        """The caller disputes what it is said to owe."""

        async def use_case() -> receivable_pb.DisputeReceivableResponse:
            disputed = await self._service.disputes.dispute(
                current_caller().id, request.receivable_id, ground_of(request.ground), request.statement
            )
            return receivable_pb.DisputeReceivableResponse(receivable=receivable_message(disputed))

        response_type = receivable_pb.DisputeReceivableResponse
        return await self._idempotency.run("DisputeReceivable", request, response_type, use_case)

    async def ListDisputes(
        self, request: receivable_pb.ListDisputesRequest, context: Any
    ) -> receivable_pb.ListDisputesResponse:
        """What was said over a receivable of the caller."""
        found = await self._service.disputes.list_of(current_caller().id, request.receivable_id)
        return receivable_pb.ListDisputesResponse(disputes=[dispute_message(one) for one in found])

    async def ReinstateReceivable(
        self, request: receivable_pb.ReinstateReceivableRequest, context: Any
    ) -> receivable_pb.ReinstateReceivableResponse:
        """The parties came to terms."""

        async def use_case() -> receivable_pb.ReinstateReceivableResponse:
            reinstated = await self._service.disputes.reinstate(current_caller().id, request.receivable_id)
            return receivable_pb.ReinstateReceivableResponse(receivable=receivable_message(reinstated))

        response_type = receivable_pb.ReinstateReceivableResponse
        return await self._idempotency.run("ReinstateReceivable", request, response_type, use_case)

    async def GiveUpReceivable(
        self, request: receivable_pb.GiveUpReceivableRequest, context: Any
    ) -> receivable_pb.GiveUpReceivableResponse:
        """The caller gives up what it is owed."""

        async def use_case() -> receivable_pb.GiveUpReceivableResponse:
            voided = await self._service.disputes.give_up(current_caller().id, request.receivable_id)
            return receivable_pb.GiveUpReceivableResponse(receivable=receivable_message(voided))

        return await self._idempotency.run(
            "GiveUpReceivable", request, receivable_pb.GiveUpReceivableResponse, use_case
        )
