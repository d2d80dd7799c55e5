"""A person with a device of their own, who knows the hub through the SDK only."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from huilian.consent.v1 import consent_service_pb2 as pb
from huilian_protocol.artefact import Artefact, DatasetGrant, Period, parse_artefact
from huilian_protocol.clock import SandboxClock
from huilian_protocol.sealing import Suite
from huilian_sdk import Call, DeviceSigner, Huilian, Person, SoftwareAuthenticator, new_id

from connectors.kit import sandbox_people
from deploy.site import RP_ID, WEB_ORIGIN, HubPlace, Site

PURPOSE, RECIPIENT = "LOAN_APPLICATION", "bank.lending"
HOUSING_FUND = "housing_fund.account/v1"
FIELDS = ("account_status", "base_fen", "deposit_months", "monthly_deposit_fen")

# Long enough to be signed on a busy machine, short enough to wait for its end.
SHORT_LIFE = dt.timedelta(seconds=4)


@dataclass(frozen=True)
class Prepared:
    """An artefact that waits for a signature, and who has to be told whose it is."""

    artefact: Artefact
    agencies: tuple[str, ...]


@dataclass
class Citizen:
    """A registered person: their identity, their device, their client."""

    person: Person
    device: SoftwareAuthenticator
    subject: str
    binding: str
    hub: Huilian
    clock: SandboxClock

    def period(self) -> Period:
        """The twelve months up to now."""
        now = self.clock.now()
        return Period(f"{now.year - 1}-{now.month:02d}", f"{now:%Y-%m}")

    def grant_of(self, fields: Sequence[str] = FIELDS, dataset: str = HOUSING_FUND) -> DatasetGrant:
        """A grant of some fields of a dataset for the usual period."""
        return DatasetGrant(dataset, tuple(sorted(fields)), self.period())

    async def outlive(self, artefact: Artefact) -> None:
        """Wait until the artefact has expired."""
        left = artefact.valid_until - self.clock.now()
        await asyncio.sleep(max(left.total_seconds(), 0.0) + 0.05)

    async def prepare(
        self,
        datasets: Sequence[DatasetGrant] = (),
        life: dt.timedelta = dt.timedelta(days=30),
        max_reads: int = 20,
        call: Call | None = None,
    ) -> Prepared:
        """A drafted artefact; over some fields of the housing fund unless others are named."""
        answer = await self.hub.consents.prepare(
            consent_id=new_id(),
            purpose_code=PURPOSE,
            recipient_id=RECIPIENT,
            datasets=datasets or [self.grant_of()],
            max_reads=max_reads,
            data_life_days=90,
            valid_until=self.clock.now() + life,
            call=call,
        )
        return Prepared(parse_artefact(answer.artefact), tuple(answer.agency_ids))

    async def sealed(self, prepared: Prepared) -> dict[str, bytes]:
        """Who this is, for each agency that the artefact concerns."""
        offered = await self.hub.exchange.datasets()
        keys = {
            agency.agency_id: (Suite(agency.sealing_suite), agency.sealing_public_key) for agency in offered.agencies
        }
        artefact = prepared.artefact
        return {
            name: self.person.seal_subject(
                keys[name][1], suite=keys[name][0], agency=name, consent_id=artefact.id, subject=artefact.subject
            )
            for name in prepared.agencies
        }

    async def sign(
        self, prepared: Prepared, signed: Artefact | None = None, handed_in: Artefact | None = None
    ) -> pb.Consent:
        """Sign the artefact and hand it in; a dishonest channel may let the person sign, or hand in, another one."""
        assertion = self.device.sign((signed or prepared.artefact).sha256)
        shown = (handed_in or signed or prepared.artefact).canonical()
        return await self.hub.consents.grant(shown, assertion, await self.sealed(prepared))

    async def granted(
        self, datasets: Sequence[DatasetGrant] = (), life: dt.timedelta = dt.timedelta(days=30)
    ) -> pb.Consent:
        """A consent in force."""
        return await self.sign(await self.prepare(datasets, life))


@asynccontextmanager
async def anybody(site: Site, hub: HubPlace) -> AsyncIterator[Huilian]:
    """Somebody whom the hub does not know."""
    ca = site.pki.issue("channel.mini_program_api").ca.read_bytes()
    clock = SandboxClock(site.clock_file)
    async with Huilian.connect(f"127.0.0.1:{hub.public_port}", root_certificates_pem=ca, clock=clock) as client:
        yield client


async def authority_key(client: Huilian) -> tuple[Suite, bytes]:
    """The key to which registrations are sealed."""
    keys = (await client.identity.key_set()).sealing_keys
    key = next(key for key in keys if key.party_id == "identity_authority")
    return Suite(key.suite), key.public_key


@asynccontextmanager
async def registered(site: Site, hub: HubPlace, who: sandbox_people.Person) -> AsyncIterator[Citizen]:
    """A person who registers a fresh device and signs in with it."""
    person = Person.create(who.name, who.resident_id)
    device = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB_ORIGIN)
    async with anybody(site, hub) as client:
        suite, key = await authority_key(client)
        made = await client.identity.register_person(person.seal_registration(key, suite=suite), device.public_jwk)
        citizen = client.as_signer(DeviceSigner(made.subject, device))
        yield Citizen(person, device, made.subject, made.key_binding, citizen, SandboxClock(site.clock_file))
