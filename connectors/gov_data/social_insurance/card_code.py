"""The code that an electronic social-security card (电子社保卡) shows: signed, short-lived, checked offline.

`SSC1.` payload `.` signature, both base64url: the payload is canonical JSON with an opaque card serial, status and end
of validity; the signature is Ed25519 by the administration. It says neither name nor number: whoever scans it learns
that this card is good at this moment, and can ask the administration about the serial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from huilian_protocol.canonical import b64u_decode, b64u_encode, canonicalise, parse_canonical
from huilian_protocol.clock import format_time, parse_time

PREFIX = "SSC1"
CODE_LIFE = timedelta(seconds=120)
ACTIVE, LOST = "ACTIVE", "LOST"


@dataclass(frozen=True, slots=True)
class CardCode:
    """What a code says. `valid_until` is aware UTC."""

    serial: str
    status: str
    valid_until: datetime


def issue_card(private_key: str, serial: str, status: str, now: datetime) -> str:
    """A code that is good for `CODE_LIFE`; `private_key` is 32 bytes in hex."""
    until = (now + CODE_LIFE).replace(microsecond=0)
    payload = canonicalise({"serial": serial, "status": status, "valid_until": format_time(until)})
    signature = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_key)).sign(payload)
    return f"{PREFIX}.{b64u_encode(payload)}.{b64u_encode(signature)}"


def check_card(code: str, public_key: str, now: datetime) -> CardCode:
    """Check a scanned code offline. ValueError, with a constant text, for one that is malformed, false or too old."""
    card = read_card(code, public_key)
    if not now < card.valid_until <= now + CODE_LIFE:
        raise ValueError("the code is not of this moment")
    return card


def read_card(code: str, public_key: str) -> CardCode:
    """What a code says that the administration signed, whenever that was. ValueError as `check_card`."""
    parts = code.split(".")
    if len(code) > 1_000 or len(parts) != 3 or parts[0] != PREFIX:
        raise ValueError("not the code of a card")
    payload = b64u_decode(parts[1])
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(b64u_decode(parts[2]), payload)
    except InvalidSignature:
        raise ValueError("not signed by the administration") from None
    value = parse_canonical(payload)
    return CardCode(str(value["serial"]), str(value["status"]), parse_time(value["valid_until"]))


def card_public_key(credentials: Mapping[str, str]) -> str:
    """The administration's public key, which it publishes: 32 bytes in hex."""
    return credentials["card_public_key"]
