"""The edge's own judgement of an action: did this person allow exactly this, and may the recipient do it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jsonschema_rs
from huilian_protocol.action import ActionParameters, commit_parameters, parameters_info, result_info
from huilian_protocol.artefact import ActionGrant, Artefact, EvidenceLevel
from huilian_protocol.errors import HuilianError
from huilian_protocol.recipient_keys import Stated
from huilian_protocol.sealing import OpeningKey, Suite, open_sealed, seal

from connectors.kit.contract import JsonValue, Subject
from connectors.kit.manifest import ActionSpec, Manifest
from connectors.kit.requests import ActRequest
from connectors.kit.verification import ReadVerifier


@dataclass(frozen=True, slots=True)
class VerifiedAction:
    """An action that the person allowed, for whom, and with what."""

    artefact: Artefact
    spec: ActionSpec
    grant: ActionGrant
    subject: Subject
    parameters: Mapping[str, JsonValue]
    suite: Suite
    delegations: tuple[bytes, ...] = ()
    stated: Stated | None = None

    def target(self) -> str:
        """What is acted on, such as the number of a fine."""
        return str(self.parameters[self.spec.target])


class ActionVerifier:
    """Judges actions for one agency. `reads` judges consents; `sealing_key` opens what was sealed to the agency."""

    def __init__(self, manifest: Manifest, reads: ReadVerifier, sealing_key: OpeningKey) -> None:
        self._manifest, self._reads, self._sealing_key = manifest, reads, sealing_key
        self._validators = {
            spec.id: jsonschema_rs.Draft202012Validator(spec.parameters_schema, validate_formats=True)
            for spec in manifest.actions
        }

    def verify(self, request: ActRequest) -> VerifiedAction:
        """Check everything that the request proves by itself.

        Raises HuilianError NOT_FOUND for an unknown action; what `ReadVerifier.evidence` and `open_subject` raise;
        UNKNOWN_PURPOSE, EVIDENCE_LEVEL_TOO_LOW or RECIPIENT_KEY_MISMATCH for what the consent is not for;
        SEALED_DATA_INVALID or INVALID_ARGUMENT for parameters that do not open or fit; ACTION_NOT_GRANTED or
        LIMIT_EXCEEDED for an action beyond it.
        """
        spec = self._manifest.action(request.action_id)
        if spec is None:
            raise HuilianError("NOT_FOUND", "this agency does not offer it", resource=f"action {request.action_id}")
        evidence = self._reads.evidence(request.signed_consent)
        artefact = evidence.artefact
        _check_terms(artefact, spec)
        suite = self._manifest.key_for(artefact.recipient, request.recipient_public_key)
        _check_sealable(artefact, suite, request)
        subject = self._reads.open_subject(evidence, request.sealed_subject)
        if subject.kind != "person":
            raise HuilianError("SUBJECT_MISMATCH", "actions are done for persons")
        parameters = self._open_parameters(artefact, request)
        self._check_parameters(spec, parameters)
        grant = _granted(artefact, spec, parameters)
        known = (evidence.delegations, self._reads.stated(artefact))
        return VerifiedAction(artefact, spec, grant, subject, parameters.values, suite, *known)

    def _open_parameters(self, artefact: Artefact, request: ActRequest) -> ActionParameters:
        info = parameters_info(
            action=request.action_id,
            agency=self._manifest.agency_id,
            consent_id=artefact.id,
            request_id=request.request_id,
            subject=artefact.subject,
        )
        opened = open_sealed(request.sealed_parameters, self._sealing_key, info)
        try:
            return ActionParameters.from_bytes(opened)
        except ValueError:
            # `from None`: the parser's message could quote what was sealed.
            raise HuilianError("SEALED_DATA_INVALID", "the sealed parameters are malformed") from None

    def _check_parameters(self, spec: ActionSpec, parameters: ActionParameters) -> None:
        error = next(self._validators[spec.id].iter_errors(dict(parameters.values)), None)
        if error is not None:
            where = ".".join(str(step) for step in error.instance_path) or "parameters"
            raise HuilianError("INVALID_ARGUMENT", f"breaks the parameters of {spec.id}", field=where)


def _check_terms(artefact: Artefact, spec: ActionSpec) -> None:
    if artefact.purpose.code not in spec.purposes:
        raise HuilianError("UNKNOWN_PURPOSE", "not for this action", purpose=artefact.purpose.code)
    artefact.check_evidence(EvidenceLevel(spec.least_evidence_level), spec.id)


def _check_sealable(artefact: Artefact, suite: Suite, request: ActRequest) -> None:
    """A receipt that could not be sealed would be lost after the money has moved, so that is tried first."""
    info = result_info(
        consent_sha256=artefact.sha256,
        purpose=artefact.purpose.code,
        action=request.action_id,
        recipient=artefact.recipient.id,
        request_id=request.request_id,
    )
    try:
        seal(suite, request.recipient_public_key, info, b"")
    except ValueError as error:
        raise HuilianError("RECIPIENT_KEY_MISMATCH", "the key does not fit the suite") from error


def _granted(artefact: Artefact, spec: ActionSpec, parameters: ActionParameters) -> ActionGrant:
    amount = parameters.values[spec.amount] if spec.amount is not None else 0
    assert isinstance(amount, int), "the schema says integer"
    grant = artefact.check_action(spec.id, amount, commit_parameters(parameters))
    if spec.needs_exact_consent and grant.parameters_commitment is None:
        raise HuilianError("ACTION_NOT_GRANTED", "the person must sign the very parameters", action=spec.id)
    return grant
