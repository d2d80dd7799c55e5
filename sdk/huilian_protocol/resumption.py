"""Resuming a paused consent: a statement that the signer's device signs, so that no hub can undo a pause by itself.

Stopping needs no more than a session (PIPL article 15: withdrawing is as easy as consenting); going on needs the key.
The statement names the consent, the SHA-256 of its artefact and the pause that it ends, so it is good once, for that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huilian_protocol.artefact import MAX_VERSION
from huilian_protocol.binding import verify_binding
from huilian_protocol.canonical import b64u_encode, canonicalise, parse_canonical, sha256_canonical
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import MAX_TOKEN_CHARS
from huilian_protocol.strict import bytes_at, integer_at, matching_at, object_with, text_at
from huilian_protocol.trust import TrustAnchors
from huilian_protocol.webauthn import Assertion, verify_assertion

__all__ = ["Resumption", "SignedResumption", "parse_resumption", "verify_resumption"]

TYPE = "huilian-resumption/v1"
MAX_BYTES = 32 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)


@dataclass(frozen=True)
class Resumption:
    """What is signed: this consent, in this version, goes on after this pause."""

    consent_id: str
    version: int
    artefact_sha256: bytes
    pause_id: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "type": TYPE,
            "consent_id": self.consent_id,
            "version": self.version,
            "artefact_sha256": b64u_encode(self.artefact_sha256),
            "pause_id": self.pause_id,
        }

    def canonical(self) -> bytes:
        """The canonical JSON that the person is shown and signs."""
        return canonicalise(self.to_dict())

    @property
    def sha256(self) -> bytes:
        """The challenge of the device's assertion."""
        return sha256_canonical(self.to_dict())


@dataclass(frozen=True)
class SignedResumption:
    """The statement with the device's assertion and the binding of its key."""

    statement: Resumption
    binding: str
    assertion: Assertion

    def to_bytes(self) -> bytes:
        """The canonical JSON that hubs pass on to edges."""
        return canonicalise(
            {
                "assertion": self.assertion.to_dict(),
                "binding": self.binding,
                "statement": self.statement.to_dict(),
            }
        )

    def verify(self, trust: TrustAnchors, now: datetime) -> str:
        """Whose device signed it (a network number).

        Raises :class:`HuilianError` BINDING_INVALID or ASSERTION_INVALID.
        """
        bound = verify_binding(self.binding, trust.identity_authority_keys, now)
        verify_assertion(self.assertion, bound.device_key, self.statement.sha256, trust.rp_id, trust.origin)
        return bound.subject


def parse_resumption(raw: Any) -> Resumption:
    """Read a statement from its canonical bytes or JSON form. Raises :class:`HuilianError` ARTEFACT_INVALID."""
    try:
        return _read(parse_canonical(raw) if isinstance(raw, bytes) else raw)
    except (ValueError, TypeError) as error:
        raise HuilianError("ARTEFACT_INVALID", f"resumption: {error}") from error


def verify_resumption(data: bytes, trust: TrustAnchors, now: datetime) -> tuple[Resumption, str]:
    """The statement in a signed resumption and whose device signed it. Whether that person may resume this consent is
    for whoever knows the artefact.

    Raises :class:`HuilianError` ARTEFACT_INVALID, BINDING_INVALID or ASSERTION_INVALID.
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("too large")
        value = object_with(parse_canonical(data), ["assertion", "binding", "statement"], "signed resumption")
        binding = text_at(value, "binding", most=MAX_TOKEN_CHARS)
        signed = SignedResumption(_read(value["statement"]), binding, Assertion.from_dict(value["assertion"]))
    except (ValueError, TypeError) as error:
        raise HuilianError("ARTEFACT_INVALID", f"resumption: {error}") from error
    return signed.statement, signed.verify(trust, now)


def _read(raw: Any) -> Resumption:
    value = object_with(raw, ["artefact_sha256", "consent_id", "pause_id", "type", "version"], "resumption")
    if value["type"] != TYPE:
        raise ValueError("another type")
    return Resumption(
        consent_id=matching_at(value, "consent_id", _NAME),
        version=integer_at(value, "version", 1, MAX_VERSION),
        artefact_sha256=bytes_at(value, "artefact_sha256", 32),
        pause_id=matching_at(value, "pause_id", _NAME),
    )
