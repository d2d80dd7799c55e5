"""A consent as everybody else sees it, made from its row and the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from huilian_protocol.artefact import Artefact, parse_artefact
from huilian_protocol.canonical import parse_canonical
from huilian_protocol.clock import format_time
from huilian_protocol.delegation import Link, chain_from
from huilian_protocol.errors import HuilianError
from huilian_protocol.resumption import Resumption

from hub.consent.states import State, effective, refusal
from hub.consent.store import ConsentRow

REMEMBERED_ARTEFACTS = 1_024


@dataclass(frozen=True)
class Consent:
    """A consent as it stands now; `signed` is the exported file, None until it is granted. `stopped` are the datasets
    and actions that were revoked by themselves; `pause_id` names the pause, while there is one.
    """

    artefact_bytes: bytes
    state: State
    signed: bytes | None
    agencies: tuple[str, ...]
    granted_at: datetime | None
    ended_at: datetime | None
    stopped: frozenset[str] = frozenset()
    pause_id: str | None = None

    @cached_property
    def artefact(self) -> Artefact:
        """What the person signed, or is asked to sign."""
        return _parsed(self.artefact_bytes)

    @property
    def parties(self) -> frozenset[str]:
        """Whom it is about and who signed it: both see it and both may stop it."""
        return frozenset({self.artefact.subject, self.artefact.signed_by})

    @property
    def resumption(self) -> Resumption | None:
        """What has to be signed to go on; None unless it is paused."""
        if self.pause_id is None or self.state is not State.PAUSED:
            return None
        artefact = self.artefact
        return Resumption(artefact.id, artefact.version, artefact.sha256, self.pause_id)

    def refusal(self) -> HuilianError:
        """Why this consent does not allow a read now; for one that is not in force."""
        artefact = self.artefact
        return refusal(self.state, valid_until=format_time(artefact.valid_until), max_reads=artefact.max_reads)

    def allows(self, what: str) -> bool:
        """Whether it is in force for this dataset or action."""
        return self.state is State.GRANTED and what not in self.stopped

    def require_open(self, what: str) -> None:
        """Raise `refusal`, or CONSENT_REVOKED when this dataset or action was revoked by itself."""
        if self.state is not State.GRANTED:
            raise self.refusal()
        if what in self.stopped:
            raise HuilianError("CONSENT_REVOKED", f"of {what}")


@lru_cache(REMEMBERED_ARTEFACTS)
def _parsed(artefact: bytes) -> Artefact:
    """The same bytes say the same; an artefact never changes."""
    return parse_artefact(artefact)


def forget_artefacts() -> None:
    """Drop every artefact that this process remembers; they are read again when they are needed."""
    _parsed.cache_clear()


@dataclass(frozen=True)
class Page:
    """Some consents and where the list goes on (empty at its end)."""

    consents: tuple[Consent, ...]
    next_token: str


def state_of(row: ConsentRow, now: datetime) -> State:
    """What the stored state means now."""
    return effective(State(row.state), row.valid_until, now)


def view(row: ConsentRow, now: datetime) -> Consent:
    """The consent in a row."""
    return Consent(
        artefact_bytes=bytes(row.artefact),
        state=state_of(row, now),
        signed=None if row.signed is None else bytes(row.signed),
        agencies=tuple(row.agencies),
        granted_at=row.granted_at,
        ended_at=row.ended_at,
        stopped=frozenset(row.stopped or ()),
        pause_id=row.pause_id,
    )


def chain_of(delegation: bytes | None) -> tuple[Link, ...]:
    """The stored chain of delegations; empty where the subject signs. Raises DELEGATION_INVALID."""
    if not delegation:
        return ()
    try:
        return chain_from(parse_canonical(bytes(delegation)))
    except ValueError as error:
        raise HuilianError("DELEGATION_INVALID", str(error), reason="not canonical JSON") from error


def not_found(consent_id: str) -> HuilianError:
    """There is none, or it is somebody else's."""
    return HuilianError("NOT_FOUND", resource=f"consent {consent_id}")
