"""Electronic receivable certificates (应收账款电子凭证): ``hub.certificates``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.receivables.v1 import certificate_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.receivables.v1.CertificateService"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Issue, accept, refuse, split and transfer certificates. Amounts are fen."""

    calls: Calls

    async def issue(
        self, receivable_id: str, amount_fen: int, *, certificate_id: str = "", call: Call | None = None
    ) -> pb.ReceivableCertificate:
        """Issue a certificate on a confirmed receivable to its supplier; the id is made up if none is given."""
        request = pb.IssueCertificateRequest(
            certificate_id=self.calls.object_id(certificate_id, call),
            receivable_id=receivable_id,
            amount_fen=amount_fen,
        )
        return (await self.calls.unary(_SERVICE, request, pb.IssueCertificateResponse, call)).certificate

    async def accept(self, certificate_id: str, *, call: Call | None = None) -> pb.ReceivableCertificate:
        """Accept a certificate that was issued or transferred to the caller."""
        request = pb.AcceptCertificateRequest(certificate_id=certificate_id)
        return (await self.calls.unary(_SERVICE, request, pb.AcceptCertificateResponse, call)).certificate

    async def refuse(self, certificate_id: str, *, call: Call | None = None) -> pb.ReceivableCertificate:
        """Refuse a certificate that was issued or transferred to the caller."""
        request = pb.RefuseCertificateRequest(certificate_id=certificate_id)
        return (await self.calls.unary(_SERVICE, request, pb.RefuseCertificateResponse, call)).certificate

    async def split(
        self, certificate_id: str, parts_fen: Mapping[str, int], *, call: Call | None = None
    ) -> Sequence[pb.ReceivableCertificate]:
        """Consume a certificate and make children; ``parts_fen`` gives each new id its amount, in sum the parent's."""
        parts = [pb.SplitPart(certificate_id=name, amount_fen=amount) for name, amount in parts_fen.items()]
        request = pb.SplitCertificateRequest(certificate_id=certificate_id, parts=parts)
        return (await self.calls.unary(_SERVICE, request, pb.SplitCertificateResponse, call)).certificates

    async def transfer(
        self, certificate_id: str, receiver_uscc: str, *, new_certificate_id: str = "", call: Call | None = None
    ) -> pb.ReceivableCertificate:
        """Offer a certificate to another enterprise, who must accept it; the id of its new form is made up if none is
        given.
        """
        request = pb.TransferCertificateRequest(
            certificate_id=certificate_id,
            new_certificate_id=self.calls.object_id(new_certificate_id, call),
            receiver_uscc=receiver_uscc,
        )
        return (await self.calls.unary(_SERVICE, request, pb.TransferCertificateResponse, call)).certificate

    async def get(self, certificate_id: str, *, call: Call | None = None) -> pb.ReceivableCertificate:
        """One certificate that the caller issued or holds."""
        request = pb.GetCertificateRequest(certificate_id=certificate_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetCertificateResponse, call)).certificate

    async def provenance(self, certificate_id: str, *, call: Call | None = None) -> bytes:
        """The file that proves offline where a certificate comes from; raises RECEIPT_PENDING until it is anchored."""
        request = pb.GetProvenanceRequest(certificate_id=certificate_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetProvenanceResponse, call)).provenance

    def list(self) -> Pages[pb.ReceivableCertificate]:
        """The certificates that the caller issued or holds."""

        async def fetch(
            page: common_pb2.PageRequest,
        ) -> tuple[list[pb.ReceivableCertificate], common_pb2.PageResponse]:
            request = pb.ListCertificatesRequest(page=page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListCertificatesResponse)
            return [*answer.certificates], answer.page

        return Pages(fetch)
