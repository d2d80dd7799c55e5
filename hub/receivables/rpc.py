"""huilian.receivables.v1 on the wire: proto in, proto out, no rule. The policy table says who may call what."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.receivables.v1 import certificate_service_pb2 as certificate_pb
from huilian.receivables.v1 import certificate_service_pb2_grpc as certificate_grpc
from huilian.receivables.v1 import freeze_service_pb2 as freeze_pb
from huilian.receivables.v1 import freeze_service_pb2_grpc as freeze_grpc
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb
from huilian.receivables.v1 import receivable_service_pb2_grpc as receivable_grpc

from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE
from hub.receivables.messages import (
    certificate_message,
    confirmation_message,
    confirmation_of,
    dispute_message,
    finding_message,
    freeze_message,
    frozen_kind_of,
    ground_of,
    order_message,
    reason_message,
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


class FreezeServicer(freeze_grpc.FreezeServiceServicer):
    """Serves courts' orders to the bank's operator, and to the parties what is frozen of theirs."""

    def __init__(self, service: ReceivablesService, idempotency: Idempotency) -> None:
        self._freezes, self._idempotency = service.freezes, idempotency

    async def Freeze(self, request: freeze_pb.FreezeRequest, context: Any) -> freeze_pb.FreezeResponse:
        """Enter an order."""

        async def use_case() -> freeze_pb.FreezeResponse:
            kind = frozen_kind_of(request.kind)
            frozen = await self._freezes.freeze(
                request.freeze_id, kind, request.object_id, request.order_number, request.authority
            )
            return freeze_pb.FreezeResponse(order=freeze_message(frozen))

        return await self._idempotency.run("Freeze", request, freeze_pb.FreezeResponse, use_case)

    async def Unfreeze(self, request: freeze_pb.UnfreezeRequest, context: Any) -> freeze_pb.UnfreezeResponse:
        """Lift an order."""

        async def use_case() -> freeze_pb.UnfreezeResponse:
            lifted = await self._freezes.unfreeze(request.freeze_id, request.order_number)
            return freeze_pb.UnfreezeResponse(order=freeze_message(lifted))

        return await self._idempotency.run("Unfreeze", request, freeze_pb.UnfreezeResponse, use_case)

    async def ListFreezes(self, request: freeze_pb.ListFreezesRequest, context: Any) -> freeze_pb.ListFreezesResponse:
        """Orders over an object."""
        caller = current_caller()
        asks = None if caller.role is Role.OPERATOR else caller.id
        found = await self._freezes.orders_over(asks, frozen_kind_of(request.kind), request.object_id)
        return freeze_pb.ListFreezesResponse(orders=[freeze_message(item) for item in found])


class CertificateServicer(certificate_grpc.CertificateServiceServicer):
    """Serves certificates to their issuers and holders."""

    def __init__(self, service: ReceivablesService, idempotency: Idempotency) -> None:
        self._certificates, self._idempotency = service.certificates, idempotency
        self._provenance = service.provenance

    async def GetProvenance(
        self, request: certificate_pb.GetProvenanceRequest, context: Any
    ) -> certificate_pb.GetProvenanceResponse:
        """The proof of where a certificate of the caller comes from."""
        proof = await self._provenance.prove(current_caller().id, request.certificate_id)
        return certificate_pb.GetProvenanceResponse(provenance=proof)

    async def IssueCertificate(
        self, request: certificate_pb.IssueCertificateRequest, context: Any
    ) -> certificate_pb.IssueCertificateResponse:
        """Issue a certificate over a receivable that the caller confirmed."""

        async def use_case() -> certificate_pb.IssueCertificateResponse:
            issued = await self._certificates.issue(
                current_caller().id, request.certificate_id, request.receivable_id, request.amount_fen
            )
            return certificate_pb.IssueCertificateResponse(
                certificate=certificate_message(issued.certificate),
                warnings=[reason_message(warning) for warning in issued.warnings],
            )

        response_type = certificate_pb.IssueCertificateResponse
        return await self._idempotency.run("IssueCertificate", request, response_type, use_case)

    async def AcceptCertificate(
        self, request: certificate_pb.AcceptCertificateRequest, context: Any
    ) -> certificate_pb.AcceptCertificateResponse:
        """Take what the caller was offered."""

        async def use_case() -> certificate_pb.AcceptCertificateResponse:
            accepted = await self._certificates.accept(current_caller().id, request.certificate_id)
            return certificate_pb.AcceptCertificateResponse(certificate=certificate_message(accepted))

        response_type = certificate_pb.AcceptCertificateResponse
        return await self._idempotency.run("AcceptCertificate", request, response_type, use_case)

    async def RefuseCertificate(
        self, request: certificate_pb.RefuseCertificateRequest, context: Any
    ) -> certificate_pb.RefuseCertificateResponse:
        """Decline what the caller was offered."""

        async def use_case() -> certificate_pb.RefuseCertificateResponse:
            refused = await self._certificates.refuse(current_caller().id, request.certificate_id)
            return certificate_pb.RefuseCertificateResponse(
                certificate=certificate_message(refused.certificate),
                returned_certificate=certificate_message(refused.returned) if refused.returned else None,
            )

        response_type = certificate_pb.RefuseCertificateResponse
        return await self._idempotency.run("RefuseCertificate", request, response_type, use_case)

    async def SplitCertificate(
        self, request: certificate_pb.SplitCertificateRequest, context: Any
    ) -> certificate_pb.SplitCertificateResponse:
        """Spend a certificate of the caller into parts."""

        async def use_case() -> certificate_pb.SplitCertificateResponse:
            parts = [(part.certificate_id, part.amount_fen) for part in request.parts]
            children = await self._certificates.split(current_caller().id, request.certificate_id, parts)
            return certificate_pb.SplitCertificateResponse(
                certificates=[certificate_message(child) for child in children]
            )

        response_type = certificate_pb.SplitCertificateResponse
        return await self._idempotency.run("SplitCertificate", request, response_type, use_case)

    async def TransferCertificate(
        self, request: certificate_pb.TransferCertificateRequest, context: Any
    ) -> certificate_pb.TransferCertificateResponse:
        """Offer a certificate of the caller to another enterprise."""

        async def use_case() -> certificate_pb.TransferCertificateResponse:
            offered = await self._certificates.transfer(
                current_caller().id, request.certificate_id, request.new_certificate_id, request.receiver_uscc
            )
            return certificate_pb.TransferCertificateResponse(certificate=certificate_message(offered))

        response_type = certificate_pb.TransferCertificateResponse
        return await self._idempotency.run("TransferCertificate", request, response_type, use_case)

    async def GetCertificate(
        self, request: certificate_pb.GetCertificateRequest, context: Any
    ) -> certificate_pb.GetCertificateResponse:
        """One certificate of the caller."""
        certificate = await self._certificates.get(current_caller().id, request.certificate_id)
        return certificate_pb.GetCertificateResponse(certificate=certificate_message(certificate))

    async def ListCertificates(
        self, request: certificate_pb.ListCertificatesRequest, context: Any
    ) -> certificate_pb.ListCertificatesResponse:
        """The caller's certificates, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._certificates.list_own(current_caller().id, size, request.page.page_token)
        return certificate_pb.ListCertificatesResponse(
            certificates=[certificate_message(certificate) for certificate in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )
