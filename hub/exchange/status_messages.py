"""The status of a dataset on the wire."""

from __future__ import annotations

from huilian.exchange.v1 import exchange_service_pb2 as pb

from hub.exchange.edge_words import plain_words
from hub.exchange.status import DatasetStatus


def status_message(status: DatasetStatus) -> pb.DatasetStatus:
    """One dataset."""
    message = pb.DatasetStatus(
        dataset_id=status.dataset_id,
        agency_id=status.agency,
        state=pb.ServiceState.Value(f"SERVICE_STATE_{status.state}"),
        breaker=pb.BreakerState.Value(f"BREAKER_STATE_{status.breaker}"),
        last_failure_code=status.last_failure_code,
        degraded_fields=[
            pb.DegradedField(name=plain_words(one.name), reason=plain_words(one.reason))
            for one in status.health.degraded_fields
        ],
    )
    message.since_time.FromDatetime(status.since)
    if status.last_success is not None:
        message.last_success_time.FromDatetime(status.last_success)
    if status.health.HasField("newest_data_time"):
        message.newest_data_time.CopyFrom(status.health.newest_data_time)
    return message
