"""State machines of a receivable and of a certificate, as explicit transition tables.

A transition that is not in a table does not exist. The tables are the only place that decides what may follow what;
services ask `next_receivable_state` / `next_certificate_state` and write the answer with a compare-and-swap on the
old state.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from huilian_protocol.errors import HuilianError


class ReceivableState(StrEnum):
    """Life of a receivable (应收账款)."""

    DRAFT = "DRAFT"
    MATCHED = "MATCHED"
    CONFIRMED = "CONFIRMED"
    CERTIFICATED = "CERTIFICATED"
    PLEDGED = "PLEDGED"
    ASSIGNED = "ASSIGNED"
    SETTLED = "SETTLED"
    DISPUTED = "DISPUTED"
    DILUTED = "DILUTED"
    OVERDUE = "OVERDUE"
    DEFAULTED = "DEFAULTED"
    VOID = "VOID"


class ReceivableEvent(StrEnum):
    """What can happen to a receivable."""

    MATCH = "MATCH"
    UNMATCH = "UNMATCH"
    CONFIRM = "CONFIRM"
    CERTIFICATE = "CERTIFICATE"
    DECERTIFICATE = "DECERTIFICATE"
    PLEDGE = "PLEDGE"
    ASSIGN = "ASSIGN"
    RELEASE = "RELEASE"
    DISPUTE = "DISPUTE"
    REINSTATE = "REINSTATE"
    DILUTE = "DILUTE"
    MISS_DUE_DATE = "MISS_DUE_DATE"
    DEFAULT = "DEFAULT"
    SETTLE = "SETTLE"
    VOID = "VOID"


class CertificateState(StrEnum):
    """Life of an electronic receivable certificate (应收账款电子凭证)."""

    ISSUED = "ISSUED"
    HELD = "HELD"
    SPLIT = "SPLIT"
    TRANSFERRED = "TRANSFERRED"
    BLOCKED = "BLOCKED"
    FINANCED = "FINANCED"
    DUE = "DUE"
    REDEEMED = "REDEEMED"
    FROZEN = "FROZEN"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"


class CertificateEvent(StrEnum):
    """What can happen to a certificate."""

    ACCEPT = "ACCEPT"
    REFUSE = "REFUSE"
    CANCEL = "CANCEL"
    SPLIT = "SPLIT"
    TRANSFER = "TRANSFER"
    BLOCK = "BLOCK"
    RELEASE = "RELEASE"
    FINANCE = "FINANCE"
    FREEZE = "FREEZE"
    UNFREEZE = "UNFREEZE"
    FALL_DUE = "FALL_DUE"
    REDEEM = "REDEEM"


_R, _RE = ReceivableState, ReceivableEvent
_C, _CE = CertificateState, CertificateEvent

RECEIVABLE_TRANSITIONS: Mapping[tuple[ReceivableState, ReceivableEvent], ReceivableState] = {
    (_R.DRAFT, _RE.MATCH): _R.MATCHED,
    (_R.DRAFT, _RE.VOID): _R.VOID,
    # The ERP changed a document before anybody signed.
    (_R.MATCHED, _RE.UNMATCH): _R.DRAFT,
    (_R.MATCHED, _RE.CONFIRM): _R.CONFIRMED,
    (_R.MATCHED, _RE.DISPUTE): _R.DISPUTED,
    (_R.MATCHED, _RE.VOID): _R.VOID,
    (_R.CONFIRMED, _RE.CERTIFICATE): _R.CERTIFICATED,
    (_R.CONFIRMED, _RE.PLEDGE): _R.PLEDGED,
    (_R.CONFIRMED, _RE.ASSIGN): _R.ASSIGNED,
    (_R.CONFIRMED, _RE.DISPUTE): _R.DISPUTED,
    (_R.CONFIRMED, _RE.DILUTE): _R.DILUTED,
    (_R.CONFIRMED, _RE.SETTLE): _R.SETTLED,
    (_R.CONFIRMED, _RE.MISS_DUE_DATE): _R.OVERDUE,
    # A certificated receivable is never disputed away from its holders: the buyer's signature was unconditional.
    (_R.CERTIFICATED, _RE.DECERTIFICATE): _R.CONFIRMED,
    (_R.CERTIFICATED, _RE.SETTLE): _R.SETTLED,
    (_R.CERTIFICATED, _RE.MISS_DUE_DATE): _R.OVERDUE,
    # A lender has no better right than the supplier had (Civil Code §548): the buyer's defences go on, and the loan is
    # called in. What the buyer may no longer say to a lender is decided by `disputes`.
    (_R.PLEDGED, _RE.DISPUTE): _R.DISPUTED,
    (_R.PLEDGED, _RE.DILUTE): _R.DILUTED,
    (_R.PLEDGED, _RE.RELEASE): _R.CONFIRMED,
    (_R.PLEDGED, _RE.SETTLE): _R.SETTLED,
    (_R.PLEDGED, _RE.MISS_DUE_DATE): _R.OVERDUE,
    (_R.ASSIGNED, _RE.DISPUTE): _R.DISPUTED,
    (_R.ASSIGNED, _RE.DILUTE): _R.DILUTED,
    (_R.ASSIGNED, _RE.RELEASE): _R.CONFIRMED,
    (_R.ASSIGNED, _RE.SETTLE): _R.SETTLED,
    (_R.ASSIGNED, _RE.MISS_DUE_DATE): _R.OVERDUE,
    # After a dispute the parties confirm anew (what was agreed may differ from what was signed) or give up.
    (_R.DISPUTED, _RE.REINSTATE): _R.MATCHED,
    (_R.DISPUTED, _RE.VOID): _R.VOID,
    (_R.DILUTED, _RE.REINSTATE): _R.MATCHED,
    (_R.DILUTED, _RE.VOID): _R.VOID,
    (_R.OVERDUE, _RE.SETTLE): _R.SETTLED,
    (_R.OVERDUE, _RE.DEFAULT): _R.DEFAULTED,
    (_R.DEFAULTED, _RE.SETTLE): _R.SETTLED,
}

CERTIFICATE_TRANSITIONS: Mapping[tuple[CertificateState, CertificateEvent], CertificateState] = {
    (_C.ISSUED, _CE.ACCEPT): _C.HELD,
    (_C.ISSUED, _CE.REFUSE): _C.REFUSED,
    (_C.ISSUED, _CE.CANCEL): _C.CANCELLED,
    (_C.HELD, _CE.SPLIT): _C.SPLIT,
    (_C.HELD, _CE.TRANSFER): _C.TRANSFERRED,
    (_C.HELD, _CE.BLOCK): _C.BLOCKED,
    (_C.HELD, _CE.FREEZE): _C.FROZEN,
    (_C.HELD, _CE.FALL_DUE): _C.DUE,
    (_C.BLOCKED, _CE.RELEASE): _C.HELD,
    (_C.BLOCKED, _CE.FINANCE): _C.FINANCED,
    # Released after financing: the loan over it was repaid before the certificate fell due.
    (_C.FINANCED, _CE.RELEASE): _C.HELD,
    (_C.FINANCED, _CE.FALL_DUE): _C.DUE,
    (_C.FROZEN, _CE.UNFREEZE): _C.HELD,
    # A frozen certificate is paid like any other, to an account that is frozen in its place.
    (_C.FROZEN, _CE.FALL_DUE): _C.DUE,
    (_C.DUE, _CE.REDEEM): _C.REDEEMED,
}

UNSPENT_STATES = frozenset({_C.ISSUED, _C.HELD, _C.BLOCKED, _C.FINANCED, _C.FROZEN, _C.DUE})
"""A certificate in one of these is an unspent output: its amount is still owed to its holder."""

LIVE_RECEIVABLE_STATES = frozenset({_R.CONFIRMED, _R.CERTIFICATED, _R.PLEDGED, _R.ASSIGNED, _R.OVERDUE, _R.DEFAULTED})
"""A receivable in one of these is confirmed by the buyer and not yet settled."""


def next_receivable_state(state: ReceivableState, event: ReceivableEvent) -> ReceivableState:
    """State after `event`; raises STATE_CONFLICT when the table has no such transition."""
    try:
        return RECEIVABLE_TRANSITIONS[state, event]
    except KeyError:
        raise HuilianError("STATE_CONFLICT", f"receivable: {event} in state {state}", state=state) from None


def next_certificate_state(state: CertificateState, event: CertificateEvent) -> CertificateState:
    """State after `event`; raises STATE_CONFLICT when the table has no such transition."""
    try:
        return CERTIFICATE_TRANSITIONS[state, event]
    except KeyError:
        raise HuilianError("STATE_CONFLICT", f"certificate: {event} in state {state}", state=state) from None
