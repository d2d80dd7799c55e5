"""Between consent on the wire and consent in the domain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from hashlib import sha256

from huilian.common.v1 import common_pb2
from huilian.consent.v1 import consent_service_pb2 as pb
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian_protocol.artefact import ActionGrant, DatasetGrant, Period
from huilian_protocol.canonical import b64u_decode, b64u_encode
from huilian_protocol.errors import HuilianError
from huilian_protocol.purposes import Purpose
from huilian_protocol.webauthn import Assertion

from hub.consent.records import grant_record_id, revocation_record_id
from hub.consent.revocations import Notice
from hub.consent.rules import Terms
from hub.consent.states import State
from hub.consent.view import Consent
from hub.platform.timestamps import timestamp

_STATES = {state: pb.ConsentState.Value(f"CONSENT_STATE_{state}") for state in State}


def terms_of(request: pb.PrepareConsentRequest) -> Terms:
    """What is asked for."""
    return Terms(
        purpose=request.purpose_code,
        recipient=request.recipient_id,
        datasets=tuple(_grant_of(scope) for scope in request.datasets),
        max_reads=request.max_reads,
        data_life_days=request.data_life_days,
        valid_until=request.valid_until_time.ToDatetime(UTC),
        actions=tuple(_action_of(scope) for scope in request.actions),
    )


def _action_of(scope: pb.ActionScope) -> ActionGrant:
    commitment = scope.parameters_commitment
    if commitment and len(commitment) != sha256().digest_size:
        raise HuilianError("INVALID_ARGUMENT", "a SHA-256 digest, or nothing", field="parameters_commitment")
    text = b64u_encode(commitment) if commitment else None
    return ActionGrant(scope.action_id, scope.max_uses, scope.max_amount_fen, text)


def _grant_of(scope: pb.DatasetScope) -> DatasetGrant:
    return DatasetGrant(scope.dataset_id, tuple(scope.fields), period_of(scope.period))


def period_of(period: common_pb2.MonthPeriod) -> Period:
    """Months of a request."""
    return Period(period.from_month, period.to_month)


def assertion_of(message: identity_pb.DeviceAssertion) -> Assertion:
    """A device's assertion."""
    return Assertion(message.authenticator_data, message.client_data_json, message.signature)


def sealed_subjects_of(messages: Iterable[pb.SealedSubject]) -> dict[str, bytes]:
    """The envelope of each agency; INVALID_ARGUMENT when an agency comes twice."""
    envelopes: dict[str, bytes] = {}
    for message in messages:
        if message.agency_id in envelopes:
            raise HuilianError("INVALID_ARGUMENT", f"{message.agency_id} is named twice", field="sealed_subjects")
        envelopes[message.agency_id] = message.envelope
    return envelopes


def consent_message(consent: Consent) -> pb.Consent:
    """A consent as its owner sees it."""
    artefact, resumption = consent.artefact, consent.resumption
    revoked = consent.state is State.REVOKED
    return pb.Consent(
        consent_id=artefact.id,
        state=_STATES[consent.state],
        signed_consent=consent.signed or b"",
        purpose_code=artefact.purpose.code,
        recipient_id=artefact.recipient.id,
        datasets=[_scope_message(grant) for grant in artefact.datasets],
        actions=[_action_message(grant) for grant in artefact.actions],
        max_reads=artefact.max_reads,
        valid_until_time=timestamp(artefact.valid_until),
        granted_time=timestamp(consent.granted_at),
        revoked_time=timestamp(consent.ended_at if revoked else None),
        grant_record_id=grant_record_id(artefact.id, artefact.version) if consent.signed else "",
        revocation_record_id=revocation_record_id(artefact.id) if revoked else "",
        version=artefact.version,
        artefact_sha256=artefact.sha256,
        revoked_dataset_ids=sorted(consent.stopped),
        resumption_statement=b"" if resumption is None else resumption.canonical(),
        subject_id=artefact.subject,
        signer_id=artefact.signer or "",
        ended_time=timestamp(consent.ended_at),
    )


def _scope_message(grant: DatasetGrant) -> pb.DatasetScope:
    period = common_pb2.MonthPeriod(from_month=grant.period.from_month, to_month=grant.period.to_month)
    return pb.DatasetScope(dataset_id=grant.id, fields=grant.fields, period=period)


def _action_message(grant: ActionGrant) -> pb.ActionScope:
    commitment = b64u_decode(grant.parameters_commitment) if grant.parameters_commitment is not None else b""
    return pb.ActionScope(
        action_id=grant.id,
        max_uses=grant.max_uses,
        max_amount_fen=grant.max_amount_fen,
        parameters_commitment=commitment,
    )


def purpose_message(purpose: Purpose) -> pb.Purpose:
    """A purpose with its upper bounds."""
    return pb.Purpose(
        code=purpose.code,
        text_zh=purpose.text_zh,
        text_en=purpose.text_en,
        max_reads=purpose.max_reads,
        max_data_life_days=purpose.max_data_life_days,
        max_valid_days=purpose.max_validity_days,
        max_period_months=purpose.max_period_months,
        recipient_ids=sorted(purpose.recipients),
        max_actions=purpose.max_actions,
        max_uses=purpose.max_uses,
        max_amount_fen=purpose.max_amount_fen,
    )


def notice_message(notice: Notice) -> pb.WatchRevocationsResponse:
    """One message of the status stream."""
    return pb.WatchRevocationsResponse(
        cursor=notice.cursor,
        consent_id=notice.consent_id,
        revoked_time=timestamp(notice.as_of if notice.consent_id else None),
        as_of_time=timestamp(notice.as_of),
        change=pb.ConsentChange.Value(f"CONSENT_CHANGE_{notice.change.name if notice.change else 'UNSPECIFIED'}"),
        version=notice.version,
        dataset_id=notice.dataset_id,
        pause_id=notice.pause_id,
        artefact_sha256=notice.artefact_sha256,
        resumption=notice.resumption,
    )
