"""Who a company is and who may bind it: verification with the business registry, signers, their word for an act."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import ec
from huilian.onboarding.v1 import onboarding_service_pb2 as pb
from huilian_protocol.canonical import b64u_decode
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import Jwk, jwk_to_public_key
from huilian_protocol.signers import EnterpriseVerification, Mandate, Power, SignerChange
from pydantic import AwareDatetime, BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Base64Url, Fen, Form, ObjectId, Reason, reasons_of, time_text

POWERS = {pb.SigningPower.Value(f"SIGNING_POWER_{power}"): power for power in Power}
STATES = {value: name.removeprefix("VERIFICATION_STATE_") for name, value in pb.VerificationState.items()}
Uscc = Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")]
# Whose change or word it is, the hub takes from the token; what is signed names it.
_CALLER = ""


class VerificationForm(Form):
    """What a company says of itself, signed by its legal person; that person's name only as a salted digest."""

    uscc: Uscc
    name: Annotated[str, Field(min_length=1, max_length=200)]
    legal_person_commitment: Base64Url
    salt: Base64Url
    legal_person_jwk: dict[str, str]
    stated_at: AwareDatetime
    signature: Base64Url


class ApprovalForm(Form):
    """A signature under a change; `signer_id` is empty for the legal person."""

    signer_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]{8,64})?$")] = ""
    signature: Base64Url


class SignerForm(Form):
    """A signer is admitted, changed or (without powers) dismissed; `proof` is the signature of the signer's own key."""

    change_number: Annotated[int, Field(gt=0, strict=True)]
    signer_id: ObjectId
    public_jwk: dict[str, str]
    powers: list[Power]
    limit_fen: Annotated[int, Field(ge=0, le=10**15, strict=True)]
    approvals: Annotated[list[ApprovalForm], Field(min_length=1, max_length=2)]
    proof: Base64Url | None = None


class MandateForm(Form):
    """A signer's word for one act, good for one."""

    power: Power
    object_id: ObjectId
    amount_fen: Fen
    signer_id: ObjectId
    signature: Base64Url


class Verification(BaseModel):
    """How a company compared with the registry."""

    uscc: str
    name: str
    state: str
    reasons: list[Reason]
    checked_at: str
    next_change_number: int


class Signer(BaseModel):
    """A signer; `limit_fen` bounds each act."""

    signer_id: str
    powers: list[str]
    limit_fen: int
    active: bool


class Signers(BaseModel):
    """All signers, dismissed ones too."""

    signers: list[Signer]


class Given(BaseModel):
    """The word is kept until the act uses it up."""

    power: str
    object_id: str


class VerificationsScreen(Screen):
    """POST /api/v1/enterprise-verifications"""

    async def post(self, body: VerificationForm) -> r200[Verification]:
        """Have my company compared with the business registry. Until it agrees nothing can be signed for it.

        Tags: signers
        """
        call = self.call()
        statement = EnterpriseVerification(
            body.uscc,
            body.name,
            b64u_decode(body.legal_person_commitment),
            _key(body.legal_person_jwk, "legal_person_jwk"),
            body.stated_at,
        )
        compared = await self.hub.onboarding.verify(
            statement, b64u_decode(body.signature), salt=b64u_decode(body.salt), call=call
        )
        return answer(_verification(compared), call)


class VerificationScreen(Screen):
    """GET /api/v1/enterprise-verifications/{uscc}"""

    async def get(self, uscc: Uscc, /) -> r200[Verification]:
        """How my company compared, and the number of the next change of its signers.

        Tags: signers
        """
        return answer(_verification(await self.hub.onboarding.verification(uscc)))


class SignersScreen(Screen):
    """/api/v1/signers"""

    async def get(self) -> r200[Signers]:
        """My company's signers.

        Tags: signers
        """
        return answer(Signers(signers=[_signer(one) for one in await self.hub.onboarding.signers()]))

    async def post(self, body: SignerForm) -> r201[Signer]:
        """Admit, change or dismiss a signer, by the legal person's signature or those of two other signers.

        Tags: signers
        """
        call = self.call()
        change = SignerChange(
            _CALLER,
            body.change_number,
            body.signer_id,
            _key(body.public_jwk, "public_jwk"),
            frozenset(body.powers),
            body.limit_fen,
        )
        approvals = [(one.signer_id, b64u_decode(one.signature)) for one in body.approvals]
        proof = b64u_decode(body.proof) if body.proof else b""
        changed = await self.hub.onboarding.change_signer(change, approvals, proof, call=call)
        return answer(_signer(changed), call, status=201)


class MandatesScreen(Screen):
    """POST /api/v1/mandates"""

    async def post(self, body: MandateForm) -> r201[Given]:
        """Hand in a signer's word, before my company does the act.

        Tags: signers
        """
        call = self.call()
        mandate = Mandate(_CALLER, body.power, body.object_id, body.amount_fen, body.signer_id)
        await self.hub.onboarding.authorise(mandate, b64u_decode(body.signature), call=call)
        return answer(Given(power=body.power.value, object_id=body.object_id), call, status=201)


def _key(given: Jwk, field: str) -> ec.EllipticCurvePublicKey:
    try:
        return jwk_to_public_key(given)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", "no P-256 key", field=field) from error


def _verification(item: pb.Verification) -> Verification:
    return Verification(
        uscc=item.uscc,
        name=item.name,
        state=STATES[item.state],
        reasons=reasons_of(item.reasons),
        checked_at=time_text(item.checked_time),
        next_change_number=item.next_change_number,
    )


def _signer(item: pb.Signer) -> Signer:
    return Signer(
        signer_id=item.signer_id,
        powers=[POWERS[power].value for power in item.powers],
        limit_fen=item.limit_fen,
        active=item.active,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/enterprise-verifications", VerificationsScreen),
        web.view("/api/v1/enterprise-verifications/{uscc}", VerificationScreen),
        web.view("/api/v1/signers", SignersScreen),
        web.view("/api/v1/mandates", MandatesScreen),
    ]
