"""huilian.consent.v1 on the wire: proto in, proto out, no rule. The policy table says who may call what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from huilian.common.v1 import common_pb2
from huilian.consent.v1 import consent_service_pb2 as pb
from huilian.consent.v1 import consent_service_pb2_grpc

from hub.consent.messages import (
    assertion_of,
    consent_message,
    notice_message,
    purpose_message,
    sealed_subjects_of,
    terms_of,
)
from hub.consent.ports import DatasetCatalogue
from hub.consent.service import ConsentService
from hub.platform.callers import current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import id_token

DEFAULT_PAGE_SIZE = 50
# The longest id of what is listed.
ID_LENGTH = 64


class ConsentServicer(consent_service_pb2_grpc.ConsentServiceServicer):
    """Serves consents to the persons who give them and revocations to edges."""

    def __init__(self, service: ConsentService, catalogue: DatasetCatalogue, idempotency: Idempotency) -> None:
        self._service, self._catalogue, self._idempotency = service, catalogue, idempotency

    async def PrepareConsent(self, request: pb.PrepareConsentRequest, context: Any) -> pb.PrepareConsentResponse:
        """Draft the artefact to sign."""
        first = await self._idempotency.replay("PrepareConsent", request, pb.PrepareConsentResponse)
        if first is not None:
            return first
        # The catalogue may ask connectors, so it comes before the transaction.
        datasets = await self._catalogue.datasets([scope.dataset_id for scope in request.datasets])
        actions = await self._catalogue.actions([scope.action_id for scope in request.actions])

        async def use_case() -> pb.PrepareConsentResponse:
            consent = await self._service.prepare(
                current_caller().id,
                request.consent_id,
                terms_of(request),
                datasets,
                actions,
                amends=request.amends_version,
                delegation=request.delegation,
            )
            return pb.PrepareConsentResponse(
                artefact=consent.artefact_bytes, challenge=consent.artefact.sha256, agency_ids=consent.agencies
            )

        return await self._idempotency.run("PrepareConsent", request, pb.PrepareConsentResponse, use_case)

    async def GrantConsent(self, request: pb.GrantConsentRequest, context: Any) -> pb.GrantConsentResponse:
        """Put the signed artefact into force."""

        async def use_case() -> pb.GrantConsentResponse:
            subjects = sealed_subjects_of(request.sealed_subjects)
            assertion = assertion_of(request.assertion)
            consent = await self._service.grant(current_caller().id, request.artefact, assertion, subjects)
            return pb.GrantConsentResponse(consent=consent_message(consent))

        return await self._idempotency.run("GrantConsent", request, pb.GrantConsentResponse, use_case)

    async def RejectConsent(self, request: pb.RejectConsentRequest, context: Any) -> pb.RejectConsentResponse:
        """Decline a prepared artefact."""

        async def use_case() -> pb.RejectConsentResponse:
            consent = await self._service.reject(current_caller().id, request.consent_id)
            return pb.RejectConsentResponse(consent=consent_message(consent))

        return await self._idempotency.run("RejectConsent", request, pb.RejectConsentResponse, use_case)

    async def RevokeConsent(self, request: pb.RevokeConsentRequest, context: Any) -> pb.RevokeConsentResponse:
        """End a consent, or one dataset of it, for good."""

        async def use_case() -> pb.RevokeConsentResponse:
            caller, life = current_caller().id, self._service.life
            if request.dataset_id:
                consent = await life.revoke_dataset(caller, request.consent_id, request.dataset_id)
            else:
                consent = await life.revoke(caller, request.consent_id)
            return pb.RevokeConsentResponse(consent=consent_message(consent))

        return await self._idempotency.run("RevokeConsent", request, pb.RevokeConsentResponse, use_case)

    async def PauseConsent(self, request: pb.PauseConsentRequest, context: Any) -> pb.PauseConsentResponse:
        """Stop reads until the person resumes."""

        async def use_case() -> pb.PauseConsentResponse:
            consent = await self._service.life.pause(current_caller().id, request.consent_id)
            return pb.PauseConsentResponse(consent=consent_message(consent))

        return await self._idempotency.run("PauseConsent", request, pb.PauseConsentResponse, use_case)

    async def ResumeConsent(self, request: pb.ResumeConsentRequest, context: Any) -> pb.ResumeConsentResponse:
        """Go on by the word of the person's device."""

        async def use_case() -> pb.ResumeConsentResponse:
            assertion, caller = assertion_of(request.assertion), current_caller().id
            consent = await self._service.life.resume(caller, request.consent_id, request.statement, assertion)
            return pb.ResumeConsentResponse(consent=consent_message(consent))

        return await self._idempotency.run("ResumeConsent", request, pb.ResumeConsentResponse, use_case)

    async def RevokeDelegation(self, request: pb.RevokeDelegationRequest, context: Any) -> pb.RevokeDelegationResponse:
        """End a delegation with every consent under it."""

        async def use_case() -> pb.RevokeDelegationResponse:
            ended = await self._service.life.revoke_delegation(current_caller().id, request.delegation)
            return pb.RevokeDelegationResponse(consent_ids=ended.consent_ids, delegation_sha256=ended.statement_sha256)

        return await self._idempotency.run("RevokeDelegation", request, pb.RevokeDelegationResponse, use_case)

    async def GetTerminationReceipt(
        self, request: pb.GetTerminationReceiptRequest, context: Any
    ) -> pb.GetTerminationReceiptResponse:
        """How a consent of the caller ended."""
        caller = current_caller().id
        receipt = await self._service.endings.receipt(caller, request.consent_id, request.version)
        return pb.GetTerminationReceiptResponse(receipt=receipt)

    async def ExportConsentRecord(
        self, request: pb.ExportConsentRecordRequest, context: Any
    ) -> pb.ExportConsentRecordResponse:
        """A consent of the caller by the field names of ISO/IEC TS 27560."""
        record = await self._service.export(current_caller().id, request.consent_id)
        return pb.ExportConsentRecordResponse(record=record)

    async def GetConsent(self, request: pb.GetConsentRequest, context: Any) -> pb.GetConsentResponse:
        """One consent of the caller."""
        consent = await self._service.get(current_caller().id, request.consent_id)
        return pb.GetConsentResponse(consent=consent_message(consent))

    async def ListConsents(self, request: pb.ListConsentsRequest, context: Any) -> pb.ListConsentsResponse:
        """The caller's consents, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._service.page(current_caller().id, id_token(request.page.page_token, ID_LENGTH), size)
        return pb.ListConsentsResponse(
            consents=[consent_message(consent) for consent in page.consents],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ListPurposes(self, request: pb.ListPurposesRequest, context: Any) -> pb.ListPurposesResponse:
        """Every purpose with its bounds."""
        return pb.ListPurposesResponse(purposes=[purpose_message(purpose) for purpose in self._service.purposes()])

    async def WatchRevocations(
        self, request: pb.WatchRevocationsRequest, context: Any
    ) -> AsyncIterator[pb.WatchRevocationsResponse]:
        """Revocations after the caller's cursor, then live."""
        async for notice in self._service.revocations.follow(request.cursor):
            yield notice_message(notice)
