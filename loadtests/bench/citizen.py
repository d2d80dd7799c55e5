"""The person whose data the exchange benchmark reads: a phone in software, and consents that still allow reads."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import grpc
from huilian.common.v1 import common_pb2
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian.exchange.v1 import exchange_service_pb2_grpc
from huilian_protocol.artefact import DatasetGrant, Period
from huilian_protocol.clock import SystemClock
from huilian_protocol.metadata import AUTHORIZATION, BEARER
from huilian_protocol.sealing import Suite
from huilian_protocol.status import from_rpc_error
from huilian_protocol.webauthn import Assertion
from huilian_sdk import DeviceSigner, Huilian, Person, SoftwareAuthenticator

from connectors.kit.sandbox_people import DEMO_BORROWER
from connectors.kit.sandbox_people import Person as SandboxPerson
from deploy.site import RP_ID, WEB_ORIGIN, HubPlace, Site
from loadtests.bench.world import AGENCY
from loadtests.scenario import LAST_MONTHS, months_before

DATASET = "housing_fund.account/v1"
FIELDS = ("account_status", "base_fen", "deposit_months", "monthly_deposit_fen")
PURPOSE, RECIPIENT = "LOAN_APPLICATION", "bank.lending"
VALID_DAYS = 30
TIMEOUT_S = 30.0


class Place(Protocol):
    """A running site and the process of its hub that a person registers at."""

    @property
    def site(self) -> Site: ...

    @property
    def hub(self) -> HubPlace: ...


@dataclass(frozen=True)
class Granted:
    """A consent with what it grants, and the person's identity sealed to each agency."""

    id: str
    grants: tuple[DatasetGrant, ...]
    sealed_subjects: Mapping[str, bytes]


class BenchCitizen:
    """Reads under consents that were granted before the clock started."""

    def __init__(self, hub: Huilian, person: Person, device: SoftwareAuthenticator, subject: str) -> None:
        self._hub, self._person, self._device, self._subject = hub, person, device, subject
        self.period = Period(*months_before(SystemClock().now(), LAST_MONTHS))
        self._allowed: list[str] = []

    async def open(self, channel: grpc.aio.Channel) -> None:
        """Sign in for calls over this connection, and learn the agency's key."""
        signer = DeviceSigner(self._subject, self._device)

        async def challenge() -> bytes:
            return (await self._hub.identity.create_challenge()).challenge

        token = (await self._hub.identity.issue_token(await signer.grant(challenge))).access_token
        self._metadata = ((AUTHORIZATION, BEARER + token),)
        self._stub = exchange_service_pb2_grpc.ExchangeServiceStub(channel)
        offered = await self._hub.exchange.datasets()
        self._agencies = {agency.agency_id: agency for agency in offered.agencies}
        self.datasets = {dataset.agency_id: dataset for dataset in offered.datasets}

    async def allow(self, count: int, reads_per_consent: int) -> None:
        """Grant consents for so many reads, each good for `reads_per_consent` of them."""
        self._allowed = []
        while len(self._allowed) < count:
            self._allowed += [await self._granted(reads_per_consent)] * reads_per_consent

    async def read(self, _: int) -> None:
        """One read under the next consent that allows it."""
        request = pb.FetchDatasetRequest(
            request_id=uuid.uuid4().hex,
            consent_id=self._allowed.pop(),
            dataset_id=DATASET,
            fields=FIELDS,
            period=common_pb2.MonthPeriod(from_month=self.period.from_month, to_month=self.period.to_month),
        )
        answer = await self._stub.FetchDataset(request, timeout=TIMEOUT_S, metadata=self._metadata)
        assert answer.envelope, "a delivered read brings an envelope"

    async def is_let_in_at(self, channel: grpc.aio.Channel) -> bool:
        """Whether the hub process at the other end still takes an old token of this person; after an erasure it may for
        a moment, and finds nothing to show.
        """
        stub = exchange_service_pb2_grpc.ExchangeServiceStub(channel)
        try:
            await stub.ListAccessRecords(pb.ListAccessRecordsRequest(), timeout=TIMEOUT_S, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            if from_rpc_error(error).code not in {"UNAUTHENTICATED", "NOT_FOUND"}:
                raise
            return from_rpc_error(error).code == "NOT_FOUND"
        return True

    async def _granted(self, reads: int) -> str:
        return (await self.granted([DatasetGrant(DATASET, FIELDS, self.period)], [AGENCY], reads)).id

    async def granted(self, grants: Sequence[DatasetGrant], agencies: Sequence[str], reads: int) -> Granted:
        """A consent for these datasets of these agencies, each of which may be read so often."""
        consent_id = uuid.uuid4().hex
        prepared = await self._hub.consents.prepare(
            consent_id=consent_id,
            purpose_code=PURPOSE,
            recipient_id=RECIPIENT,
            datasets=list(grants),
            max_reads=reads,
            data_life_days=VALID_DAYS,
            valid_until=SystemClock().now() + timedelta(days=VALID_DAYS),
        )
        sealed = {agency: self._sealed_to(agency, consent_id) for agency in agencies}
        await self._hub.consents.grant(prepared.artefact, self._device.sign(prepared.challenge), sealed)
        return Granted(consent_id, tuple(grants), sealed)

    def _sealed_to(self, agency: str, consent_id: str) -> bytes:
        key = self._agencies[agency]
        return self._person.seal_subject(
            key.sealing_public_key,
            suite=Suite(key.sealing_suite),
            agency=agency,
            consent_id=consent_id,
            subject=self._subject,
        )

    async def grant_record_id(self) -> str:
        """Grant one more consent; the ledger's id of its record."""
        consent = await self._hub.consents.get(await self._granted(1))
        return consent.grant_record_id

    def sign(self, order: bytes) -> Assertion:
        """The device's signature over something to be ordered."""
        return self._device.sign(hashlib.sha256(order).digest())

    @property
    def hub(self) -> Huilian:
        """The person's own client."""
        return self._hub


@asynccontextmanager
async def registered_citizen(world: Place, who: SandboxPerson = DEMO_BORROWER) -> AsyncIterator[BenchCitizen]:
    """Register somebody of the sandbox with a fresh device, and sign in."""
    target, root = f"127.0.0.1:{world.hub.public_port}", world.site.pki.issue(world.hub.name).ca.read_bytes()
    device = SoftwareAuthenticator.generate(rp_id=RP_ID, origin=WEB_ORIGIN)
    person = Person.create(who.name, who.resident_id)
    credentials = grpc.ssl_channel_credentials(root)
    async with (
        Huilian.connect(target, root_certificates_pem=root) as anonymous,
        grpc.aio.secure_channel(target, credentials) as channel,
    ):
        keys = (await anonymous.identity.key_set()).sealing_keys
        authority = next(key for key in keys if key.party_id == "identity_authority")
        sealed = person.seal_registration(authority.public_key, suite=Suite(authority.suite))
        subject = (await anonymous.identity.register_person(sealed, device.public_jwk)).subject
        citizen = BenchCitizen(anonymous.as_signer(DeviceSigner(subject, device)), person, device, subject)
        await citizen.open(channel)
        yield citizen
