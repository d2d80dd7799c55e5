"""huilian.connector.v1 on the wire: proto in, proto out, no rule."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from huilian.connector.v1 import connector_service_pb2 as pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.artefact import Period
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import public_key_to_jwk

from connectors.kit.actions import ActionService
from connectors.kit.contract import CheckOutcome
from connectors.kit.health import DatasetHealth
from connectors.kit.manifest import ActionSpec, DatasetSpec, Manifest
from connectors.kit.requests import ActRequest, ReadAnswer, ReadRequest
from connectors.kit.service import EdgeService


class ConnectorServicer(connector_service_pb2_grpc.ConnectorServiceServicer):
    """Serves one agency's edge to hubs."""

    def __init__(self, service: EdgeService, actions: ActionService | None = None) -> None:
        self._service, self._actions = service, actions

    async def Describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:
        """Manifest, datasets and public keys."""
        manifest, keys = self._service.manifest, self._service.keys
        return pb.DescribeResponse(
            agency_id=manifest.agency_id,
            title_zh=manifest.title_zh,
            title_en=manifest.title_en,
            sandbox=manifest.sandbox,
            datasets=[_dataset_message(manifest, dataset) for dataset in manifest.datasets],
            sealing_suite=keys.sealing_suite.value,
            recipient_suites=[suite.value for suite in manifest.recipient_suites()],
            sealing_public_key=keys.sealing.public,
            edge_signing_key_jwk=json.dumps(public_key_to_jwk(keys.signing.public_key())),
            actions=[_action_message(manifest, action) for action in manifest.actions if self._actions is not None],
        )

    async def Check(self, request: pb.CheckRequest, context: Any) -> pb.CheckResponse:
        """Whether the agency is up."""
        result = await self._service.connector.check()
        up = result.outcome is CheckOutcome.READY
        report = self._service.health.report()
        return pb.CheckResponse(
            is_up=up,
            detail=f"{result.outcome.value}: {result.detail}".rstrip(": "),
            datasets=[_health_message(dataset, health) for dataset, health in report.items()],
        )

    async def Read(self, request: pb.ReadRequest, context: Any) -> pb.ReadResponse:
        """One consented read."""
        answer = await self._service.read(
            ReadRequest(
                request_id=request.request_id,
                signed_consent=request.signed_consent,
                dataset_id=request.dataset_id,
                fields=tuple(sorted(request.fields)),
                period=Period(request.period.from_month, request.period.to_month),
                sealed_subject=request.sealed_subject,
                recipient_public_key=request.recipient_public_key,
            )
        )
        read_time = _timestamp(answer)
        return pb.ReadResponse(envelope=answer.envelope, edge_signature=answer.edge_signature, read_time=read_time)

    async def Act(self, request: pb.ActRequest, context: Any) -> pb.ActResponse:
        """One consented action."""
        if self._actions is None:
            raise HuilianError("NOT_FOUND", "this edge serves no actions", resource=f"action {request.action_id}")
        answer = await self._actions.act(
            ActRequest(
                request_id=request.request_id,
                signed_consent=request.signed_consent,
                action_id=request.action_id,
                sealed_subject=request.sealed_subject,
                sealed_parameters=request.sealed_parameters,
                recipient_public_key=request.recipient_public_key,
                give_up=request.give_up,
            )
        )
        act_time = _timestamp(answer)
        return pb.ActResponse(envelope=answer.envelope, edge_signature=answer.edge_signature, act_time=act_time)

    async def CountAnswers(self, request: pb.CountAnswersRequest, context: Any) -> pb.CountAnswersResponse:
        """What this edge answered and did under a consent."""
        counter = self._actions or self._service
        return pb.CountAnswersResponse(signed_count=await counter.count_answers(request.consent_id))


def _health_message(dataset_id: str, health: DatasetHealth) -> pb.DatasetHealth:
    fields = [pb.FieldHealth(name=name, reason=reason) for name, reason in health.degraded.items()]
    message = pb.DatasetHealth(dataset_id=dataset_id, degraded_fields=fields)
    if health.newest is not None:
        message.newest_data_time.FromDatetime(health.newest)
    return message


def _timestamp(answer: ReadAnswer) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(answer.read_at)
    return timestamp


def _action_message(manifest: Manifest, action: ActionSpec) -> pb.Action:
    return pb.Action(
        action_id=action.id,
        agency_id=manifest.agency_id,
        title_zh=action.title_zh,
        title_en=action.title_en,
        least_evidence_level=action.least_evidence_level,
        parameters_schema=json.dumps(action.parameters_schema, ensure_ascii=False),
        result_schema=json.dumps(action.result_schema, ensure_ascii=False),
        needs_exact_consent=action.needs_exact_consent,
    )


def _dataset_message(manifest: Manifest, dataset: DatasetSpec) -> pb.Dataset:
    return pb.Dataset(
        dataset_id=dataset.id,
        agency_id=manifest.agency_id,
        title_zh=dataset.title_zh,
        title_en=dataset.title_en,
        fields=[
            pb.Field(
                name=name,
                unit=spec.unit,
                data_class=spec.data_class,
                mask=spec.mask,
                title_zh=spec.title_zh,
                title_en=spec.title_en,
            )
            for name, spec in sorted(dataset.fields.items())
        ],
        least_evidence_level=dataset.least_evidence_level,
        json_schema=json.dumps(dataset.json_schema, ensure_ascii=False),
    )
