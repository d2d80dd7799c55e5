"""Who is asking. The edge sets it once per call; rules and services read it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller may be. A citizen acts for themselves, an enterprise for its own USCC, the others are services."""

    ANONYMOUS = "anonymous"
    CITIZEN = "citizen"
    ENTERPRISE = "enterprise"
    CHANNEL = "channel"
    CONNECTOR = "connector"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    # Another bank's hub of the same consortium.
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller: a citizen's id is the network number, an enterprise's the USCC, a service's its certificate name."""

    id: str
    role: Role


ANONYMOUS = Caller(id="anonymous", role=Role.ANONYMOUS)

_current: ContextVar[Caller] = ContextVar("huilian_caller", default=ANONYMOUS)


def current_caller() -> Caller:
    """The caller of the running request; ANONYMOUS outside one."""
    return _current.get()


def set_current_caller(caller: Caller) -> None:
    """Say who is asking, for the rest of the current task. The interceptor and tests call this, nobody else."""
    _current.set(caller)
