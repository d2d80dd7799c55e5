"""What no field of a request may hold, wherever it stands."""

from __future__ import annotations

import pytest
from huilian.consent.v1 import consent_service_pb2 as consent
from huilian.exchange.v1 import exchange_service_pb2 as exchange
from huilian.identity.v1 import identity_service_pb2 as identity
from huilian_protocol.errors import HuilianError

from hub.platform.message_values import END_S, check_values


def field_of(message: object) -> str:
    with pytest.raises(HuilianError) as refusal:
        check_values(message)  # type: ignore[arg-type]
    assert refusal.value.code == "INVALID_ARGUMENT"
    return refusal.value.params["field"]


@pytest.mark.parametrize("seconds", [-1, END_S, 2**62, -(2**62)])
def test_an_instant_of_another_age(seconds: int) -> None:
    request = consent.PrepareConsentRequest()
    request.valid_until_time.seconds = seconds
    assert field_of(request) == "valid_until_time"


def test_a_text_that_a_database_refuses() -> None:
    assert field_of(identity.RegisterEnterpriseRequest(name="惠\0链")) == "name"


def test_what_is_not_there_or_fine_passes() -> None:
    request = consent.PrepareConsentRequest(request_id="request-1")
    check_values(request)
    request.valid_until_time.seconds = END_S - 1
    check_values(request)
    check_values(identity.RegisterEnterpriseRequest(name="惠链\n"))
    check_values(exchange.FetchDatasetsRequest(reads=[exchange.DatasetRead(dataset_id="a")]))
