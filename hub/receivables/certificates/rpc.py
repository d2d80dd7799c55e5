"""Certificates of huilian.receivables.v1 on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.receivables.v1 import certificate_service_pb2 as certificate_pb
from huilian.receivables.v1 import certificate_service_pb2_grpc as certificate_grpc

from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE
from hub.receivables.messages import (
    certificate_message,
    reason_message,
)
from hub.receivables.service import ReceivablesService


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
