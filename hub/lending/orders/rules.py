"""The order loan (订单融资): lent on an order, and turned line by line into a receivable loan on delivery. Pure.

A line of the order carries its part of the principal. When goods of it are received, invoiced and confirmed, the part
that belongs to them leaves the order loan and stands on the receivable from then on: no money moves, the security does.
What is not delivered falls due with the order loan; what is cancelled or returned falls due at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from huilian_protocol.errors import HuilianError


class LineState(StrEnum):
    """Life of an order line under a loan."""

    OPEN = "OPEN"
    PARTLY_DELIVERED = "PARTLY_DELIVERED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


class ApplicationState(StrEnum):
    """Life of an application for an order loan; DISBURSED while its loan is open, ENDED afterwards."""

    REFERRED = "REFERRED"
    OFFERED = "OFFERED"
    SIGNED = "SIGNED"
    DISBURSED = "DISBURSED"
    ENDED = "ENDED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


_A = ApplicationState
TRANSITIONS: Mapping[ApplicationState, frozenset[ApplicationState]] = {
    # Nothing is blocked while a person decides.
    _A.REFERRED: frozenset({_A.OFFERED, _A.REJECTED, _A.EXPIRED, _A.WITHDRAWN}),
    _A.OFFERED: frozenset({_A.SIGNED, _A.EXPIRED, _A.WITHDRAWN}),
    # A signed contract waits for the claim on the order only.
    _A.SIGNED: frozenset({_A.DISBURSED, _A.REJECTED, _A.EXPIRED}),
    _A.DISBURSED: frozenset({_A.ENDED}),
    _A.ENDED: frozenset(),
    _A.REJECTED: frozenset(),
    _A.EXPIRED: frozenset(),
    _A.WITHDRAWN: frozenset(),
}


def check_transition(state: ApplicationState, target: ApplicationState) -> None:
    """Raises STATE_CONFLICT unless an application may go from `state` to `target`."""
    if target not in TRANSITIONS[state]:
        raise HuilianError("STATE_CONFLICT", f"order loan: {target} after {state}", state=state)


class OrderLoanState(StrEnum):
    """Life of an order loan: CONVERTING while some lines are delivered and others are not; CONVERTED when none is left.

    DUE: lines were cancelled, so that principal which no goods stand for any more is to be repaid.
    """

    APPROVED = "APPROVED"
    ACTIVE = "ACTIVE"
    CONVERTING = "CONVERTING"
    CONVERTED = "CONVERTED"
    DUE = "DUE"
    CLOSED = "CLOSED"


@dataclass(frozen=True)
class OrderLine:
    """One line, in fen: what was ordered, the principal lent on it, what was delivered of it, what of it was cancelled.

    `converted_fen` is the principal that left with deliveries, `called_fen` that which cancellations called in;
    `billed_before_fen` was delivered before the loan and is no part of `ordered_fen`.
    """

    line_id: str
    ordered_fen: int
    principal_fen: int
    delivered_fen: int = 0
    cancelled_fen: int = 0
    converted_fen: int = 0
    called_fen: int = 0
    billed_before_fen: int = 0

    @property
    def open_fen(self) -> int:
        """What may still be delivered or cancelled."""
        return self.ordered_fen - self.delivered_fen - self.cancelled_fen

    @property
    def remaining_fen(self) -> int:
        """The principal that still stands on goods to come."""
        return self.principal_fen - self.converted_fen - self.called_fen

    @property
    def state(self) -> LineState:
        """Derived from the amounts."""
        if self.open_fen == 0:
            return LineState.DELIVERED if self.delivered_fen else LineState.CANCELLED
        return LineState.PARTLY_DELIVERED if self.delivered_fen else LineState.OPEN


@dataclass(frozen=True)
class Conversion:
    """What one delivery does, in fen: `principal_fen` leaves the order loan, `lent_fen` of it on the receivable.

    The rest, `repaid_fen`, is above what the receivable secures and is repaid by the borrower.
    """

    line_id: str
    principal_fen: int
    lent_fen: int

    @property
    def repaid_fen(self) -> int:
        """What the borrower adds."""
        return self.principal_fen - self.lent_fen


def spread_principal(ordered_fen: Mapping[str, int], principal_fen: int, advance_rate: Decimal) -> list[OrderLine]:
    """The principal spread over the lines in proportion to what was ordered, to the fen, in the order of the lines.

    Raises AMOUNT_EXCEEDS_RECEIVABLE above the advance rate of the order, INVALID_ARGUMENT for lines without goods.
    """
    if not ordered_fen or any(fen <= 0 for fen in ordered_fen.values()):
        raise HuilianError("INVALID_ARGUMENT", "every line orders something", field="lines")
    total_fen = sum(ordered_fen.values())
    most_fen = share_of(advance_rate, total_fen)
    if not 0 < principal_fen <= most_fen:
        raise HuilianError("AMOUNT_EXCEEDS_RECEIVABLE", amount_fen=principal_fen, available_fen=most_fen)
    lines, seen_fen, given_fen = [], 0, 0
    for line_id, fen in ordered_fen.items():
        seen_fen += fen
        upto_fen = principal_fen * seen_fen // total_fen
        lines.append(OrderLine(line_id, fen, upto_fen - given_fen))
        given_fen = upto_fen
    return lines


def deliver(line: OrderLine, confirmed_fen: int, advance_rate: Decimal) -> tuple[OrderLine, Conversion]:
    """Goods of a line worth `confirmed_fen` became a confirmed receivable, lent on at `advance_rate` from now on.

    Raises AMOUNT_EXCEEDS_RECEIVABLE for more than is open of the line: goods that nobody ordered secure nothing.
    """
    _check_open(line, confirmed_fen)
    leaves_fen = _share_of_rest(line, confirmed_fen)
    lent_fen = min(leaves_fen, share_of(advance_rate, confirmed_fen))
    after = replace(
        line,
        delivered_fen=line.delivered_fen + confirmed_fen,
        converted_fen=line.converted_fen + leaves_fen,
    )
    return after, Conversion(line.line_id, leaves_fen, lent_fen)


def cancel(line: OrderLine, cancelled_fen: int) -> tuple[OrderLine, int]:
    """Goods of a line will not come: the line, and the principal that falls due at once.

    Raises AMOUNT_EXCEEDS_RECEIVABLE for more than is open of the line.
    """
    _check_open(line, cancelled_fen)
    due_fen = _share_of_rest(line, cancelled_fen)
    after = replace(line, cancelled_fen=line.cancelled_fen + cancelled_fen, called_fen=line.called_fen + due_fen)
    return after, due_fen


def order_loan_state(lines: Sequence[OrderLine], *, paid_out: bool, outstanding_fen: int) -> OrderLoanState:
    """Where an order loan stands, from its lines and the principal that is still owed on it."""
    if not paid_out:
        return OrderLoanState.APPROVED
    remaining_fen = sum(line.remaining_fen for line in lines)
    if outstanding_fen == 0:
        wholly = all(line.called_fen == 0 and line.remaining_fen == 0 for line in lines)
        return OrderLoanState.CONVERTED if wholly else OrderLoanState.CLOSED
    if outstanding_fen > remaining_fen:
        return OrderLoanState.DUE
    delivered = any(line.delivered_fen for line in lines)
    return OrderLoanState.CONVERTING if delivered else OrderLoanState.ACTIVE


def share_of(rate: Decimal, amount_fen: int) -> int:
    """A rate of an amount, rounded down to the fen: security is never counted up."""
    return int((rate * amount_fen).to_integral_value(rounding=ROUND_FLOOR))


def _share_of_rest(line: OrderLine, part_fen: int) -> int:
    """The principal that goes with a part of what is open; the last part takes all that is left, so nothing is lost."""
    return line.remaining_fen * part_fen // line.open_fen


def _check_open(line: OrderLine, part_fen: int) -> None:
    if part_fen <= 0:
        raise HuilianError("INVALID_ARGUMENT", "an amount above zero", field="amount_fen")
    if part_fen > line.open_fen:
        raise HuilianError("AMOUNT_EXCEEDS_RECEIVABLE", amount_fen=part_fen, available_fen=line.open_fen)
