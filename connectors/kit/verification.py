"""The edge's own judgement of a read, made from pinned trust anchors and nothing that the hub says.

Nothing here touches the network or a disk; quota, revocation and repetition are `store.py`'s, which judges them in the
same transaction that counts the read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from huilian_protocol.artefact import Artefact, EvidenceLevel, Period
from huilian_protocol.clock import Clock
from huilian_protocol.consent import VerifiedConsent, verify_evidence
from huilian_protocol.errors import HuilianError
from huilian_protocol.identity import Identity
from huilian_protocol.purposes import PurposeList
from huilian_protocol.recipient_keys import Stated
from huilian_protocol.resumption import Resumption, verify_resumption
from huilian_protocol.sealing import OpeningKey, Suite, open_sealed, subject_info
from huilian_protocol.trust import TrustAnchors

from connectors.kit import months
from connectors.kit.contract import Subject, SubjectKind
from connectors.kit.manifest import DatasetSpec, Manifest
from connectors.kit.requests import ReadRequest

REMEMBERED_CONSENTS = 1_024


@dataclass(frozen=True, slots=True)
class VerifiedRead:
    """A read that the person allowed, and whose record it is about."""

    artefact: Artefact
    dataset: DatasetSpec
    subject: Subject
    period: months.Period
    suite: Suite
    delegations: tuple[bytes, ...] = ()
    stated: Stated | None = None


class ReadVerifier:
    """Judges reads for one agency. `sealing_key` opens what was sealed to the agency; `trust` may change any time."""

    def __init__(
        self,
        manifest: Manifest,
        trust: TrustAnchors | Callable[[], TrustAnchors],
        sealing_key: OpeningKey,
        clock: Clock,
        purposes: PurposeList | None = None,
    ) -> None:
        self._manifest = manifest
        self._trust = trust if callable(trust) else lambda: trust
        self._believed = self._trust()
        self._sealing_key = sealing_key
        self._clock = clock
        # Pinned with the edge: what goes beyond it is refused, whatever person and hub have signed.
        self._purposes = purposes or PurposeList.published()
        self._verified: dict[bytes, VerifiedConsent] = {}

    def verify(self, request: ReadRequest) -> VerifiedRead:
        """Check everything that the request proves by itself.

        Raises HuilianError UNKNOWN_DATASET, UNKNOWN_FIELD or INVALID_ARGUMENT for what no consent could allow; what
        `verify_evidence` raises for a consent that does not hold; PURPOSE_LIMIT_EXCEEDED for one beyond what its
        purpose allows anybody; UNKNOWN_PURPOSE, EVIDENCE_LEVEL_TOO_LOW,
        FIELD_NOT_GRANTED, PERIOD_NOT_GRANTED, PURPOSE_LIMIT_EXCEEDED or RECIPIENT_KEY_MISMATCH for a read beyond it;
        SEALED_DATA_INVALID or SUBJECT_MISMATCH for a person who did not sign it.
        """
        dataset = self._known_dataset(request)
        period = _months(request.period)
        evidence = self.evidence(request.signed_consent)
        self._check_terms(evidence.artefact, dataset, request, period)
        # The request carries the key itself; its id ties it to the recipient that the person saw and signed.
        suite = self._manifest.key_for(evidence.artefact.recipient, request.recipient_public_key)
        subject = self.open_subject(evidence, request.sealed_subject)
        if subject.kind not in dataset.subjects:
            raise HuilianError("SUBJECT_MISMATCH", f"{dataset.id} is not about a {subject.kind}")
        stated = self.stated(evidence.artefact)
        return VerifiedRead(evidence.artefact, dataset, subject, period, suite, evidence.delegations, stated)

    def evidence(self, signed_consent: bytes) -> VerifiedConsent:
        """`verify_evidence`, remembering what does not change: signatures over the very same bytes stay good.

        What does change with time, the validity of consent and binding, is judged every time.
        """
        trust = self._trust()
        if trust is not self._believed:
            # Signatures that were good may be by a key that is trusted no longer.
            self._verified.clear()
            self._believed = trust
        now, name = self._clock.now(), hashlib.sha256(signed_consent).digest()
        known = self._verified.get(name)
        if known is None:
            known = verify_evidence(signed_consent, trust, now)
            self._purposes.check(known.artefact)
            trust.check_recipient(known.artefact.recipient, known.artefact.valid_from)
            if known.is_delegated:
                # Each link of a chain has times of its own, so such a consent is judged in full every time.
                return known
            if len(self._verified) >= REMEMBERED_CONSENTS:
                self._verified.pop(next(iter(self._verified)))
            self._verified[name] = known
        known.artefact.check_valid_at(now)
        if known.binding.expires_at <= now:
            raise HuilianError("BINDING_INVALID", "expired")
        return known

    def stated(self, artefact: Artefact) -> Stated | None:
        """Which statement of its recipient's keys a verified consent carries; None where no root is pinned."""
        return self._believed.stated(artefact.recipient)

    def resumption(self, signed: bytes) -> tuple[Resumption, str]:
        """`verify_resumption` as of now, by the trust anchors in force."""
        return verify_resumption(signed, self._trust(), self._clock.now())

    def _known_dataset(self, request: ReadRequest) -> DatasetSpec:
        dataset = self._manifest.dataset(request.dataset_id)
        if dataset is None:
            raise HuilianError("UNKNOWN_DATASET", "this agency does not offer it", dataset=request.dataset_id)
        unknown = next((name for name in request.fields if name not in dataset.fields), None)
        if unknown is not None:
            raise HuilianError("UNKNOWN_FIELD", "not in the schema", dataset=dataset.id, field=unknown)
        if not request.fields:
            raise HuilianError("INVALID_ARGUMENT", "a read names at least one field", field="fields")
        return dataset

    def _check_terms(
        self, artefact: Artefact, dataset: DatasetSpec, request: ReadRequest, period: months.Period
    ) -> None:
        if artefact.purpose.code not in dataset.purposes:
            raise HuilianError("UNKNOWN_PURPOSE", "not for this dataset", purpose=artefact.purpose.code)
        artefact.check_evidence(EvidenceLevel(dataset.least_evidence_level), dataset.id)
        artefact.check_read(dataset.id, request.fields, request.period)
        if len(period) > dataset.max_period_months:
            detail = f"{len(period)} months are more than {dataset.max_period_months}"
            raise HuilianError("PURPOSE_LIMIT_EXCEEDED", detail, purpose=artefact.purpose.code, limit="period")

    def open_subject(self, evidence: VerifiedConsent, sealed_subject: bytes) -> Subject:
        """Whom the consent is about; raises SEALED_DATA_INVALID or SUBJECT_MISMATCH for anybody else."""
        artefact = evidence.artefact
        info = subject_info(consent_id=artefact.id, subject=artefact.subject, agency=self._manifest.agency_id)
        identity = open_identity(sealed_subject, self._sealing_key, info)
        evidence.subject.check(identity.name, identity.resident_id, identity.salt)
        kind: SubjectKind = "person" if evidence.subject.enterprise is None else "enterprise"
        return Subject(identity.name, identity.resident_id, kind)


def open_identity(envelope: bytes, sealing_key: OpeningKey, info: Mapping[str, Any]) -> Identity:
    """The identity sealed to this key for this use; raises HuilianError SEALED_DATA_INVALID."""
    opened = open_sealed(envelope, sealing_key, info)
    try:
        return Identity.from_bytes(opened)
    except ValueError:
        # `from None`: the parser's message could quote the person's data.
        raise HuilianError("SEALED_DATA_INVALID", "the sealed identity is malformed") from None


def _months(period: Period) -> months.Period:
    try:
        return months.Period.parse(period.from_month, period.to_month)
    except ValueError as error:
        raise HuilianError("INVALID_ARGUMENT", str(error), field="period") from error
