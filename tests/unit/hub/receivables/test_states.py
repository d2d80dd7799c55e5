"""The transition tables: what they allow, what they refuse, and that they hang together."""

from __future__ import annotations

import itertools

import pytest
from huilian_protocol.errors import HuilianError

from hub.receivables.states import (
    CERTIFICATE_TRANSITIONS,
    RECEIVABLE_TRANSITIONS,
    UNSPENT_STATES,
    CertificateEvent,
    CertificateState,
    ReceivableEvent,
    ReceivableState,
    next_certificate_state,
    next_receivable_state,
)

CERTIFICATE_ENDS = {
    CertificateState.SPLIT,
    CertificateState.TRANSFERRED,
    CertificateState.REDEEMED,
    CertificateState.REFUSED,
    CertificateState.CANCELLED,
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(CertificateState, CertificateEvent)))
def test_a_certificate_moves_by_the_table_only(state: CertificateState, event: CertificateEvent) -> None:
    if (state, event) in CERTIFICATE_TRANSITIONS:
        assert next_certificate_state(state, event) is CERTIFICATE_TRANSITIONS[state, event]
        return
    with pytest.raises(HuilianError) as refusal:
        next_certificate_state(state, event)
    assert (refusal.value.code, refusal.value.params["state"]) == ("STATE_CONFLICT", state.value)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(ReceivableState, ReceivableEvent)))
def test_a_receivable_moves_by_the_table_only(state: ReceivableState, event: ReceivableEvent) -> None:
    if (state, event) in RECEIVABLE_TRANSITIONS:
        assert next_receivable_state(state, event) is RECEIVABLE_TRANSITIONS[state, event]
        return
    with pytest.raises(HuilianError) as refusal:
        next_receivable_state(state, event)
    assert (refusal.value.code, refusal.value.params["state"]) == ("STATE_CONFLICT", state.value)


def test_spent_certificates_stay_spent() -> None:
    assert CERTIFICATE_ENDS.isdisjoint(UNSPENT_STATES)
    assert set(CertificateState) == UNSPENT_STATES | CERTIFICATE_ENDS
    assert not [state for state, _ in CERTIFICATE_TRANSITIONS if state in CERTIFICATE_ENDS]


def test_every_unspent_certificate_can_end() -> None:
    reach = set(CERTIFICATE_ENDS)
    for _ in CertificateState:
        reach |= {state for (state, _), after in CERTIFICATE_TRANSITIONS.items() if after in reach}
    assert reach == set(CertificateState)


def test_every_receivable_state_is_reached_and_can_end() -> None:
    reached, ending = {ReceivableState.DRAFT}, {ReceivableState.SETTLED, ReceivableState.VOID}
    for _ in ReceivableState:
        reached |= {after for (state, _), after in RECEIVABLE_TRANSITIONS.items() if state in reached}
        ending |= {state for (state, _), after in RECEIVABLE_TRANSITIONS.items() if after in ending}
    assert reached == ending == set(ReceivableState)


def test_what_the_buyer_signed_is_not_unsigned() -> None:
    """Out of CERTIFICATED there is no way to a dispute: holders down the chain rely on the signature."""
    ways = {event for state, event in RECEIVABLE_TRANSITIONS if state is ReceivableState.CERTIFICATED}
    assert ways == {ReceivableEvent.DECERTIFICATE, ReceivableEvent.SETTLE, ReceivableEvent.MISS_DUE_DATE}
