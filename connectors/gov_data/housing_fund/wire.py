"""How the housing fund's interface signs. The connector and the sandbox both follow this description, byte for byte.

A request is signed over method, path, application id, time, nonce and the body's SHA-256; an answer over the request's
nonce and the body's SHA-256, so that neither can be altered on the way or taken from another exchange.
"""

from __future__ import annotations

import hashlib
import hmac

QUERY_PATH = "/gjj/api/v2/account/query"


def _hmac_hex(secret: str, *parts: str) -> str:
    return hmac.new(secret.encode("utf-8"), "\n".join(parts).encode("utf-8"), hashlib.sha256).hexdigest()


def sign_request(secret: str, app_id: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The `X-Gjj-Signature` of a query, lower-case hex."""
    return _hmac_hex(secret, "POST", QUERY_PATH, app_id, timestamp, nonce, hashlib.sha256(body).hexdigest())


def sign_answer(secret: str, nonce: str, body: bytes) -> str:
    """The `X-Gjj-Signature` of the answer to the query that carried `nonce`."""
    return _hmac_hex(secret, nonce, hashlib.sha256(body).hexdigest())
