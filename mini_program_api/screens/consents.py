"""My consents: ask for one, sign it, decline it, see them all, take one back."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian.consent.v1 import consent_service_pb2 as pb
from huilian_protocol.artefact import ActionGrant, Artefact, DatasetGrant, Period, parse_artefact
from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.delegation import MAX_DEPTH, chain_from
from huilian_protocol.errors import HuilianError
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer, download
from mini_program_api.forms import (
    Base64Url,
    DeviceAssertion,
    Form,
    Moment,
    Month,
    ObjectId,
    PageSize,
    PageToken,
    time_text,
)
from mini_program_api.identities import IdentityForm, seal_to_agencies

STATES = {value: name.removeprefix("CONSENT_STATE_") for name, value in pb.ConsentState.items()}


class Scope(Form):
    """Fields of one dataset for a range of months, both included."""

    dataset_id: str = Field(min_length=1, max_length=100)
    fields: list[str] = Field(min_length=1, max_length=100)
    from_month: Month
    to_month: Month


class ActionScope(Form):
    """One action in the person's name: how often, and for how much each time at the most, in fen.

    `parameters_commitment` ties it to what the person saw; empty leaves them open where that is allowed.
    """

    action_id: str = Field(min_length=1, max_length=100)
    max_uses: int = Field(ge=1, le=120)
    max_amount_fen: int = Field(ge=0, le=10**11)
    parameters_commitment: Base64Url = ""


class ConsentForm(Form):
    """What the person is asked to allow: at least one dataset or action. With a chain of `delegation` documents the
    person signs for its first delegator.
    """

    consent_id: ObjectId
    purpose_code: str = Field(min_length=1, max_length=64)
    recipient_id: str = Field(min_length=1, max_length=64)
    datasets: list[Scope] = Field(default=[], max_length=20)
    actions: list[ActionScope] = Field(default=[], max_length=8)
    max_reads: int = Field(ge=1, le=1000)
    data_life_days: int = Field(ge=1, le=3650)
    valid_until: Moment
    amends_version: int = Field(default=0, ge=0, le=998)
    delegation: list[dict[str, Any]] = Field(default=[], max_length=MAX_DEPTH)


class Prepared(BaseModel):
    """The artefact to show and sign (canonical JSON in base64url), its challenge, and the agencies to be told."""

    artefact: str
    challenge: str
    agency_ids: list[str]


class IdentityToSeal(Form):
    """Who the person is, for the agencies that this artefact asks."""

    artefact: Base64Url
    identity: IdentityForm


class SealedSubjects(BaseModel):
    """The identity sealed to each agency, by its id; the hub cannot open any of it."""

    sealed_subjects: dict[str, str]


class GrantForm(Form):
    """The signed artefact, and the person's identity sealed to each agency."""

    artefact: Base64Url
    assertion: DeviceAssertion
    sealed_subjects: dict[str, Base64Url] = Field(max_length=32)


class Consent(BaseModel):
    """One consent as it stands. The record ids fetch receipts."""

    consent_id: str
    state: str
    purpose_code: str
    recipient_id: str
    datasets: list[Scope]
    actions: list[ActionScope]
    max_reads: int
    valid_until: str
    granted_at: str
    revoked_at: str
    grant_record_id: str
    revocation_record_id: str
    version: int
    artefact_sha256: str
    revoked_dataset_ids: list[str]
    resumption_statement: str
    subject_id: str
    signer_id: str
    ended_at: str


class Consents(BaseModel):
    """A page of consents, newest first."""

    consents: list[Consent]
    next_page_token: str


class ConsentsScreen(Screen):
    """/api/v1/consents"""

    async def get(self, page_token: PageToken = "", page_size: PageSize = 50) -> r200[Consents]:
        """My consents, newest first.

        Tags: citizen
        """
        page = await self.hub.consents.list().page(page_token=page_token, page_size=page_size)
        shown = [consent_of(item) for item in page.items]
        return answer(Consents(consents=shown, next_page_token=page.next_page_token))

    async def post(self, body: ConsentForm) -> r201[Prepared]:
        """Draft a consent for the person to sign. Nothing is granted yet.

        Tags: citizen
        """
        call = self.call()
        prepared = await self.hub.consents.prepare(
            consent_id=body.consent_id,
            purpose_code=body.purpose_code,
            recipient_id=body.recipient_id,
            datasets=[_grant(scope) for scope in body.datasets],
            actions=[_action(scope) for scope in body.actions],
            max_reads=body.max_reads,
            data_life_days=body.data_life_days,
            valid_until=body.valid_until,
            amends_version=body.amends_version,
            delegation=chain_from(body.delegation) if body.delegation else (),
            call=call,
        )
        if self.trust is not None:
            # Nobody is asked to sign for fewer keys than the recipient itself has stated.
            artefact = parse_artefact(prepared.artefact)
            self.check_drawn_up_now(artefact)
            self.trust.check_recipient(artefact.recipient, artefact.valid_from)
        shown = Prepared(
            artefact=b64u_encode(prepared.artefact),
            challenge=b64u_encode(prepared.challenge),
            agency_ids=list(prepared.agency_ids),
        )
        return answer(shown, call, status=201)


class ConsentScreen(Screen):
    """/api/v1/consents/{consent_id}"""

    async def get(self, consent_id: ObjectId, /) -> r200[Consent]:
        """One of my consents.

        Tags: citizen
        """
        return answer(consent_of(await self.hub.consents.get(consent_id)))


class ConsentFileScreen(Screen):
    """GET /api/v1/consents/{consent_id}/file"""

    async def get(self, consent_id: ObjectId, /) -> r200:
        """The signed consent as a file that verifies by itself.

        Tags: citizen
        """
        consent = await self.hub.consents.get(consent_id)
        if not consent.signed_consent:
            raise HuilianError("NOT_FOUND", "it was never granted", resource="signed consent")
        return download(consent.signed_consent, f"consent-{consent_id}.json")


class SealingScreen(Screen):
    """POST /api/v1/consents/{consent_id}/sealed-subjects"""

    keyed = False

    async def post(self, consent_id: ObjectId, /, body: IdentityToSeal) -> r200[SealedSubjects]:
        """Seal the person's identity for a phone that cannot do it itself. Nothing is kept.

        The result belongs into the grant; sealing apart from it lets the grant be repeated word for word.

        Tags: citizen
        """
        artefact = _artefact(consent_id, body.artefact)
        sealed = await seal_to_agencies(self.hub, body.identity, artefact, self.trust)
        return answer(SealedSubjects(sealed_subjects={agency: b64u_encode(data) for agency, data in sealed.items()}))


class GrantScreen(Screen):
    """POST /api/v1/consents/{consent_id}/grant"""

    async def post(self, consent_id: ObjectId, /, body: GrantForm) -> r200[Consent]:
        """Grant: the phone's signature over the artefact.

        Tags: citizen
        """
        call = self.call()
        _artefact(consent_id, body.artefact)
        sealed = {agency: b64u_decode(text) for agency, text in body.sealed_subjects.items()}
        raw, assertion = b64u_decode(body.artefact), body.assertion.to_assertion()
        return answer(consent_of(await self.hub.consents.grant(raw, assertion, sealed, call=call)), call)


def _artefact(consent_id: str, text: str) -> Artefact:
    artefact = parse_artefact(b64u_decode(text))
    if artefact.id != consent_id:
        raise HuilianError("INVALID_ARGUMENT", "the artefact is of another consent", field="artefact")
    return artefact


def _grant(scope: Scope) -> DatasetGrant:
    return DatasetGrant(scope.dataset_id, tuple(scope.fields), Period(scope.from_month, scope.to_month))


def _action(scope: ActionScope) -> ActionGrant:
    return ActionGrant(scope.action_id, scope.max_uses, scope.max_amount_fen, scope.parameters_commitment or None)


def _action_scope(item: pb.ActionScope) -> ActionScope:
    return ActionScope(
        action_id=item.action_id,
        max_uses=item.max_uses,
        max_amount_fen=item.max_amount_fen,
        parameters_commitment=b64u_encode(item.parameters_commitment),
    )


def consent_of(item: pb.Consent) -> Consent:
    """A consent as a screen shows it."""
    return Consent(
        consent_id=item.consent_id,
        state=STATES[item.state],
        purpose_code=item.purpose_code,
        recipient_id=item.recipient_id,
        datasets=[_scope(scope) for scope in item.datasets],
        actions=[_action_scope(scope) for scope in item.actions],
        max_reads=item.max_reads,
        valid_until=time_text(item.valid_until_time),
        granted_at=time_text(item.granted_time),
        revoked_at=time_text(item.revoked_time),
        grant_record_id=item.grant_record_id,
        revocation_record_id=item.revocation_record_id,
        version=item.version,
        artefact_sha256=b64u_encode(item.artefact_sha256),
        revoked_dataset_ids=list(item.revoked_dataset_ids),
        resumption_statement=b64u_encode(item.resumption_statement),
        subject_id=item.subject_id,
        signer_id=item.signer_id,
        ended_at=time_text(item.ended_time),
    )


def _scope(item: pb.DatasetScope) -> Scope:
    return Scope(
        dataset_id=item.dataset_id,
        fields=list(item.fields),
        from_month=item.period.from_month,
        to_month=item.period.to_month,
    )


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    one = "/api/v1/consents/{consent_id}"
    return [
        web.view("/api/v1/consents", ConsentsScreen),
        web.view(one, ConsentScreen),
        web.view(f"{one}/file", ConsentFileScreen),
        web.view(f"{one}/sealed-subjects", SealingScreen),
        web.view(f"{one}/grant", GrantScreen),
    ]
