"""What a hub posts to a partner's address, and how it is signed: HTTP Message Signatures (RFC 9421) by ECDSA P-256 with
the hub's published key, over method, whole address, content type, content digest (RFC 9530) and the notification's id.

Partner and hub share no secret: the partner checks with the keys that it pins or fetches from the hub's key set, and a
message to one address is none to another. The same notification can come twice: `id` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)

from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.clock import format_time, parse_time
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint

CONTENT_TYPE: Final = "application/json"
ID_HEADER: Final = "Huilian-Notification-Id"
LABEL: Final = "huilian"
TAG: Final = "huilian-webhook"
TYPE: Final = "huilian-webhook/v1"
FRESH: Final = timedelta(minutes=5)
COVERED: Final = ("@method", "@target-uri", "content-type", "content-digest", ID_HEADER.lower())
_MEMBERS = {"type", "id", "kind", "time", "object", "hub"}


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What a receiver learns: something of this kind happened to this object; more it asks the hub for by `id`."""

    id: str
    kind: str
    time: datetime
    object_kind: str
    object_id: str
    hub: str


@dataclass
class _Request:
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def event_of(notification_id: str, kind: str, time: datetime, about: tuple[str, str], hub: str) -> bytes:
    """The body: canonical JSON, ids only. `about` is the object's kind and id, `hub` the hub's origin."""
    said = {"kind": about[0], "id": about[1]}
    body = {"type": TYPE, "id": notification_id, "kind": kind, "time": format_time(time), "object": said, "hub": hub}
    return canonicalise(body)


def sign_webhook(
    key: ec.EllipticCurvePrivateKey, url: str, notification_id: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The headers of a signed POST of this body to this address."""
    request = _Request(url, {"Content-Type": CONTENT_TYPE, ID_HEADER: notification_id})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=_Own(key))
    signer.sign(
        request,
        key_id=thumbprint(key.public_key()),
        created=now,
        label=LABEL,
        tag=TAG,
        covered_component_ids=[each for each in COVERED if each != "content-digest"],
        body=body,
    )
    return request.headers


def verify_webhook(
    keys: Mapping[str, ec.EllipticCurvePublicKey],
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    fresh: timedelta = FRESH,
) -> WebhookEvent:
    """The event of a POST that arrived at `url` (as it was registered). `keys` are the hub's, by thumbprint.

    Raises UNAUTHENTICATED for what this hub did not sign for this address within `fresh`, INVALID_ARGUMENT for a body
    that is no event. Whether the id came before, the receiver knows.
    """
    request = _Request(url, dict(headers))
    verifier = _Verifier(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=_Theirs(keys))
    verifier.now, verifier.fresh = now, fresh
    try:
        verifier.verify(request, expect_tag=TAG, require_components=COVERED, body=body, max_age=None)
    except InvalidSignature as error:
        raise HuilianError("UNAUTHENTICATED", "not signed by this hub for this address") from error
    event = _event(body)
    if {name.lower(): value for name, value in headers.items()}[ID_HEADER.lower()] != event.id:
        raise HuilianError("UNAUTHENTICATED", "another notification's id")
    return event


def _event(body: bytes) -> WebhookEvent:
    try:
        said: Any = parse_json(body)
        if set(said) != _MEMBERS or said["type"] != TYPE:
            raise ValueError("other members")
        about = said["object"]
        return WebhookEvent(
            str(said["id"]), str(said["kind"]), parse_time(said["time"]), str(about["kind"]), str(about["id"]),
            str(said["hub"]),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError) as error:
        raise HuilianError("INVALID_ARGUMENT", "not a webhook's event", field="request") from error


class _Own(HTTPSignatureKeyResolver):
    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def resolve_private_key(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        return self._key


class _Theirs(HTTPSignatureKeyResolver):
    def __init__(self, keys: Mapping[str, ec.EllipticCurvePublicKey]) -> None:
        self._keys = keys

    def resolve_public_key(self, key_id: str) -> ec.EllipticCurvePublicKey | None:
        return self._keys.get(key_id)


class _Verifier(HTTPMessageVerifier):
    """The library's, at an instant that is given: it reads the real clock."""

    now: datetime
    fresh: timedelta

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        created = sig_input.params.get("created")
        if type(created) is not int or abs(self.now.timestamp() - created) > self.fresh.total_seconds():
            raise InvalidSignature("not fresh")
