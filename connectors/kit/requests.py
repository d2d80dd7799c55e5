"""A read or an action as the edge takes it in and gives it out, without protobuf."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from huilian_protocol.artefact import Period
from huilian_protocol.canonical import b64u_encode, sha256_canonical


@dataclass(frozen=True, slots=True, repr=False)
class ReadRequest:
    """One wanted read. `fields` is sorted; `sealed_subject` opens with the agency's key only."""

    request_id: str
    signed_consent: bytes
    dataset_id: str
    fields: tuple[str, ...]
    period: Period
    sealed_subject: bytes
    recipient_public_key: bytes

    def fingerprint(self) -> bytes:
        """SHA-256 over everything asked: the same request id with another fingerprint is another request."""
        return sha256_canonical(
            {
                "dataset": self.dataset_id,
                "fields": list(self.fields),
                "period": str(self.period),
                "recipient_public_key": _digest(self.recipient_public_key),
                "sealed_subject": _digest(self.sealed_subject),
                "signed_consent": _digest(self.signed_consent),
            }
        )


@dataclass(frozen=True, slots=True, repr=False)
class ActRequest:
    """One wanted action. `sealed_subject` and `sealed_parameters` open with the agency's key only.

    `give_up` is no part of what is asked: it says that whoever asks again would rather know than act.
    """

    request_id: str
    signed_consent: bytes
    action_id: str
    sealed_subject: bytes
    sealed_parameters: bytes
    recipient_public_key: bytes
    give_up: bool = False

    def fingerprint(self) -> bytes:
        """SHA-256 over everything asked: the same request id with another fingerprint is another request."""
        return sha256_canonical(
            {
                "action": self.action_id,
                "recipient_public_key": _digest(self.recipient_public_key),
                "sealed_parameters": _digest(self.sealed_parameters),
                "sealed_subject": _digest(self.sealed_subject),
                "signed_consent": _digest(self.signed_consent),
            }
        )


def _digest(data: bytes) -> str:
    return b64u_encode(hashlib.sha256(data).digest())


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """A sealed answer with the edge's signature, and the aware UTC time at which the agency was asked."""

    envelope: bytes
    edge_signature: str
    read_at: datetime
