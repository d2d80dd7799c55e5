"""Order loans: principal follows the goods, line by line, and no fen of it is lost or lent twice."""

from decimal import Decimal

import pytest
from huilian_protocol.errors import HuilianError
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.lending.orders.rules import (
    LineState,
    OrderLine,
    OrderLoanState,
    cancel,
    deliver,
    order_loan_state,
    share_of,
    spread_principal,
)

RATE = Decimal("0.90")


def state(lines: list[OrderLine], outstanding_fen: int) -> OrderLoanState:
    return order_loan_state(lines, paid_out=True, outstanding_fen=outstanding_fen)


def test_an_order_by_hand() -> None:
    """1,000 and 500 yuan ordered, 60 % lent: 600 and 300. Half of the first line comes: 300 stand on 500 of goods."""
    first, second = spread_principal({"a": 100_000, "b": 50_000}, 90_000, Decimal("0.6"))
    assert (first.principal_fen, second.principal_fen) == (60_000, 30_000)
    assert order_loan_state([first, second], paid_out=False, outstanding_fen=0) is OrderLoanState.APPROVED
    assert state([first, second], 90_000) is OrderLoanState.ACTIVE
    first, conversion = deliver(first, 50_000, RATE)
    assert (conversion.principal_fen, conversion.lent_fen, conversion.repaid_fen) == (30_000, 30_000, 0)
    assert first.state is LineState.PARTLY_DELIVERED and state([first, second], 60_000) is OrderLoanState.CONVERTING
    second, due = cancel(second, 50_000)
    assert due == 30_000 and second.state is LineState.CANCELLED
    assert state([first, second], 60_000) is OrderLoanState.DUE, "30,000 of it stand on no goods"
    first, _ = deliver(first, 50_000, RATE)
    assert first.state is LineState.DELIVERED
    assert state([first, second], 0) is OrderLoanState.CLOSED, "a part was called in"


def test_an_order_that_is_wholly_delivered_is_converted() -> None:
    (line,) = spread_principal({"a": 100_000}, 60_000, Decimal("0.6"))
    line, _ = deliver(line, 100_000, RATE)
    assert state([line], 0) is OrderLoanState.CONVERTED


def test_what_the_receivable_does_not_secure_is_repaid() -> None:
    (line,) = spread_principal({"a": 100_000}, 80_000, Decimal("0.8"))
    _, conversion = deliver(line, 50_000, Decimal("0.7"))
    assert (conversion.principal_fen, conversion.lent_fen, conversion.repaid_fen) == (40_000, 35_000, 5_000)


def test_goods_that_nobody_ordered_secure_nothing() -> None:
    (line,) = spread_principal({"a": 100_000}, 60_000, Decimal("0.6"))
    line, _ = deliver(line, 99_999, RATE)
    for act in (lambda: deliver(line, 2, RATE), lambda: cancel(line, 2)):
        with pytest.raises(HuilianError, match="AMOUNT_EXCEEDS_RECEIVABLE"):
            act()
    for act in (lambda: deliver(line, 0, RATE), lambda: cancel(line, -1)):
        with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
            act()


def test_no_more_is_lent_than_the_order_carries() -> None:
    with pytest.raises(HuilianError, match="AMOUNT_EXCEEDS_RECEIVABLE"):
        spread_principal({"a": 100_000}, 60_001, Decimal("0.6"))
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        spread_principal({"a": 0}, 1, Decimal("0.6"))
    with pytest.raises(HuilianError, match="INVALID_ARGUMENT"):
        spread_principal({}, 1, Decimal("0.6"))


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
    st.decimals("0.1", "1", places=2),
    st.decimals("0.1", "1", places=2),
    st.data(),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 1000), st.booleans()), max_size=10),
)
@settings(deadline=None)
def test_principal_is_conserved_and_always_secured(
    ordered: list[int], order_rate: Decimal, rate: Decimal, data: st.DataObject, steps: list[tuple[int, int, bool]]
) -> None:
    most = share_of(order_rate, sum(ordered))
    if most == 0:
        return
    principal = data.draw(st.integers(1, most))
    lines = spread_principal({str(n): fen for n, fen in enumerate(ordered)}, principal, order_rate)
    assert sum(line.principal_fen for line in lines) == principal
    outstanding, lent, added, due = principal, 0, 0, 0
    # Parts of lines in thousandths, then the rest of every line at once.
    for wanted, thousandths, delivered in [*steps, *((n, 1000, n % 2 == 0) for n in range(len(lines)))]:
        number = wanted % len(lines)
        line = lines[number]
        part = -(-line.open_fen * thousandths // 1000)
        if part == 0:
            continue
        if delivered:
            lines[number], conversion = deliver(line, part, rate)
            assert 0 <= conversion.lent_fen <= share_of(rate, part), "secured at the receivable's rate"
            assert conversion.repaid_fen >= 0
            lent, added = lent + conversion.lent_fen, added + conversion.repaid_fen
            outstanding -= conversion.principal_fen
        else:
            lines[number], called = cancel(line, part)
            due += called
        carried = sum(line.remaining_fen for line in lines)
        assert lent + added + due + carried == principal, "no fen is lost, none is lent twice"
        assert outstanding == carried + due
        if outstanding and due:
            assert state(lines, outstanding) is OrderLoanState.DUE
        if part == line.open_fen:
            assert lines[number].remaining_fen == 0, "the last part takes all"
    assert outstanding == due, "nothing stands on goods that will not come"
