"""The exchange on the wire."""

from __future__ import annotations

from huilian.common.v1 import common_pb2
from huilian.exchange.v1 import exchange_service_pb2 as pb

from hub.exchange.rpc import ExchangeServicer
from hub.platform.callers import Caller, Role, set_current_caller
from hub.platform.idempotency import Idempotency
from tests.unit.hub.exchange.conftest import CONSENT, DATASET, FIELDS, Exchange


async def test_the_catalogue_names_datasets_fields_and_the_agencys_key(exchange: Exchange) -> None:
    answer = await ExchangeServicer(exchange.service, Idempotency(exchange.database, exchange.clock)).ListDatasets(
        pb.ListDatasetsRequest(), None
    )
    [dataset], [agency] = answer.datasets, answer.agencies
    assert dataset.dataset_id == DATASET and set(FIELDS) < {field.name for field in dataset.fields}
    assert agency.sandbox and agency.sealing_public_key == exchange.edge.keys.sealing.public
    assert answer.missing_agency_ids == []


async def test_a_person_fetches_and_sees_who_read_what(exchange: Exchange) -> None:
    await exchange.grant()
    set_current_caller(Caller(exchange.citizen.subject, Role.CITIZEN))
    servicer = ExchangeServicer(exchange.service, Idempotency(exchange.database, exchange.clock))
    request = pb.FetchDatasetRequest(
        request_id="request-00000001",
        consent_id=CONSENT,
        dataset_id=DATASET,
        fields=list(reversed(FIELDS)),
        period=common_pb2.MonthPeriod(from_month="2025-03", to_month="2026-02"),
    )
    answer = await servicer.FetchDataset(request, None)
    await exchange.refused(2, fields=("opened_month",))
    listed = await servicer.ListAccessRecords(pb.ListAccessRecordsRequest(), None)
    by_outcome = {record.outcome: record for record in listed.access_records}
    delivered, refused = by_outcome["DELIVERED"], by_outcome["FIELD_NOT_GRANTED"]
    assert delivered.access_record_id == answer.access_record_id and answer.envelope
    assert (delivered.recipient_id, delivered.purpose_code) == ("bank.lending", "LOAN_APPLICATION")
    assert (list(delivered.fields), delivered.refused_by, refused.refused_by) == (list(FIELDS), "", "hub")
    assert delivered.accessed_time.ToDatetime() == exchange.clock.now().replace(tzinfo=None)
