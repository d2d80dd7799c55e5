"""Life of our registration at the register of movable assets, as a table, and who ranks first. Pure.

A registration is asked for with the claim on the chain and made once the claim is ours: the register is searched first,
a prior registration of another party ends it. It lives as long as the claim does; one that ran out under a claim is
asked for anew, and ranks by its new time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from huilian_protocol.errors import HuilianError

TERM: Final = timedelta(days=365)
EXTEND_BEFORE: Final = timedelta(days=30)


class RegistrationState(StrEnum):
    """Where a registration stands; REQUESTED until the register was searched."""

    REQUESTED = "REQUESTED"
    QUERIED = "QUERIED"
    CONFLICTED = "CONFLICTED"
    REGISTERED = "REGISTERED"
    AMENDED = "AMENDED"
    EXTENDED = "EXTENDED"
    OBJECTED = "OBJECTED"
    RELEASING = "RELEASING"
    DEREGISTERED = "DEREGISTERED"
    EXPIRED = "EXPIRED"


class RegistrationEvent(StrEnum):
    """What can happen to it."""

    QUERY = "QUERY"
    CONFLICT = "CONFLICT"
    REGISTER = "REGISTER"
    AMEND = "AMEND"
    EXTEND = "EXTEND"
    OBJECT = "OBJECT"
    RELEASE = "RELEASE"
    DEREGISTER = "DEREGISTER"
    EXPIRE = "EXPIRE"
    RENEW = "RENEW"


_S, _E = RegistrationState, RegistrationEvent
LIVE = (_S.REGISTERED, _S.AMENDED, _S.EXTENDED, _S.OBJECTED)
_AFTER_REGISTERING = {
    _E.AMEND: _S.AMENDED,
    _E.EXTEND: _S.EXTENDED,
    _E.OBJECT: _S.OBJECTED,
    _E.RELEASE: _S.RELEASING,
    _E.EXPIRE: _S.EXPIRED,
}
TRANSITIONS: Mapping[tuple[RegistrationState, RegistrationEvent], RegistrationState] = {
    (_S.REQUESTED, _E.QUERY): _S.QUERIED,
    (_S.REQUESTED, _E.RELEASE): _S.RELEASING,
    # Searched again at every attempt: what was clear before an outage may not be after it.
    (_S.QUERIED, _E.QUERY): _S.QUERIED,
    (_S.QUERIED, _E.CONFLICT): _S.CONFLICTED,
    (_S.QUERIED, _E.REGISTER): _S.REGISTERED,
    (_S.QUERIED, _E.RELEASE): _S.RELEASING,
    **{(state, event): after for state in LIVE for event, after in _AFTER_REGISTERING.items()},
    (_S.RELEASING, _E.DEREGISTER): _S.DEREGISTERED,
    (_S.EXPIRED, _E.RENEW): _S.REQUESTED,
}


def next_state(state: RegistrationState, event: RegistrationEvent) -> RegistrationState:
    """State after `event`; raises STATE_CONFLICT when the table has no such transition."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise HuilianError("STATE_CONFLICT", f"registration: {event} in state {state}", state=state) from None


def is_to_extend(expires_on: date, today: date) -> bool:
    """Whether a registration that must live on is extended today: thirty days before its end."""
    return today >= expires_on - EXTEND_BEFORE


@dataclass(frozen=True, slots=True)
class Interest:
    """What one lender has in a receivable: when it was registered, when the debtor was told of it, what was lent."""

    holder: str
    lent_fen: int
    registered_at: datetime | None = None
    notified_at: datetime | None = None


def ranked(interests: Sequence[Interest]) -> list[list[Interest]]:
    """Civil Code §768: registered before unregistered, by time; then by the time at which the debtor was told; then all
    others together. A group shares in proportion to what each lent; registrations of one moment are a group.
    """
    groups: dict[tuple[int, datetime | None], list[Interest]] = {}
    for interest in interests:
        groups.setdefault(_rank(interest), []).append(interest)
    order = sorted(groups, key=lambda rank: (rank[0], rank[1].timestamp() if rank[1] else 0))
    return [groups[rank] for rank in order]


def shares(amount_fen: int, interests: Sequence[Interest]) -> dict[str, int]:
    """What each holder gets of an amount, in fen, by holder; nobody more than was lent, the sum never above the amount.

    In a group each gets its proportion, rounded down; the fen that are left go to the largest, then by name.
    """
    left_fen, given = amount_fen, {interest.holder: 0 for interest in interests}
    for group in ranked(interests):
        lent_fen = sum(interest.lent_fen for interest in group)
        there_fen = min(left_fen, lent_fen)
        left_fen -= there_fen
        for interest in group:
            given[interest.holder] += there_fen * interest.lent_fen // lent_fen if lent_fen else 0
        rest_fen = there_fen - sum(there_fen * one.lent_fen // lent_fen for one in group) if lent_fen else 0
        for interest in sorted(group, key=lambda one: (-one.lent_fen, one.holder))[:rest_fen]:
            given[interest.holder] += 1
    return given


def _rank(interest: Interest) -> tuple[int, datetime | None]:
    if interest.registered_at is not None:
        return (0, interest.registered_at)
    if interest.notified_at is not None:
        return (1, interest.notified_at)
    return (2, None)
