"""How the credit bureau's interface is spoken: paths, headers, states, and the signature over a finished report."""

from __future__ import annotations

import hashlib
import hmac

TOKEN_PATH = "/oauth2/token"  # noqa: S105  a path
REQUESTS_PATH = "/credit/v2/report-requests"
SIGNATURE_HEADER = "X-Report-Signature"
PROCESSING, READY, NO_RECORD = "PROCESSING", "READY", "NO_RECORD"
# Why a report is asked for: 02 means that a loan is decided; each such inquiry shows in the person's next report.
LOAN_DECISION = "02"


def ticket_path(ticket: str) -> str:
    """Where the state of a request stands."""
    return f"{REQUESTS_PATH}/{ticket}"


def sign(key: str, ticket: str, body: bytes) -> str:
    """The signature over the answer to this ticket: a report cannot be passed off as the report to another request."""
    text = f"{ticket}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.new(key.encode("utf-8"), text.encode("utf-8"), hashlib.sha256).hexdigest()
