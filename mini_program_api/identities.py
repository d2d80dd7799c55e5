"""Who a person is, on its way through: sealed to the agencies at once, kept and logged nowhere."""

from __future__ import annotations

from huilian_protocol.action import ActionParameters
from huilian_protocol.artefact import Artefact
from huilian_protocol.binding import SALT_BYTES
from huilian_protocol.canonical import b64u_decode
from huilian_protocol.errors import HuilianError
from huilian_protocol.identity import Identity
from huilian_protocol.sealing import SealingKey, Suite
from huilian_protocol.trust import TrustAnchors
from huilian_sdk import Huilian, Person
from pydantic import Field

from mini_program_api.forms import Base64Url, Form

AUTHORITY = "identity_authority"


class IdentityForm(Form):
    """Name, resident ID and the salt from the registration, as the phone keeps them; a child's salt comes with the
    guardianship. For a company: its name and USCC, with any salt.
    """

    name: str = Field(min_length=1, max_length=100, repr=False)
    resident_id: str = Field(min_length=1, max_length=32, repr=False)
    salt: Base64Url = Field(repr=False)

    def to_person(self) -> Person:
        """The person as at registration. Raises RESIDENT_ID_MALFORMED or INVALID_ARGUMENT."""
        salt = b64u_decode(self.salt)
        if len(salt) != SALT_BYTES:
            raise HuilianError("INVALID_ARGUMENT", "a salt has 32 bytes", field="identity.salt")
        tidy = Person.create(self.name, self.resident_id).identity
        return Person(Identity(tidy.name, tidy.resident_id, salt))

    def to_subject(self, subject: str) -> Person:
        """Whom an artefact about `subject` concerns: a person, or the company whose USCC that is. Raises as above."""
        return Person.company(self.name, subject) if self.resident_id == subject else self.to_person()


async def authority_key(hub: Huilian, trust: TrustAnchors | None) -> tuple[Suite, bytes]:
    """Suite and key of the identity authority; raises KEY_NOT_PINNED for a key that `trust` does not know."""
    keys = await hub.identity.key_set()
    key = next((key for key in keys.sealing_keys if key.party_id == AUTHORITY), None)
    if key is None:
        raise HuilianError(
            "PROVIDER_UNAVAILABLE", "the hub publishes no key of the identity authority", provider=AUTHORITY
        )
    if trust is not None:
        trust.check_authority_key(SealingKey(Suite(key.suite), key.public_key))
    return Suite(key.suite), key.public_key


async def seal_to_agencies(
    hub: Huilian, form: IdentityForm, artefact: Artefact, trust: TrustAnchors | None
) -> dict[str, bytes]:
    """The person's identity, sealed to each agency that will answer under this artefact.

    Raises KEY_NOT_PINNED for an agency that the hub offers with a key that `trust` does not know.
    """
    person, offered = form.to_subject(artefact.subject), await hub.exchange.datasets()
    wanted = {grant.id for grant in artefact.datasets} | {grant.id for grant in artefact.actions}
    agencies = {item.agency_id for item in offered.datasets if item.dataset_id in wanted}
    agencies |= {item.agency_id for item in offered.actions if item.action_id in wanted}
    return {
        agency.agency_id: person.seal_subject(
            agency.sealing_public_key,
            suite=Suite(agency.sealing_suite),
            agency=agency.agency_id,
            consent_id=artefact.id,
            subject=artefact.subject,
            trust=trust,
        )
        for agency in offered.agencies
        if agency.agency_id in agencies
    }


async def seal_parameters(
    hub: Huilian,
    form: IdentityForm,
    artefact: Artefact,
    action: str,
    parameters: ActionParameters,
    request_id: str,
    trust: TrustAnchors | None,
) -> bytes:
    """What to do, sealed to the action's agency for one request under this artefact.

    Raises NOT_FOUND for an action that nobody offers, KEY_NOT_PINNED as `seal_to_agencies` does.
    """
    offered = await hub.exchange.datasets()
    owner = next((item.agency_id for item in offered.actions if item.action_id == action), None)
    agency = next((item for item in offered.agencies if item.agency_id == owner), None)
    if agency is None:
        raise HuilianError("NOT_FOUND", "no agency offers it", resource=f"action {action}")
    return form.to_person().seal_parameters(
        parameters,
        agency.sealing_public_key,
        suite=Suite(agency.sealing_suite),
        action=action,
        agency=agency.agency_id,
        consent_id=artefact.id,
        subject=artefact.subject,
        request_id=request_id,
        trust=trust,
    )
