"""huilian.onboarding.v1 on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from huilian.common.v1 import common_pb2
from huilian.onboarding.v1 import onboarding_service_pb2 as pb
from huilian.onboarding.v1 import onboarding_service_pb2_grpc
from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwk_to_public_key
from huilian_protocol.signers import EnterpriseVerification, Mandate, Power, SignerChange

from hub.onboarding.rules import TEXTS, Approval, Signer
from hub.onboarding.service import Applicant, OnboardingService
from hub.onboarding.store import VerificationRow
from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency

_POWERS = {pb.SigningPower.Value(f"SIGNING_POWER_{power}"): power for power in Power}
_NUMBERS = {power: number for number, power in _POWERS.items()}


class OnboardingServicer(onboarding_service_pb2_grpc.OnboardingServiceServicer):
    """Serves enterprises, and the bank's operator who admits them."""

    def __init__(self, service: OnboardingService, idempotency: Idempotency) -> None:
        self._service, self._idempotency = service, idempotency

    async def VerifyEnterprise(self, request: pb.VerifyEnterpriseRequest, context: Any) -> pb.VerifyEnterpriseResponse:
        """Compare with the registry."""
        _check_own(request.uscc)
        first = await self._idempotency.replay("VerifyEnterprise", request, pb.VerifyEnterpriseResponse)
        if first is not None:
            return first
        applicant = Applicant(_statement(request), request.salt, request.signature)
        # The registry is asked before the transaction begins.
        entry = await self._service.ask_registry(applicant)

        async def use_case() -> pb.VerifyEnterpriseResponse:
            row = await self._service.verify(applicant, entry)
            return pb.VerifyEnterpriseResponse(verification=_verification(row))

        return await self._idempotency.run("VerifyEnterprise", request, pb.VerifyEnterpriseResponse, use_case)

    async def GetVerification(self, request: pb.GetVerificationRequest, context: Any) -> pb.GetVerificationResponse:
        """How an enterprise compared."""
        _check_own(request.uscc)
        row = await self._service.verification(request.uscc)
        return pb.GetVerificationResponse(verification=_verification(row))

    async def ChangeSigner(self, request: pb.ChangeSignerRequest, context: Any) -> pb.ChangeSignerResponse:
        """Another signer, other powers, or none."""
        change = SignerChange(
            uscc=current_caller().id,
            number=request.change_number,
            signer_id=request.signer_id,
            public_key=_key(request.public_key_jwk, "public_key_jwk"),
            powers=frozenset(_POWERS[power] for power in request.powers),
            limit_fen=request.limit_fen,
        )
        approvals = [Approval(one.signer_id, one.signature) for one in request.approvals]

        async def use_case() -> pb.ChangeSignerResponse:
            signer = await self._service.change_signer(change, approvals, request.proof)
            return pb.ChangeSignerResponse(signer=_signer(signer))

        return await self._idempotency.run("ChangeSigner", request, pb.ChangeSignerResponse, use_case)

    async def ListSigners(self, request: pb.ListSignersRequest, context: Any) -> pb.ListSignersResponse:
        """The caller's signers."""
        found = await self._service.signers(current_caller().id)
        return pb.ListSignersResponse(signers=[_signer(signer) for signer in found])

    async def AuthoriseAct(self, request: pb.AuthoriseActRequest, context: Any) -> pb.AuthoriseActResponse:
        """A signer's word."""
        mandate = Mandate(
            current_caller().id, _POWERS[request.power], request.object_id, request.amount_fen, request.signer_id
        )

        async def use_case() -> pb.AuthoriseActResponse:
            await self._service.authorise(mandate, request.signature)
            return pb.AuthoriseActResponse()

        return await self._idempotency.run("AuthoriseAct", request, pb.AuthoriseActResponse, use_case)


def _check_own(uscc: str) -> None:
    caller = current_caller()
    if caller.role is Role.ENTERPRISE and caller.id != uscc:
        raise HuilianError("PERMISSION_DENIED", "an enterprise speaks for itself only")


def _statement(request: pb.VerifyEnterpriseRequest) -> EnterpriseVerification:
    return EnterpriseVerification(
        request.uscc,
        request.name,
        request.legal_person_commitment,
        _key(request.legal_person_public_key_jwk, "legal_person_public_key_jwk"),
        request.stated_time.ToDatetime(UTC),
    )


def _key(text: str, field: str) -> ec.EllipticCurvePublicKey:
    try:
        return jwk_to_public_key(parse_json(text.encode("utf-8")))
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", f"{field}: {error}", field=field) from error


def _verification(row: VerificationRow) -> pb.Verification:
    message = pb.Verification(
        uscc=row.uscc,
        name=row.name,
        state=pb.VerificationState.Value(f"VERIFICATION_STATE_{row.state}"),
        reasons=[common_pb2.Reason(code=code, text_zh=TEXTS[code][0], text_en=TEXTS[code][1]) for code in row.reasons],
        next_change_number=row.changes + 1,
    )
    message.checked_time.FromDatetime(row.checked_at)
    return message


def _signer(signer: Signer) -> pb.Signer:
    return pb.Signer(
        signer_id=signer.signer_id,
        powers=sorted(_NUMBERS[power] for power in signer.powers),
        limit_fen=signer.limit_fen,
        active=signer.active,
    )
