"""How a :class:`HuilianError` crosses the wire: ``google.rpc.Status`` with ``ErrorInfo`` and one ``LocalizedMessage``
per language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2

from huilian_protocol.errors import HuilianError, catalogue

__all__ = ["DOMAIN", "from_rpc_error", "to_rpc_status"]

DOMAIN = "huilian"
_DETAIL = "detail"
_DETAILS_KEY = "grpc-status-details-bin"

# Statuses that gRPC itself (or a proxy) makes without our details; whatever is not listed means INTERNAL.
_BARE: Mapping[str, str] = {
    "CANCELLED": "UNAVAILABLE",
    "INVALID_ARGUMENT": "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED": "DEADLINE_EXCEEDED",
    "NOT_FOUND": "NOT_FOUND",
    "ALREADY_EXISTS": "ALREADY_EXISTS",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED": "RATE_LIMITED",
    "UNAVAILABLE": "UNAVAILABLE",
    "UNAUTHENTICATED": "UNAUTHENTICATED",
}


def to_rpc_status(error: HuilianError) -> status_pb2.Status:
    """The wire form of ``error``. The detail leaves only where the other side can mend the fault."""
    status = status_pb2.Status(code=code_pb2.Code.Value(error.entry.grpc), message=error.text_en)
    metadata = dict(error.params)
    if error.public_detail:
        metadata[_DETAIL] = error.public_detail
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN, metadata=metadata))
    status.details.add().Pack(error_details_pb2.LocalizedMessage(locale="zh-CN", message=error.text_zh))
    status.details.add().Pack(error_details_pb2.LocalizedMessage(locale="en", message=error.text_en))
    return status


def from_rpc_error(error: grpc.RpcError) -> HuilianError:
    """The :class:`HuilianError` that the other side raised, or the nearest code for a bare gRPC failure.

    Takes the errors of ``grpc`` and of ``grpc.aio``; a code that this version's catalogue does not know falls back the
    same way.
    """
    call: Any = error
    info = _error_info(call)
    if info is None or info.reason not in catalogue():
        return HuilianError(_BARE.get(call.code().name, "INTERNAL"), str(call.details() or ""))
    params = dict(info.metadata)
    known = HuilianError(info.reason, params.pop(_DETAIL, ""))
    known.params = params
    return known


def _error_info(call: Any) -> error_details_pb2.ErrorInfo | None:
    raw = next((value for key, value in call.trailing_metadata() or () if key == _DETAILS_KEY), None)
    if raw is None:
        return None
    try:
        return _find(status_pb2.Status.FromString(raw))
    except DecodeError:
        return None


def _find(status: status_pb2.Status) -> error_details_pb2.ErrorInfo | None:
    for item in status.details:
        info = error_details_pb2.ErrorInfo()
        if item.Is(info.DESCRIPTOR) and item.Unpack(info) and info.domain == DOMAIN:
            return info
    return None
