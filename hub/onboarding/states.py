"""The states of an enterprise's verification, as a table. Each check passes or fails; nothing else moves it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class VerificationState(StrEnum):
    """NEW is an enterprise of which nothing is known yet; it is never stored."""

    NEW = "NEW"
    VERIFIED = "VERIFIED"
    REFUSED = "REFUSED"


class VerificationEvent(StrEnum):
    """What a comparison with the registry can come to."""

    PASS = "PASS"  # noqa: S105  an event
    FAIL = "FAIL"


TRANSITIONS: Mapping[tuple[VerificationState, VerificationEvent], VerificationState] = {
    (state, event): VerificationState.VERIFIED if event is VerificationEvent.PASS else VerificationState.REFUSED
    for state in VerificationState
    for event in VerificationEvent
}
