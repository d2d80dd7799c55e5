"""The exceptions that calls raise.

::

    HuilianError                        code, entry, params, text_zh, text_en
    ├── CallerError                     change the call
    │   ├── InvalidInputError           the input breaks a rule
    │   ├── AuthenticationError         credentials missing, invalid or expired
    │   ├── RefusedError                not allowed, or a signature or proof does not verify
    │   ├── NotFoundError
    │   ├── ConflictError               the state does not allow it, or the id was used before
    │   └── RateLimitedError
    ├── PersonError                     the person has to do something
    ├── ProviderError                   an agency, authority or ERP failed
    └── HubError                        the hub failed
        ├── UnavailableError            not reachable, or not ready yet; call again
        └── DeadlineError               the time ran out; call again with the same request id

Every one of them is a :class:`huilian_protocol.errors.HuilianError`, so ``except HuilianError`` catches all.
"""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from huilian_protocol.errors import CatalogueEntry, Fault, HuilianError
from huilian_protocol.status import from_rpc_error


class CallerError(HuilianError):
    """The call has to be changed."""


class InvalidInputError(CallerError):
    """The input breaks a rule."""


class AuthenticationError(CallerError):
    """The credentials are missing, invalid or expired."""


class RefusedError(CallerError):
    """The caller may not do this, or a signature or proof does not verify."""


class NotFoundError(CallerError):
    """There is no such thing, or the caller may not know of it."""


class ConflictError(CallerError):
    """The state of the object does not allow this, or the id was used before."""


class RateLimitedError(CallerError):
    """Too many calls."""


class PersonError(HuilianError):
    """The person has to do something, for example sign again."""


class ProviderError(HuilianError):
    """An agency, an authority or an ERP failed."""


class HubError(HuilianError):
    """The hub failed."""


class UnavailableError(HubError):
    """Not reachable or not ready yet."""


class DeadlineError(HubError):
    """The time for the call ran out. Whether it took effect, a repetition with the same request id will tell."""


_BY_STATUS: Mapping[Fault, Mapping[str, type[HuilianError]]] = {
    Fault.CALLER: {
        "INVALID_ARGUMENT": InvalidInputError,
        "UNAUTHENTICATED": AuthenticationError,
        "PERMISSION_DENIED": RefusedError,
        "NOT_FOUND": NotFoundError,
        "FAILED_PRECONDITION": ConflictError,
        "ALREADY_EXISTS": ConflictError,
        "RESOURCE_EXHAUSTED": RateLimitedError,
    },
    Fault.HUB: {"UNAVAILABLE": UnavailableError, "DEADLINE_EXCEEDED": DeadlineError},
    Fault.PERSON: {},
    Fault.PROVIDER: {},
}
_BY_FAULT: Mapping[Fault, type[HuilianError]] = {
    Fault.CALLER: CallerError,
    Fault.PERSON: PersonError,
    Fault.PROVIDER: ProviderError,
    Fault.HUB: HubError,
}


def typed(error: HuilianError) -> HuilianError:
    """The same error as its own class of the tree."""
    kind = _kind(error.entry)
    found = kind(error.code, error.detail)
    found.params = error.params
    return found


def from_grpc(error: grpc.RpcError) -> HuilianError:
    """The exception of the tree for a failed gRPC call."""
    return typed(from_rpc_error(error))


def _kind(entry: CatalogueEntry) -> type[HuilianError]:
    return _BY_STATUS[entry.fault].get(entry.grpc, _BY_FAULT[entry.fault])
