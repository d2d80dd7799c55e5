"""The citizen journey over gRPC: consent, read, see who read, take back."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from huilian.common.v1 import common_pb2, sandbox_service_pb2, sandbox_service_pb2_grpc
from huilian.consent.v1 import consent_service_pb2 as consent_pb
from huilian.consent.v1 import consent_service_pb2_grpc
from huilian.exchange.v1 import exchange_service_pb2 as exchange_pb
from huilian.exchange.v1 import exchange_service_pb2_grpc
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian.identity.v1 import identity_service_pb2_grpc
from huilian_protocol.sealing import Suite
from huilian_sdk import Person, SoftwareAuthenticator
from locust import between, task

from loadtests.grpc_user import GrpcUser, Refused, new_id
from loadtests.scenario import FIELDS, LAST_MONTHS, months_before
from loadtests.site import next_person


class CitizenGrpc(GrpcUser):
    """One person with one phone."""

    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        """Register, sign in, learn the keys, walk the journey once."""
        someone = next_person()
        self.identity = identity_service_pb2_grpc.IdentityServiceStub(self.channel)
        self.tokens = identity_service_pb2_grpc.TokenServiceStub(self.channel)
        self.consents = consent_service_pb2_grpc.ConsentServiceStub(self.channel)
        self.exchange = exchange_service_pb2_grpc.ExchangeServiceStub(self.channel)
        self.person = Person.create(someone.name, someone.resident_id)
        self.device = SoftwareAuthenticator.generate(rp_id=self.site.trust.rp_id, origin=self.site.trust.origin)
        self.subject = self._register()
        clock = sandbox_service_pb2_grpc.SandboxServiceStub(self.channel)
        now = self.call(clock.GetClock, sandbox_service_pb2.GetClockRequest()).now_time
        self.now = now.ToDatetime(tzinfo=UTC)
        offered = self.call(self.exchange.ListDatasets, exchange_pb.ListDatasetsRequest())
        self.agencies = {agency.agency_id: agency for agency in offered.agencies}
        self.consent_and_read()

    @task(1)
    def consent_and_read(self) -> None:
        """The whole of it; a person who registered twice in the pool may have lost the older device."""
        try:
            consent_id = self._grant()
            for dataset, fields in FIELDS.items():
                self._fetch(consent_id, dataset, fields)
            revoke = consent_pb.RevokeConsentRequest(request_id=new_id(), consent_id=consent_id)
            self.call(self.consents.RevokeConsent, revoke)
        except Refused as refused:
            if str(refused) not in {"ASSERTION_INVALID", "ARTEFACT_TAMPERED"}:
                raise

    @task(3)
    def look_at_accesses(self) -> None:
        """Who read my data."""
        page = common_pb2.PageRequest(page_size=20)
        self.call(self.exchange.ListAccessRecords, exchange_pb.ListAccessRecordsRequest(page=page))

    @task(3)
    def look_at_consents(self) -> None:
        """What I allowed."""
        page = common_pb2.PageRequest(page_size=20)
        self.call(self.consents.ListConsents, consent_pb.ListConsentsRequest(page=page))

    def _register(self) -> str:
        keys = self.call(self.identity.GetKeySet, identity_pb.GetKeySetRequest(), signed_in=False)
        authority = next(key for key in keys.sealing_keys if key.party_id == "identity_authority")
        request = identity_pb.RegisterPersonRequest(
            request_id=new_id(),
            sealed_identity=self.person.seal_registration(
                authority.public_key, suite=Suite(authority.suite), trust=self.site.trust
            ),
            device_public_key_jwk=json.dumps(self.device.public_jwk),
        )
        return str(self.call(self.identity.RegisterPerson, request, signed_in=False).subject)

    def sign_in(self) -> str:
        """Answer a challenge with the phone."""
        asked = identity_pb.CreateChallengeRequest()
        challenge = self.call(self.tokens.CreateChallenge, asked, signed_in=False).challenge
        grant = identity_pb.PersonGrant(subject=self.subject, assertion=self._assertion(challenge), challenge=challenge)
        request = identity_pb.IssueTokenRequest(person=grant)
        return str(self.call(self.tokens.IssueToken, request, signed_in=False).access_token)

    def _assertion(self, challenge: bytes) -> identity_pb.DeviceAssertion:
        signed = self.device.sign(challenge)
        return identity_pb.DeviceAssertion(
            authenticator_data=signed.authenticator_data,
            client_data_json=signed.client_data_json,
            signature=signed.signature,
        )

    def _period(self) -> common_pb2.MonthPeriod:
        first, last = months_before(self.now, LAST_MONTHS)
        return common_pb2.MonthPeriod(from_month=first, to_month=last)

    def _grant(self) -> str:
        consent_id, until = new_id(), Timestamp()
        until.FromDatetime(self.now + timedelta(days=30))
        scopes = [
            consent_pb.DatasetScope(dataset_id=dataset, fields=fields, period=self._period())
            for dataset, fields in FIELDS.items()
        ]
        prepared = self.call(
            self.consents.PrepareConsent,
            consent_pb.PrepareConsentRequest(
                request_id=new_id(),
                consent_id=consent_id,
                purpose_code="LOAN_APPLICATION",
                recipient_id="bank.lending",
                datasets=scopes,
                max_reads=3,
                data_life_days=30,
                valid_until_time=until,
            ),
        )
        request = consent_pb.GrantConsentRequest(
            request_id=new_id(),
            artefact=prepared.artefact,
            assertion=self._assertion(prepared.challenge),
            sealed_subjects=[self._sealed(agency, consent_id) for agency in prepared.agency_ids],
        )
        self.call(self.consents.GrantConsent, request)
        return consent_id

    def _sealed(self, agency_id: str, consent_id: str) -> consent_pb.SealedSubject:
        agency: Any = self.agencies[agency_id]
        envelope = self.person.seal_subject(
            agency.sealing_public_key,
            suite=Suite(agency.sealing_suite),
            agency=agency_id,
            consent_id=consent_id,
            subject=self.subject,
            trust=self.site.trust,
        )
        return consent_pb.SealedSubject(agency_id=agency_id, envelope=envelope)

    def _fetch(self, consent_id: str, dataset: str, fields: list[str]) -> None:
        request = exchange_pb.FetchDatasetRequest(
            request_id=new_id(),
            consent_id=consent_id,
            dataset_id=dataset,
            fields=fields,
            period=self._period(),
        )
        self.call(self.exchange.FetchDataset, request)
