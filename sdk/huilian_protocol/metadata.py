"""Names of the gRPC metadata that client and hub agree on."""

from __future__ import annotations

__all__ = ["AUTHORIZATION", "BEARER", "REPLAYED", "RETRY_PUSHBACK_MS", "TRACE_ID"]

# Request: "authorization: Bearer <access token>" (RFC 6750).
AUTHORIZATION = "authorization"
BEARER = "Bearer "

# Request and response: the id that all log lines of one call carry.
TRACE_ID = "huilian-trace-id"

# Response trailer, "true": this is the first answer to the same request id, given again; nothing was done twice.
REPLAYED = "huilian-replayed"

# Response trailer, gRPC's own (gRFC A6): milliseconds to wait before a retry; negative means do not retry.
RETRY_PUSHBACK_MS = "grpc-retry-pushback-ms"
