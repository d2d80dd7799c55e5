"""Who an enterprise is and who may bind it: ``hub.onboarding``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from huilian.onboarding.v1 import onboarding_service_pb2 as pb
from huilian_protocol.jose import public_key_to_jwk
from huilian_protocol.signers import EnterpriseVerification, Mandate, SignerChange

from huilian_sdk._calls import Call, Calls

_SERVICE = "huilian.onboarding.v1.OnboardingService"


@dataclass(frozen=True, slots=True)
class Onboarding:
    """Verification with the business registry, signers, and a signer's word for an act."""

    calls: Calls

    async def verify(
        self, stated: EnterpriseVerification, signature: bytes, *, salt: bytes, call: Call | None = None
    ) -> pb.Verification:
        """Compare an enterprise with the registry; the legal person's name travels as a salted digest only.

        `signature` is the legal person's over what is stated (`huilian_protocol.signers.sign_statement`).
        """
        request = pb.VerifyEnterpriseRequest(
            uscc=stated.uscc,
            name=stated.name,
            legal_person_commitment=stated.legal_person_commitment,
            salt=salt,
            legal_person_public_key_jwk=json.dumps(public_key_to_jwk(stated.legal_person_key)),
            signature=signature,
        )
        request.stated_time.FromDatetime(stated.stated_at)
        return (await self.calls.unary(_SERVICE, request, pb.VerifyEnterpriseResponse, call)).verification

    async def verification(self, uscc: str, *, call: Call | None = None) -> pb.Verification:
        """How an enterprise compared."""
        request = pb.GetVerificationRequest(uscc=uscc)
        return (await self.calls.unary(_SERVICE, request, pb.GetVerificationResponse, call)).verification

    async def change_signer(
        self, change: SignerChange, approvals: Sequence[tuple[str, bytes]], proof: bytes, *, call: Call | None = None
    ) -> pb.Signer:
        """Hand in a change with its signatures: (signer's id, or "" for the legal person; signature).

        `proof` is the signature of the signer's own key over the change; b"" only to dismiss one.
        """
        request = pb.ChangeSignerRequest(
            change_number=change.number,
            signer_id=change.signer_id,
            public_key_jwk=json.dumps(public_key_to_jwk(change.public_key)),
            powers=[pb.SigningPower.Value(f"SIGNING_POWER_{power}") for power in sorted(change.powers)],
            limit_fen=change.limit_fen,
            approvals=[pb.Approval(signer_id=who, signature=signature) for who, signature in approvals],
            proof=proof,
        )
        return (await self.calls.unary(_SERVICE, request, pb.ChangeSignerResponse, call)).signer

    async def signers(self, *, call: Call | None = None) -> list[pb.Signer]:
        """The caller's signers, dismissed ones too."""
        answer = await self.calls.unary(_SERVICE, pb.ListSignersRequest(), pb.ListSignersResponse, call)
        return [*answer.signers]

    async def authorise(self, mandate: Mandate, signature: bytes, *, call: Call | None = None) -> None:
        """Hand in a signer's word for one act, before the enterprise does it."""
        request = pb.AuthoriseActRequest(
            power=pb.SigningPower.Value(f"SIGNING_POWER_{mandate.power}"),
            object_id=mandate.object_id,
            amount_fen=mandate.amount_fen,
            signer_id=mandate.signer_id,
            signature=signature,
        )
        await self.calls.unary(_SERVICE, request, pb.AuthoriseActResponse, call)
