"""Actions in a person's name as the hub sees them, and the record that is kept of each. Pure.

The parameters are sealed to the agency: the hub knows which action, at most how often and for how much, not which fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from huilian_protocol.artefact import ActionGrant, Artefact
from huilian_protocol.canonical import b64u_encode, canonicalise
from huilian_protocol.clock import format_time
from huilian_protocol.errors import Fault, HuilianError

from hub.exchange.resilience import NotSent
from hub.exchange.rules import Outcome

ACTION_RECORD_TYPE = "action"
EXECUTED, REJECTED = "EXECUTED", "REJECTED"
# The state by which an edge says that nothing was done under this request id and nothing ever will be.
VOID = "void"
# These say nothing of what became of the request, whoever is to blame.
_OPEN_ENDED = frozenset({"DEADLINE_EXCEEDED", "UNAVAILABLE", "INTERNAL"})
_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True)
class Action:
    """One wanted action. The request id comes from the person and travels to the edge."""

    request_id: str
    consent_id: str
    action: str
    sealed_parameters: bytes

    @property
    def fingerprint(self) -> bytes:
        """What makes two requests with the same id the same request."""
        sealed = b64u_encode(sha256(self.sealed_parameters).digest())
        return sha256(canonicalise([self.consent_id, self.action, sealed])).digest()


@dataclass(frozen=True)
class Order:
    """An action as it was ordered under a consent; `row_id` names it among all persons' orders."""

    row_id: str
    request_id: str
    action: str
    artefact: Artefact
    agency: str

    @property
    def grant(self) -> ActionGrant:
        """What the person allowed of this action. Raises ACTION_NOT_GRANTED."""
        for grant in self.artefact.actions:
            if grant.id == self.action:
                return grant
        raise HuilianError("ACTION_NOT_GRANTED", "not among the granted actions", action=self.action)


def action_row_id(requested_by: str, request_id: str) -> str:
    """The name of an order among all persons' orders."""
    return f"{requested_by}/{request_id}"


def proves_nothing_done(error: HuilianError, tries: int) -> bool:
    """Whether a failed try proves that nothing was done and nothing will be; in every other case nobody knows.

    The edge says so of a request that it voided. A refusal says so when it answers the only try there ever was: the
    edge refuses before it begins. The same refusal of a later try may follow an earlier one that was carried out.
    """
    if error.code == "STATE_CONFLICT" and error.params.get("state") == VOID:
        return True
    if tries > 1:
        return False
    return isinstance(error, NotSent) or is_refusal(error)


def is_refusal(error: HuilianError) -> bool:
    """Whether the edge said no, rather than failed."""
    return error.code not in _OPEN_ENDED and error.entry.fault in {Fault.CALLER, Fault.PERSON}


def pause_after(tries: int) -> timedelta:
    """How long an action whose end is unknown is left alone: doubling from 2 s to 5 min."""
    return min(timedelta(seconds=1 << min(tries, 20)), _LONGEST_PAUSE)


def action_record(order: Order, outcome: Outcome, at: datetime) -> dict[str, Any]:
    """What is kept of one action: who, what, why, when, outcome; never its parameters or its amount."""
    artefact = order.artefact
    return {
        "type": "huilian-action/v1",
        "request_id": order.request_id,
        "consent_id": artefact.id,
        "consent_sha256": b64u_encode(artefact.sha256),
        "recipient": artefact.recipient.id,
        "requested_by": artefact.subject,
        "purpose": artefact.purpose.code,
        "agency": order.agency,
        "action": order.action,
        "outcome": str(outcome),
        "refused_by": outcome.refused_by,
        "at": format_time(at),
    }
