"""Purpose-bound, field-level, revocable consents: ``hub.consents``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from huilian.common.v1 import common_pb2
from huilian.consent.v1 import consent_service_pb2 as pb
from huilian_protocol.artefact import ActionGrant, DatasetGrant
from huilian_protocol.canonical import b64u_decode, canonicalise
from huilian_protocol.delegation import Link, chain_to
from huilian_protocol.webauthn import Assertion

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages
from huilian_sdk._tokens import assertion_message

_SERVICE = "huilian.consent.v1.ConsentService"


@dataclass(frozen=True, slots=True)
class Consents:
    """Ask for, give, decline and take back consents."""

    calls: Calls

    async def prepare(
        self,
        *,
        consent_id: str = "",
        purpose_code: str,
        recipient_id: str,
        datasets: Sequence[DatasetGrant],
        max_reads: int,
        data_life_days: int,
        valid_until: datetime,
        actions: Sequence[ActionGrant] = (),
        amends_version: int = 0,
        delegation: Sequence[Link] = (),
        call: Call | None = None,
    ) -> pb.PrepareConsentResponse:
        """The artefact for the person to sign, its challenge, and the agencies that will have to know who the person
        is. ``amends_version`` is the version of the same consent that it is to replace; with a chain of delegations the
        caller signs for the first delegator.
        """
        until = Timestamp()
        until.FromDatetime(valid_until)
        request = pb.PrepareConsentRequest(
            consent_id=self.calls.object_id(consent_id, call),
            purpose_code=purpose_code,
            recipient_id=recipient_id,
            datasets=[_scope(grant) for grant in datasets],
            max_reads=max_reads,
            data_life_days=data_life_days,
            valid_until_time=until,
            actions=[_action(grant) for grant in actions],
            amends_version=amends_version,
            delegation=canonicalise(chain_to(delegation)) if delegation else b"",
        )
        return await self.calls.unary(_SERVICE, request, pb.PrepareConsentResponse, call)

    async def grant(
        self,
        artefact: bytes,
        assertion: Assertion,
        sealed_subjects: Mapping[str, bytes],
        *,
        call: Call | None = None,
    ) -> pb.Consent:
        """Grant: the device's assertion over the artefact, and the person's identity sealed to each agency (by its
        id).
        """
        sealed = [pb.SealedSubject(agency_id=agency, envelope=data) for agency, data in sorted(sealed_subjects.items())]
        request = pb.GrantConsentRequest(
            artefact=artefact, assertion=assertion_message(assertion), sealed_subjects=sealed
        )
        return (await self.calls.unary(_SERVICE, request, pb.GrantConsentResponse, call)).consent

    async def reject(self, consent_id: str, *, call: Call | None = None) -> pb.Consent:
        """Decline a prepared artefact."""
        request = pb.RejectConsentRequest(consent_id=consent_id)
        return (await self.calls.unary(_SERVICE, request, pb.RejectConsentResponse, call)).consent

    async def revoke(self, consent_id: str, *, dataset_id: str = "", call: Call | None = None) -> pb.Consent:
        """Take a consent back, or one dataset or action of it; from then on hub and edge refuse to read."""
        request = pb.RevokeConsentRequest(consent_id=consent_id, dataset_id=dataset_id)
        return (await self.calls.unary(_SERVICE, request, pb.RevokeConsentResponse, call)).consent

    async def pause(self, consent_id: str, *, call: Call | None = None) -> pb.Consent:
        """Stop reads for a while; ``resumption_statement`` of the answer is what to sign for going on."""
        request = pb.PauseConsentRequest(consent_id=consent_id)
        return (await self.calls.unary(_SERVICE, request, pb.PauseConsentResponse, call)).consent

    async def resume(
        self, consent_id: str, statement: bytes, assertion: Assertion, *, call: Call | None = None
    ) -> pb.Consent:
        """End a pause: the device's assertion over the statement (its challenge is the statement's SHA-256)."""
        request = pb.ResumeConsentRequest(
            consent_id=consent_id, statement=statement, assertion=assertion_message(assertion)
        )
        return (await self.calls.unary(_SERVICE, request, pb.ResumeConsentResponse, call)).consent

    async def revoke_delegation(
        self, delegation: Sequence[Link], *, call: Call | None = None
    ) -> pb.RevokeDelegationResponse:
        """Take back the last delegation of a chain, from either side of it; every consent under it ends."""
        request = pb.RevokeDelegationRequest(delegation=canonicalise(chain_to(delegation)))
        return await self.calls.unary(_SERVICE, request, pb.RevokeDelegationResponse, call)

    async def termination_receipt(self, consent_id: str, *, version: int = 0, call: Call | None = None) -> bytes:
        """How a consent ended, signed by the hub; :func:`huilian_protocol.termination.verify_termination` checks it
        offline. Raises :class:`HuilianError` STATE_CONFLICT while it has not ended.
        """
        request = pb.GetTerminationReceiptRequest(consent_id=consent_id, version=version)
        return (await self.calls.unary(_SERVICE, request, pb.GetTerminationReceiptResponse, call)).receipt

    async def export(self, consent_id: str, *, call: Call | None = None) -> bytes:
        """The consent as JSON with the field names of ISO/IEC TS 27560."""
        request = pb.ExportConsentRecordRequest(consent_id=consent_id)
        return (await self.calls.unary(_SERVICE, request, pb.ExportConsentRecordResponse, call)).record

    async def get(self, consent_id: str, *, call: Call | None = None) -> pb.Consent:
        """One consent of the caller."""
        request = pb.GetConsentRequest(consent_id=consent_id)
        return (await self.calls.unary(_SERVICE, request, pb.GetConsentResponse, call)).consent

    def list(self) -> Pages[pb.Consent]:
        """The caller's consents."""

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Consent], common_pb2.PageResponse]:
            answer = await self.calls.unary(_SERVICE, pb.ListConsentsRequest(page=page), pb.ListConsentsResponse)
            return [*answer.consents], answer.page

        return Pages(fetch)

    async def purposes(self, *, call: Call | None = None) -> Sequence[pb.Purpose]:
        """The purposes that may be asked for, with their upper bounds."""
        return (await self.calls.unary(_SERVICE, pb.ListPurposesRequest(), pb.ListPurposesResponse, call)).purposes


def _scope(grant: DatasetGrant) -> pb.DatasetScope:
    period = common_pb2.MonthPeriod(from_month=grant.period.from_month, to_month=grant.period.to_month)
    return pb.DatasetScope(dataset_id=grant.id, fields=grant.fields, period=period)


def _action(grant: ActionGrant) -> pb.ActionScope:
    commitment = grant.parameters_commitment
    return pb.ActionScope(
        action_id=grant.id,
        max_uses=grant.max_uses,
        max_amount_fen=grant.max_amount_fen,
        parameters_commitment=b64u_decode(commitment) if commitment is not None else b"",
    )
