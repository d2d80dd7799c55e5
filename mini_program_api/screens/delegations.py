"""Consenting for somebody else: a parent for a child, and taking a delegation back."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201  # type: ignore[import-untyped]
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.delegation import MAX_DEPTH, MAX_GRANTS, MAX_PURPOSES, chain_from, link_from
from huilian_sdk import Person
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form, Moment
from mini_program_api.identities import IdentityForm, authority_key


class WardForm(Form):
    """The child."""

    name: str = Field(min_length=1, max_length=100, repr=False)
    resident_id: str = Field(min_length=1, max_length=32, repr=False)


class GuardianshipForm(Form):
    """A parent who wants to consent for a child: to which datasets, for which purposes, until when."""

    guardian: IdentityForm
    ward: WardForm
    grants: list[str] = Field(min_length=1, max_length=MAX_GRANTS)
    purposes: list[str] = Field(min_length=1, max_length=MAX_PURPOSES)
    valid_until: Moment


class Guardianship(BaseModel):
    """The delegation to consent with, and the child's salt, which only the phone keeps."""

    delegation: dict[str, Any]
    ward_salt: str


class DelegationForm(Form):
    """A chain of delegations, as documents; the last one is taken back."""

    delegation: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_DEPTH)


class EndedDelegation(BaseModel):
    """The consents that ended with a delegation, and the SHA-256 of its statement."""

    consent_ids: list[str]
    delegation_sha256: str


class GuardianshipScreen(Screen):
    """POST /api/v1/guardianships"""

    keyed = False

    async def post(self, body: GuardianshipForm) -> r201[Guardianship]:
        """The identity authority's word that I am the guardian. Both identities are sealed at once; nothing is kept.

        Tags: citizen
        """
        guardian, ward = body.guardian.to_person(), Person.create(body.ward.name, body.ward.resident_id)
        suite, key = await authority_key(self.hub, self.trust)
        sealed = guardian.seal_guardianship(
            ward, key, suite=suite, grants=body.grants, purposes=body.purposes, valid_until=body.valid_until
        )
        link = link_from(await self.hub.identity.request_guardianship(sealed))
        shown = Guardianship(delegation=link.to_dict(), ward_salt=b64u_encode(ward.identity.salt))
        return answer(shown, status=201)


class DelegationRevocationScreen(Screen):
    """POST /api/v1/delegations/revocation"""

    async def post(self, body: DelegationForm) -> r200[EndedDelegation]:
        """Take back a delegation, as the one who gave it or who holds it. Every consent under it ends.

        Tags: citizen
        """
        call = self.call()
        ended = await self.hub.consents.revoke_delegation(chain_from(body.delegation), call=call)
        shown = EndedDelegation(
            consent_ids=list(ended.consent_ids), delegation_sha256=b64u_encode(ended.delegation_sha256)
        )
        return answer(shown, call)


def routes() -> list[web.RouteDef]:
    """Where these screens are served."""
    return [
        web.view("/api/v1/guardianships", GuardianshipScreen),
        web.view("/api/v1/delegations/revocation", DelegationRevocationScreen),
    ]
