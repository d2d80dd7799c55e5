"""The states of an application for an account, as a table: what is not in it cannot happen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from huilian_protocol.errors import HuilianError


class OpeningState(StrEnum):
    """See `OpeningState` of the protocol."""

    DRAFT = "DRAFT"
    NEEDS_CORRECTION = "NEEDS_CORRECTION"
    REFERRED = "REFERRED"
    PASSED = "PASSED"
    BOOKED = "BOOKED"
    INCOMPLETE = "INCOMPLETE"
    OPENED = "OPENED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"

    @property
    def over(self) -> bool:
        """Whether nothing can happen any more."""
        return self in (OpeningState.OPENED, OpeningState.REFUSED, OpeningState.WITHDRAWN, OpeningState.EXPIRED)


class OpeningEvent(StrEnum):
    """What happens to an application. PASS, CORRECT, REFER and REFUSE are results of a check or of a person."""

    UPLOAD = "UPLOAD"
    PASS = "PASS"  # noqa: S105  an event
    CORRECT = "CORRECT"
    REFER = "REFER"
    REFUSE = "REFUSE"
    BOOK = "BOOK"
    CANCEL = "CANCEL"
    OPEN = "OPEN"
    MISS = "MISS"
    WITHDRAW = "WITHDRAW"
    EXPIRE = "EXPIRE"


_S, _E = OpeningState, OpeningEvent
_RESULTS = {
    _E.PASS: _S.PASSED,
    _E.CORRECT: _S.NEEDS_CORRECTION,
    _E.REFER: _S.REFERRED,
    _E.REFUSE: _S.REFUSED,
}
_UPLOADING = (_S.DRAFT, _S.NEEDS_CORRECTION)
TRANSITIONS: Mapping[tuple[OpeningState, OpeningEvent], OpeningState] = {
    **{(state, _E.UPLOAD): state for state in _UPLOADING},
    **{(state, event): after for state in _UPLOADING for event, after in _RESULTS.items()},
    # A person settles it; nobody refers it again.
    **{(_S.REFERRED, event): after for event, after in _RESULTS.items() if event is not _E.REFER},
    **{(state, _E.BOOK): _S.BOOKED for state in (_S.PASSED, _S.INCOMPLETE, _S.BOOKED)},
    (_S.BOOKED, _E.CANCEL): _S.PASSED,
    (_S.BOOKED, _E.OPEN): _S.OPENED,
    (_S.BOOKED, _E.MISS): _S.INCOMPLETE,
    # The registry is asked once more at the visit, and may have changed its mind.
    **{(_S.BOOKED, event): after for event, after in _RESULTS.items() if event is not _E.PASS},
    **{(state, _E.WITHDRAW): _S.WITHDRAWN for state in _S if not state.over},
    # What waits for the bank does not run out.
    **{(state, _E.EXPIRE): _S.EXPIRED for state in (*_UPLOADING, _S.PASSED, _S.BOOKED, _S.INCOMPLETE)},
}


def next_state(state: OpeningState, event: OpeningEvent) -> OpeningState:
    """The state after an event. Raises STATE_CONFLICT for what cannot happen in a state."""
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise HuilianError("STATE_CONFLICT", f"no {event} now", state=state)
    return after
