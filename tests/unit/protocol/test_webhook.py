"""A webhook's signature holds for one address, one body, one id and a few minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from huilian_protocol.webhook import ID_HEADER, event_of, sign_webhook, verify_webhook

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
KEY = ec.derive_private_key(5, ec.SECP256R1())
KEYS = {thumbprint(KEY.public_key()): KEY.public_key()}
URL = "https://erp.example.com:8443/hook?tenant=7"
ID = "n" * 32
BODY = event_of(ID, "LOAN_CALLED", NOW, ("loan", "loan-1"), "bank.example")
HEADERS = sign_webhook(KEY, URL, ID, BODY, NOW)


def test_what_was_signed_is_read() -> None:
    event = verify_webhook(KEYS, URL, HEADERS, BODY, NOW + timedelta(minutes=4))
    assert (event.id, event.kind, event.time, event.object_id, event.hub) == (
        ID, "LOAN_CALLED", NOW, "loan-1", "bank.example",
    )  # fmt: skip
    lower = {name.lower(): value for name, value in HEADERS.items()}
    assert verify_webhook(KEYS, URL, lower, BODY, NOW) == event


def _other(**changes: object) -> tuple[object, ...]:
    said: dict[str, object] = {"keys": KEYS, "url": URL, "headers": HEADERS, "body": BODY, "now": NOW}
    return tuple({**said, **changes}.values())


OTHER_KEY = ec.derive_private_key(6, ec.SECP256R1())


@pytest.mark.parametrize(
    "changed",
    [
        _other(keys={}),
        _other(keys={thumbprint(KEY.public_key()): OTHER_KEY.public_key()}),
        _other(url="https://other.example.com/hook"),
        _other(url=URL + "&x=1"),
        _other(body=BODY.replace(b"loan-1", b"loan-2")),
        _other(body=b""),
        _other(now=NOW + timedelta(minutes=6)),
        _other(now=NOW - timedelta(minutes=6)),
        _other(headers={**HEADERS, ID_HEADER: "m" * 32}),
        _other(headers={name: value for name, value in HEADERS.items() if name != "Content-Digest"}),
        _other(headers={**HEADERS, "Content-Type": "text/plain"}),
        _other(headers={}),
        _other(headers={**HEADERS, "Signature-Input": HEADERS["Signature-Input"].replace(' "content-digest"', "")}),
    ],
)
def test_anything_else_is_refused(changed: tuple[object, ...]) -> None:
    with pytest.raises(HuilianError, match="UNAUTHENTICATED"):
        verify_webhook(*changed)  # type: ignore[arg-type]


def test_a_signed_body_of_another_kind_is_no_event() -> None:
    body = b'{"type":"other"}'
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        verify_webhook(KEYS, URL, sign_webhook(KEY, URL, ID, body, NOW), body, NOW)
