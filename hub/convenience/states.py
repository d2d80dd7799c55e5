"""The life of a payment as a transition table: set aside, then paid, rejected by the agency, or released."""

from __future__ import annotations

from enum import StrEnum


class PaymentState(StrEnum):
    """Where a payment stands. Only RESERVED is not final."""

    RESERVED = "RESERVED"
    PAID = "PAID"
    REJECTED = "REJECTED"
    RELEASED = "RELEASED"


TRANSITIONS: dict[PaymentState, frozenset[PaymentState]] = {
    PaymentState.RESERVED: frozenset({PaymentState.PAID, PaymentState.REJECTED, PaymentState.RELEASED}),
    PaymentState.PAID: frozenset(),
    PaymentState.REJECTED: frozenset(),
    PaymentState.RELEASED: frozenset(),
}
