"""How the social insurance gateway encrypts: SM4-GCM (GB/T 32907) over the JSON body, context bound as associated data.

A request's context is application id, service code and time; an answer's is the request's nonce and the answer's time,
so an answer to one query cannot be passed off as the answer to another.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from huilian_protocol.canonical import parse_json

QUERY_PATH = "/sige/gateway.do"
CONTRIBUTIONS, CARD, PING = "SI.PAY.QUERY", "SI.CARD.QUERY", "SI.PING"
NONCE_BYTES = 12
_TAG_BYTES = 16


def encrypt(key_hex: str, nonce: bytes, context: str, value: Mapping[str, Any]) -> str:
    """The JSON of `value` encrypted, tag at the end, in base64. A nonce must never serve twice under one key."""
    cipher = Cipher(algorithms.SM4(bytes.fromhex(key_hex)), modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(context.encode("utf-8"))
    text = json.dumps(value, ensure_ascii=False).encode("utf-8")
    return base64.b64encode(cipher.update(text) + cipher.finalize() + cipher.tag).decode("ascii")


def decrypt(key_hex: str, nonce: bytes, context: str, sealed: str) -> dict[str, Any]:
    """The JSON object inside; ValueError when it was made with another key, nonce or context, or is no object."""
    raw = base64.b64decode(sealed, validate=True)
    if len(nonce) != NONCE_BYTES or len(raw) < _TAG_BYTES:
        raise ValueError("too short")
    mode = modes.GCM(nonce, raw[-_TAG_BYTES:])
    cipher = Cipher(algorithms.SM4(bytes.fromhex(key_hex)), mode).decryptor()
    cipher.authenticate_additional_data(context.encode("utf-8"))
    try:
        text = cipher.update(raw[:-_TAG_BYTES]) + cipher.finalize()
    except InvalidTag:
        raise ValueError("does not decrypt") from None
    value = parse_json(text)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value
