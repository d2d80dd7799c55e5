"""Registering: who I am, sealed at once to the identity authority, and the key of my phone."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r201  # type: ignore[import-untyped]
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Huilian, Person
from pydantic import BaseModel, Field

from mini_program_api.base import Screen, answer
from mini_program_api.forms import Form
from mini_program_api.identities import AUTHORITY, authority_key


class DeviceKey(Form):
    """A P-256 public key (RFC 7517)."""

    kty: str
    crv: str
    x: str = Field(max_length=64)
    y: str = Field(max_length=64)


class RegistrationForm(Form):
    """Name and resident ID as on the card. They are sealed before anything else happens and kept nowhere."""

    name: str = Field(min_length=1, max_length=100, repr=False)
    resident_id: str = Field(min_length=1, max_length=32, repr=False)
    device_public_jwk: DeviceKey


class Registered(BaseModel):
    """The person's pseudonym here, the authority's binding of the key, and the salt that only the phone keeps."""

    subject: str
    key_binding: str
    salt: str


class RegistrationScreen(Screen):
    """POST /api/v1/persons"""

    # Each sealing is another, so a repetition is another request; to register again is to register once.
    signed_in, keyed = False, False

    async def post(self, body: RegistrationForm) -> r201[Registered]:
        """Register a person and the key of their phone.

        Keep the newest `salt` on the phone: it is needed, with name and resident ID, to grant a consent. Whoever got no
        answer registers again.

        Tags: citizen
        """
        person = Person.create(body.name, body.resident_id)
        sealed = await seal_to_authority(self.anonymous, person, self.trust)
        jwk = body.device_public_jwk.model_dump()
        registered = await self.anonymous.identity.register_person(sealed, jwk)
        salt = b64u_encode(person.identity.salt)
        shown = Registered(subject=registered.subject, key_binding=registered.key_binding, salt=salt)
        return answer(shown, status=201)


async def seal_to_authority(hub: Huilian, person: Person, trust: TrustAnchors | None) -> bytes:
    """The person's identity for the identity authority alone; raises KEY_NOT_PINNED for a key that is not its own."""
    suite, key = await authority_key(hub, trust)
    return person.seal_registration(key, suite=suite, authority=AUTHORITY, trust=trust)


def routes() -> list[web.RouteDef]:
    """Where this screen is served."""
    return [web.view("/api/v1/persons", RegistrationScreen)]
