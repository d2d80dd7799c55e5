"""Consents on the wire: what a phone sends and sees, and that a repeated request does nothing twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

import pytest
from huilian.common.v1 import common_pb2
from huilian.consent.v1 import consent_service_pb2 as pb
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian_protocol.consent import verify_signed_consent
from huilian_protocol.errors import HuilianError

from hub.consent.rpc import ConsentServicer
from hub.consent.rules import Action, Dataset
from hub.platform.callers import ANONYMOUS, Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.timestamps import timestamp
from tests.unit.hub.consent.conftest import CONSENT, DATASETS, Office


class FixedCatalogue:
    """The port `DatasetCatalogue`."""

    async def actions(self, wanted: Collection[str]) -> Mapping[str, Action]:
        return {}

    async def datasets(self, wanted: Collection[str]) -> Mapping[str, Dataset]:
        return DATASETS


@pytest.fixture
def servicer(office: Office) -> Iterator[ConsentServicer]:
    set_current_caller(Caller(office.citizen.subject, Role.CITIZEN))
    yield ConsentServicer(office.service, FixedCatalogue(), Idempotency(office.database, office.clock))
    # A fixture that does not await runs in the process's own context, which every later server would inherit.
    set_current_caller(ANONYMOUS)


def prepare_request(office: Office, request_id: str = "request-00000001", reads: int = 3) -> pb.PrepareConsentRequest:
    return pb.PrepareConsentRequest(
        request_id=request_id,
        consent_id=CONSENT,
        purpose_code="LOAN_APPLICATION",
        recipient_id="bank.lending",
        datasets=[
            pb.DatasetScope(
                dataset_id="tax.personal_income/v1",
                fields=["income_fen"],
                period=common_pb2.MonthPeriod(from_month="2025-01", to_month="2025-12"),
            )
        ],
        max_reads=reads,
        data_life_days=30,
        valid_until_time=timestamp(office.clock.now() + timedelta(days=30)),
    )


async def granted(servicer: ConsentServicer, office: Office) -> pb.Consent:
    prepared = await servicer.PrepareConsent(prepare_request(office), None)
    signed = office.citizen.device.sign(prepared.challenge)
    request = pb.GrantConsentRequest(
        request_id="request-00000002",
        artefact=prepared.artefact,
        assertion=identity_pb.DeviceAssertion(
            authenticator_data=signed.authenticator_data,
            client_data_json=signed.client_data_json,
            signature=signed.signature,
        ),
        sealed_subjects=[pb.SealedSubject(agency_id=agency, envelope=b"sealed") for agency in prepared.agency_ids],
    )
    return (await servicer.GrantConsent(request, None)).consent


async def test_from_asking_to_revoking(servicer: ConsentServicer, office: Office) -> None:
    consent = await granted(servicer, office)
    assert consent.state == pb.CONSENT_STATE_GRANTED and not consent.HasField("revoked_time")
    assert verify_signed_consent(consent.signed_consent, office.world.trust, office.clock.now()).id == CONSENT
    assert [(scope.dataset_id, list(scope.fields)) for scope in consent.datasets] == [
        ("tax.personal_income/v1", ["income_fen"])
    ]
    revoked = await servicer.RevokeConsent(
        pb.RevokeConsentRequest(request_id="request-00000003", consent_id=CONSENT), None
    )
    assert revoked.consent.state == pb.CONSENT_STATE_REVOKED
    assert revoked.consent.revoked_time.ToDatetime() == office.clock.now().replace(tzinfo=None)
    assert (revoked.consent.grant_record_id, revoked.consent.revocation_record_id) == (
        f"consent-grant:{CONSENT}",
        f"consent-revocation:{CONSENT}",
    )
    got = await servicer.GetConsent(pb.GetConsentRequest(consent_id=CONSENT), None)
    listed = await servicer.ListConsents(pb.ListConsentsRequest(), None)
    assert got.consent == revoked.consent == listed.consents[0]


async def test_a_repeated_request_answers_the_same_and_other_input_is_refused(
    servicer: ConsentServicer, office: Office
) -> None:
    request = prepare_request(office)
    first = await servicer.PrepareConsent(request, None)
    office.clock.advance(timedelta(seconds=5))
    assert await servicer.PrepareConsent(request, None) == first
    with pytest.raises(HuilianError) as refusal:
        await servicer.PrepareConsent(prepare_request(office, reads=4), None)
    assert refusal.value.code == "REQUEST_ID_REUSED"


async def test_a_repeated_request_needs_no_source(
    servicer: ConsentServicer, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await servicer.PrepareConsent(prepare_request(office), None)

    async def away(_: FixedCatalogue, wanted: Collection[str]) -> Mapping[str, Dataset]:
        raise HuilianError("PROVIDER_UNAVAILABLE", provider="tax")

    monkeypatch.setattr(FixedCatalogue, "datasets", away)
    assert await servicer.PrepareConsent(prepare_request(office), None) == first
    with pytest.raises(HuilianError, match="PROVIDER_UNAVAILABLE"):
        await servicer.PrepareConsent(prepare_request(office, "request-00000002"), None)


async def test_declining_on_the_wire(servicer: ConsentServicer, office: Office) -> None:
    await servicer.PrepareConsent(prepare_request(office), None)
    request = pb.RejectConsentRequest(request_id="request-00000002", consent_id=CONSENT)
    assert (await servicer.RejectConsent(request, None)).consent.state == pb.CONSENT_STATE_REJECTED


async def test_an_agency_named_twice_is_refused(servicer: ConsentServicer, office: Office) -> None:
    twice = [pb.SealedSubject(agency_id="tax", envelope=b"x")] * 2
    request = pb.GrantConsentRequest(request_id="request-00000002", artefact=b"{}", sealed_subjects=twice)
    with pytest.raises(HuilianError) as refusal:
        await servicer.GrantConsent(request, None)
    assert (refusal.value.code, refusal.value.params["field"]) == ("INVALID_ARGUMENT", "sealed_subjects")


async def test_purposes_tell_their_bounds(servicer: ConsentServicer) -> None:
    answer = await servicer.ListPurposes(pb.ListPurposesRequest(), None)
    loan = next(purpose for purpose in answer.purposes if purpose.code == "LOAN_APPLICATION")
    assert (loan.max_period_months, loan.recipient_ids) == (60, ["bank.lending"])
    assert loan.text_zh and loan.text_en


async def test_the_stream_tells_what_was_revoked(servicer: ConsentServicer, office: Office) -> None:
    await granted(servicer, office)
    await servicer.RevokeConsent(pb.RevokeConsentRequest(request_id="request-00000003", consent_id=CONSENT), None)
    stream = servicer.WatchRevocations(pb.WatchRevocationsRequest(cursor=0), None)
    entry, heartbeat = await anext(stream), await anext(stream)
    assert (entry.cursor, entry.consent_id, entry.HasField("revoked_time")) == (1, CONSENT, True)
    assert (heartbeat.cursor, heartbeat.consent_id, heartbeat.HasField("revoked_time")) == (1, "", False)
    assert heartbeat.as_of_time.ToDatetime() == office.clock.now().replace(tzinfo=None)
