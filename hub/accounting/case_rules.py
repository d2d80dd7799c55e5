"""The life of a difference: open, one person proposes what it is, another decides, closed. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from huilian_protocol.errors import HuilianError

from hub.accounting.matching import Outcome, Reason
from hub.accounting.rules import AccountKind, Line, deposit_account

HUB = "hub"
"""Who acts when nobody has to: the other side's booking came, or the ledgers agree again."""


class CaseState(StrEnum):
    """Where a case stands. Only CLOSED is final."""

    OPEN = "OPEN"
    PROPOSED = "PROPOSED"
    CLOSED = "CLOSED"


TRANSITIONS: dict[CaseState, frozenset[CaseState]] = {
    # What the bank or the ERP books later closes a case by itself, whatever was proposed.
    CaseState.OPEN: frozenset({CaseState.PROPOSED, CaseState.CLOSED}),
    CaseState.PROPOSED: frozenset({CaseState.PROPOSED, CaseState.OPEN, CaseState.CLOSED}),
    CaseState.CLOSED: frozenset(),
}


class Source(StrEnum):
    """Whose books differ from ours: the bank's, by its statement, or an enterprise's ERP."""

    BANK = "BANK"
    ERP = "ERP"


class Resolution(StrEnum):
    """How a case ended. NOTED: the ERP is to be corrected, our books stand; only for cases with an ERP."""

    NONE = ""
    MATCHED = "MATCHED"
    COMPENSATED = "COMPENSATED"
    NOTED = "NOTED"
    ARRIVED = "ARRIVED"


class Contra(StrEnum):
    """Where the other side of a compensating journal goes."""

    CLEARING = "CLEARING"
    FEE_EXPENSE = "FEE_EXPENSE"
    FEE_INCOME = "FEE_INCOME"
    DEPOSIT = "DEPOSIT"


@dataclass(frozen=True)
class Difference:
    """What a case is about. `amount_fen` has the sign of the account's own side: above 0 for money in."""

    source: Source
    kind: Outcome
    reason: Reason
    account_id: str
    item_id: str
    item_date: date
    amount_fen: int
    candidates: tuple[str, ...] = ()

    @property
    def case_id(self) -> str:
        """The same difference is the same case, however often it is found."""
        text = "\0".join((self.source, self.kind, self.account_id, self.item_id, str(self.amount_fen)))
        return "case-" + base64.b32encode(sha256(text.encode()).digest()[:15]).decode("ascii").lower()


@dataclass(frozen=True)
class Proposal:
    """What one person says a difference is."""

    resolution: Resolution
    reason: str
    journal_ids: tuple[str, ...] = ()
    contra: Contra | None = None
    party: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the case's row."""
        return {
            "resolution": self.resolution.value,
            "reason": self.reason,
            "journal_ids": [*self.journal_ids],
            "contra": self.contra.value if self.contra else None,
            "party": self.party,
        }


@dataclass(frozen=True)
class Case:
    """A difference and how far it came."""

    case_id: str
    difference: Difference
    state: CaseState
    proposal: Proposal | None
    proposed_by: str | None
    decided_by: str | None
    resolution: Resolution
    created_at: datetime
    closed_at: datetime | None
    events: tuple[CaseEvent, ...] = field(default=())


@dataclass(frozen=True)
class CaseEvent:
    """One step of a case: OPENED, PROPOSED, REFUSED or CLOSED."""

    step: str
    actor: str
    note: str
    created_at: datetime


def check_transition(before: CaseState, after: CaseState) -> None:
    """Raises STATE_CONFLICT for a step that there is not."""
    if after not in TRANSITIONS[before]:
        raise HuilianError("STATE_CONFLICT", state=before)


def check_proposal(difference: Difference, proposal: Proposal) -> None:
    """Raises INVALID_ARGUMENT for a resolution that the difference cannot have."""
    if (difference.source is Source.ERP) != (proposal.resolution is Resolution.NOTED):
        raise HuilianError("INVALID_ARGUMENT", "not a resolution of this case", field="resolution")
    if proposal.resolution is Resolution.MATCHED:
        if difference.kind is Outcome.MISSING_AT_BANK:
            raise HuilianError("INVALID_ARGUMENT", "match the entry's own case with it", field="journal_ids")
        if not proposal.journal_ids or len(set(proposal.journal_ids)) != len(proposal.journal_ids):
            raise HuilianError("INVALID_ARGUMENT", "journals, each once", field="journal_ids")
    compensates = proposal.resolution is Resolution.COMPENSATED
    if compensates != (proposal.contra is not None):
        raise HuilianError("INVALID_ARGUMENT", "for a compensating journal, and for nothing else", field="contra")
    if (proposal.contra is Contra.DEPOSIT) != bool(proposal.party):
        raise HuilianError("INVALID_ARGUMENT", "for a deposit, and for nothing else", field="party_id")


def contra_account(contra: Contra, party: str) -> tuple[str, str, AccountKind]:
    """Account id, owner and kind of a compensating journal's other side."""
    if contra is Contra.DEPOSIT:
        return deposit_account(party), party, AccountKind.DEPOSIT
    return f"reconciliation:{contra.value.lower().replace('_', '-')}", "bank", AccountKind(contra.value)


def compensating(difference: Difference, contra_id: str) -> Sequence[Line]:
    """Lines that bring our account to what the bank says: its entry booked, or our booking taken back."""
    change_fen = -difference.amount_fen if difference.kind is Outcome.MISSING_AT_BANK else difference.amount_fen
    more, less = max(change_fen, 0), max(-change_fen, 0)
    return [
        Line(difference.account_id, debit_fen=more, credit_fen=less),
        Line(contra_id, debit_fen=less, credit_fen=more),
    ]
